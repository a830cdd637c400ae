"""Segmentors: how a backbone, an adapter and a head become one model."""

from rein.models.segmentors.foundation import FoundationSegmentor
from rein.models.segmentors.two_view import JoinedPass, OneView, SeparatePasses, TwoView

__all__ = ['FoundationSegmentor', 'JoinedPass', 'OneView', 'SeparatePasses', 'TwoView']
