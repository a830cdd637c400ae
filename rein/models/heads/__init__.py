"""Decode heads and the mask queries that may come from outside."""

from rein.models.heads.deeplab import DeepLabV3PlusHead, DeepSupervisionHead
from rein.models.heads.log_depth import LogDepthHead
from rein.models.heads.mask2former import PlainMask2FormerHead
from rein.models.heads.queries import TokenQueries

__all__ = [
    'DeepLabV3PlusHead',
    'DeepSupervisionHead',
    'LogDepthHead',
    'PlainMask2FormerHead',
    'TokenQueries',
]
