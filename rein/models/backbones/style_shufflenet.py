"""ShuffleNetV2 with further normalisation layers in the stem and behind stages."""

from collections.abc import Mapping

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.shufflenetv2 import ShuffleNetV2

from rein.models.backbones.imagenet import load_imagenet
from rein.models.backbones.style_norms import build_norms, style_sites

WIDTHS = {0.5: (24, 48, 96, 192, 1024), 1.0: (24, 116, 232, 464, 1024)}
BLOCKS = (4, 8, 4)


@MODELS.register_module()
class StyleShuffleNetV2(BaseModule):
    """ShuffleNetV2 at output stride 16, with style norms at chosen places.

    A style norm at ``'stem'`` stands between batch norm and ReLU of the first convolution, at
    ``'stage2'`` to ``'stage4'`` behind the stage. In the last stage only the convolution that had
    stride 2 is dilated. Keys are torchvision's, the layers' own lie below ``norms``.

    Args:
        width: 1.0 or 0.5.
        norms: config of the layer at each place, see ``build_norms``.
        weights: file or torchvision name of ImageNet weights, see ``load_imagenet``; None begins
            at random.

    Raises:
        ValueError: no such width or place.
        WeightsError: ``weights`` cannot be loaded.

    Source: Ma et al., ECCV 2018 (arXiv:1807.11164); Choi et al., CVPR 2021 (arXiv:2103.15597).
    """

    def __init__(
        self,
        width: float = 1.0,
        norms: Mapping[str, dict | None] | None = None,
        weights: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or {'type': 'Kaiming', 'layer': 'Conv2d'})
        if width not in WIDTHS:
            raise ValueError(f'backbone.width is {width}; use one of {sorted(WIDTHS)}')
        widths = WIDTHS[width]
        network = ShuffleNetV2(list(BLOCKS), list(widths), num_classes=1)
        self.conv1, self.maxpool = network.conv1, network.maxpool
        self.stage2, self.stage3, self.stage4 = network.stage2, network.stage3, network.stage4
        self.conv5 = network.conv5
        for branch, number in ((self.stage4[0].branch1, 0), (self.stage4[0].branch2, 3)):
            dilate(branch[number])
        places = dict(zip(('stem', 'stage2', 'stage3', 'stage4'), widths, strict=False))
        self.norms = build_norms(norms, places)
        self.style_sites = style_sites(self.norms, places)
        self.weights = weights
        self.channels = widths[1:]
        self.strides = (8, 16, 16, 16)

    def init_weights(self) -> None:
        """Load ``weights``, or begin at random."""
        if self.weights is None:
            super().init_weights()
        else:
            load_imagenet(self, self.weights)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> maps of the three stages and of the last convolution."""
        conv, batch_norm, _ = self.conv1
        out = batch_norm(conv(images))
        if 'stem' in self.norms:
            out = self.norms['stem'](out)
        out = self.maxpool(F.relu(out))  # not in place: losses read what a norm made
        maps = []
        for place in ('stage2', 'stage3', 'stage4'):
            out = getattr(self, place)(out)
            if place in self.norms:
                out = self.norms[place](out)
            maps.append(out)
        return (*maps, self.conv5(out))


def dilate(conv: nn.Conv2d) -> None:
    """Make a 3x3 convolution of stride 2 one of stride 1 with dilation 2."""
    conv.stride, conv.dilation, conv.padding = (1, 1), (2, 2), (2, 2)
