"""Decode heads and the mask queries that may come from outside."""

from rein.models.heads.mask2former import PlainMask2FormerHead
from rein.models.heads.queries import TokenQueries

__all__ = ['PlainMask2FormerHead', 'TokenQueries']
