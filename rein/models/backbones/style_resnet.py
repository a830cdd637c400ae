"""ResNet with further normalisation layers in the stem and behind stages."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import mul
from typing import ClassVar

from mmseg.models.backbones.resnet import BasicBlock, Bottleneck, ResNet
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from rein.models.backbones.imagenet import load_imagenet
from rein.models.backbones.style_norms import build_norms, style_sites

# output stride -> strides and dilations of the four stages
SPACING = {
    8: ((1, 2, 1, 1), (1, 1, 2, 4)),
    16: ((1, 2, 2, 1), (1, 1, 1, 2)),
    32: ((1, 2, 2, 2), (1, 1, 1, 1)),
}


class _Block:
    """A residual block that can normalise the sum before the last ReLU."""

    def forward(self, x: Tensor, norm: nn.Module | None = None) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        if self.with_cp and x.requires_grad:
            total = checkpoint(self._total, x, use_reentrant=False)
        else:
            total = self._total(x)
        # What ``norm`` puts out is read by losses, so the ReLU behind it does not overwrite it.
        return F.relu(total, inplace=True) if norm is None else F.relu(norm(total))

    def _total(self, x: Tensor) -> Tensor:
        layers = [(self.conv1, self.norm1), (self.conv2, self.norm2)]
        if hasattr(self, 'conv3'):
            layers.append((self.conv3, self.norm3))
        out = x
        for i, (conv, norm) in enumerate(layers):
            out = norm(conv(F.relu(out, inplace=True) if i else out))
        return out + (x if self.downsample is None else self.downsample(x))


class StyleBasicBlock(_Block, BasicBlock):
    """Block of ResNet-18 and -34."""


class StyleBottleneck(_Block, Bottleneck):
    """Block of the deeper ones."""


@MODELS.register_module()
class StyleResNet(ResNet):
    """ResNet (the stride on the 3x3 convolution) with style norms at chosen places.

    At ``'stem'`` a style norm takes the place of ``bn1`` (at ``'stem1'``, ``'stem2'``,
    ``'stem3'`` of those of a deep stem); at ``'stage1'`` to ``'stage4'`` it stands in the last
    block, between the residual sum and the ReLU. Keys are torchvision's, the layers' own lie
    below ``norms``.

    Args:
        depth: 18, 34, 50, 101 or 152.
        norms: config of the layer at each place, see ``build_norms``.
        output_stride: 8, 16 or 32 pixels of the image to one of the last map; what is missing is
            made up by dilation, in the first block of a stage too.
        contract_dilation: the first block of a dilated stage has half of its dilation, as the
            networks of DeepLabV2 in domain adaptation.
        deep_stem: three 3x3 convolutions in place of one 7x7.
        stem_channels: of the stem's output; half of it inside a deep one.
        base_channels: of the first stage's 3x3 convolutions.
        out_indices: stages whose maps are returned, from 0.
        weights: file or torchvision name of ImageNet weights, see ``load_imagenet``; None begins
            at random.
        with_cp: work out the blocks again in the backward pass, to save memory.

    Raises:
        ValueError: no such output stride or place; no such depth (KeyError of MMSegmentation).
        WeightsError: ``weights`` cannot be loaded.

    Source: Choi et al., CVPR 2021 (arXiv:2103.15597).
    """

    arch_settings: ClassVar[dict] = {
        depth: (StyleBasicBlock if block is BasicBlock else StyleBottleneck, counts)
        for depth, (block, counts) in ResNet.arch_settings.items()
    }

    def __init__(  # noqa: PLR0913 what a ResNet can differ in
        self,
        depth: int,
        *,
        norms: Mapping[str, dict | None] | None = None,
        output_stride: int = 16,
        contract_dilation: bool = False,
        deep_stem: bool = False,
        stem_channels: int = 64,
        base_channels: int = 64,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        weights: str | None = None,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        if output_stride not in SPACING:
            raise ValueError(
                f'backbone.output_stride is {output_stride}; use one of {sorted(SPACING)}'
            )
        strides, dilations = SPACING[output_stride]
        super().__init__(
            depth,
            deep_stem=deep_stem,
            stem_channels=stem_channels,
            base_channels=base_channels,
            strides=strides,
            dilations=dilations,
            contract_dilation=contract_dilation,
            out_indices=tuple(out_indices),
            with_cp=with_cp,
            zero_init_residual=False,
            init_cfg=init_cfg,
        )
        self.weights = weights
        widths = [base_channels * 2**i * self.block.expansion for i in range(4)]
        stem = self._stem_layers()
        places = {place: channels for place, (_, channels) in stem.items()}
        places |= {f'stage{i + 1}': width for i, width in enumerate(widths)}
        self.norms = build_norms(norms, places)
        self.style_sites = style_sites(self.norms, places)
        self._replaced = [stem[place][0] for place in self.norms if place in stem]
        for name in self._replaced:
            self._remove(name)
        self.channels = tuple(widths[i] for i in out_indices)
        steps = list(accumulate(strides, initial=4, func=mul))[1:]
        self.strides = tuple(steps[i] for i in out_indices)  # of the maps, in the image

    def _stem_layers(self) -> dict[str, tuple[str, int]]:
        """Name and channels of the batch norm at each place of the stem."""
        if not self.deep_stem:
            return {'stem': ('bn1', self.stem_channels)}
        half = self.stem_channels // 2
        return {
            'stem1': ('stem.1', half),
            'stem2': ('stem.4', half),
            'stem3': ('stem.7', self.stem_channels),
        }

    def _remove(self, name: str) -> None:
        """Take a batch norm out, so that no key of it is left."""
        if name == 'bn1':
            del self.bn1
        else:
            self.stem[int(name.split('.')[1])] = nn.Identity()

    def init_weights(self) -> None:
        """Load ``weights``, or begin at random."""
        if self.weights is None:
            super().init_weights()
        else:
            load_imagenet(self, self.weights, [f'{name}.' for name in self._replaced])

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) -> maps of ``out_indices``, each (B, C, H / s, W / s)."""
        out = self.maxpool(
            self._through_deep_stem(images) if self.deep_stem else self._stem(images)
        )
        maps, norms = [], dict(self.norms)
        for i, name in enumerate(self.res_layers):
            *blocks, last = getattr(self, name)
            for block in blocks:
                out = block(out)
            out = last(out, norms.get(f'stage{i + 1}'))
            maps.append(out)
        return tuple(maps[i] for i in self.out_indices)

    def _stem(self, images: Tensor) -> Tensor:
        found = self.conv1(images)
        if 'stem' in self.norms:
            return F.relu(self.norms['stem'](found))
        return F.relu(self.norm1(found), inplace=True)

    def _through_deep_stem(self, images: Tensor) -> Tensor:
        out = images
        for number in range(3):
            conv, norm, _ = self.stem[3 * number : 3 * number + 3]
            place = f'stem{number + 1}'
            if place in self.norms:
                out = F.relu(self.norms[place](conv(out)))
            else:
                out = F.relu(norm(conv(out)), inplace=True)
        return out
