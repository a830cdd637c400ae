"""Frozen foundation models as MMSegmentation backbones."""

from rein.models.backbones.foundation import FoundationBackbone
from rein.models.backbones.pyramid import LearnedPyramid, ResizePyramid
from rein.models.backbones.weights import load_weights

__all__ = ['FoundationBackbone', 'LearnedPyramid', 'ResizePyramid', 'load_weights']
