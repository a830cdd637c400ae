"""Frozen foundation models as MMSegmentation backbones, and networks of convolutions."""

from rein.models.backbones.foundation import FoundationBackbone
from rein.models.backbones.mix_transformer import MixTransformer
from rein.models.backbones.pyramid import LearnedPyramid, ResizePyramid
from rein.models.backbones.style_mobilenet import StyleMobileNetV2
from rein.models.backbones.style_resnet import StyleResNet
from rein.models.backbones.style_shufflenet import StyleShuffleNetV2
from rein.models.backbones.switchable_whitening import SwitchableWhitening
from rein.models.backbones.weights import load_weights

__all__ = [
    'FoundationBackbone',
    'LearnedPyramid',
    'MixTransformer',
    'ResizePyramid',
    'StyleMobileNetV2',
    'StyleResNet',
    'StyleShuffleNetV2',
    'SwitchableWhitening',
    'load_weights',
]
