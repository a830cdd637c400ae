"""Segmentors: how a backbone, an adapter and a head become one model."""

from rein.models.segmentors.foundation import FoundationSegmentor

__all__ = ['FoundationSegmentor']
