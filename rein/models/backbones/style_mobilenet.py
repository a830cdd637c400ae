"""MobileNetV2 with further normalisation layers behind chosen blocks."""

from collections.abc import Mapping

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor
from torchvision.models.mobilenetv2 import MobileNetV2

from rein.models.backbones.imagenet import load_imagenet
from rein.models.backbones.style_norms import build_norms, style_sites
from rein.models.backbones.style_shufflenet import dilate

LAST = {'stem': 1, 'stage1': 6, 'stage2': 10, 'stage3': 17}  # last block before each place
FIRST_OF_LAST_STRIDE = 14
MAPS = (6, 10, 17, 18)


@MODELS.register_module()
class StyleMobileNetV2(BaseModule):
    """MobileNetV2 at output stride 16, with style norms at chosen places.

    A style norm stands behind block 1 (``'stem'``), 6, 10 or 17 (``'stage1'`` to ``'stage3'``);
    these blocks end without an activation. Of the last stage only the convolution that had stride
    2 is dilated. Keys are torchvision's, the layers' own lie below ``norms``.

    Args:
        width: factor of all numbers of channels.
        norms: config of the layer at each place, see ``build_norms``.
        weights: file or torchvision name of ImageNet weights, see ``load_imagenet``; None begins
            at random.

    Raises:
        ValueError: no such place.
        WeightsError: ``weights`` cannot be loaded.

    Source: Sandler et al., CVPR 2018 (arXiv:1801.04381); Choi et al., CVPR 2021
    (arXiv:2103.15597).
    """

    def __init__(
        self,
        width: float = 1.0,
        norms: Mapping[str, dict | None] | None = None,
        weights: str | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg or {'type': 'Kaiming', 'layer': 'Conv2d'})
        network = MobileNetV2(num_classes=1, width_mult=width)
        self.features = network.features
        dilate(self.features[FIRST_OF_LAST_STRIDE].conv[1][0])
        widths = [getattr(block, 'out_channels', None) for block in self.features]
        places = {place: widths[block] for place, block in LAST.items()}
        self.norms = build_norms(norms, places)
        self.style_sites = style_sites(self.norms, places)
        self.weights = weights
        self.channels = tuple(widths[i] for i in MAPS)
        self.strides = (8, 16, 16, 16)

    def init_weights(self) -> None:
        """Load ``weights``, or begin at random."""
        if self.weights is None:
            super().init_weights()
        else:
            load_imagenet(self, self.weights)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> maps of blocks 6, 10, 17 and of the last convolution."""
        behind = {LAST[place]: norm for place, norm in self.norms.items()}
        maps, out = [], images
        for number, block in enumerate(self.features):
            out = block(out)
            if number in behind:
                out = behind[number](out)
            if number in MAPS:
                maps.append(out)
        return tuple(maps)
