"""Decode heads and the mask queries that may come from outside."""

from rein.models.heads.daformer import DAFormerHead, DeepLabV2Head
from rein.models.heads.deeplab import DeepLabV3PlusHead, DeepSupervisionHead
from rein.models.heads.geometric_ensemble import (
    AttentionPoolProjection,
    ConvNextProjection,
    GeometricEnsemble,
)
from rein.models.heads.hrda import HRDAHead
from rein.models.heads.log_depth import LogDepthHead
from rein.models.heads.mask2former import PlainMask2FormerHead
from rein.models.heads.mask_pooling import MaskPooling
from rein.models.heads.queries import TokenQueries
from rein.models.heads.text_classifier import TextClassifier

__all__ = [
    'AttentionPoolProjection',
    'ConvNextProjection',
    'DAFormerHead',
    'DeepLabV2Head',
    'DeepLabV3PlusHead',
    'DeepSupervisionHead',
    'GeometricEnsemble',
    'HRDAHead',
    'LogDepthHead',
    'MaskPooling',
    'PlainMask2FormerHead',
    'TextClassifier',
    'TokenQueries',
]
