"""The heads of domain adaptation's two networks: DAFormer's and DeepLabV2's."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn


class _Embedding(nn.Module):
    """A linear layer on every position of a map (B, C, h, w)."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(in_channels, channels)

    def forward(self, found: Tensor) -> Tensor:
        return self.proj(found.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _SeparableASPP(nn.Module):
    """Branches of several dilations, all but that of 1 separable, joined by a 3x3 convolution.

    There is no branch of the pooled image.
    """

    def __init__(
        self, in_channels: int, channels: int, dilations: Sequence[int], **parts: object
    ) -> None:
        super().__init__()
        self.aspp_modules = DepthwiseSeparableASPPModule(
            dilations=tuple(dilations),
            in_channels=in_channels,
            channels=channels,
            conv_cfg=None,
            **parts,
        )
        self.bottleneck = ConvModule(len(dilations) * channels, channels, 3, padding=1, **parts)

    def forward(self, found: Tensor) -> Tensor:
        return self.bottleneck(torch.cat(self.aspp_modules(found), dim=1))


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
    """All four maps at the size of the first, joined with context by a separable ASPP.

    Parameters have the names of the authors' code.

    Args:
        in_channels: of the maps.
        in_index: their places in the backbone's tuple; by default all in their order.
        channels: of each after its embedding, and of what is joined.
        dilations: of the ASPP; None joins by a 1x1 convolution, without context, as the attention
            between HRDA's scales does.
        kwargs: as of MMSegmentation's ``BaseDecodeHead``: ``num_classes``, ``norm_cfg``, ...

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887).
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 320, 512),
        channels: int = 256,
        dilations: Sequence[int] | None = (1, 6, 12, 18),
        in_index: Sequence[int] | None = None,
        **kwargs: object,
    ) -> None:
        kwargs = {'norm_cfg': {'type': 'BN'}, 'dropout_ratio': 0.1, 'align_corners': False} | kwargs
        kwargs['in_index'] = tuple(range(len(in_channels)) if in_index is None else in_index)
        super().__init__(in_channels, channels, input_transform='multiple_select', **kwargs)
        self.embed_layers = nn.ModuleDict(
            {str(k): _Embedding(each, channels) for k, each in enumerate(in_channels)}
        )
        joined, parts = (
            len(in_channels) * channels,
            dict(norm_cfg=self.norm_cfg, act_cfg=self.act_cfg),
        )
        self.fuse_layer = (
            ConvModule(joined, channels, 1, **parts)
            if dilations is None
            else _SeparableASPP(joined, channels, dilations, **parts)
        )

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Maps of the backbone -> (B, K, H, W) class scores at the first map's size."""
        maps = self._transform_inputs(inputs)
        size = maps[0].shape[2:]
        embedded = [
            resize(self.embed_layers[str(k)](each), size=size, mode='bilinear', align_corners=False)
            for k, each in enumerate(maps)
        ]
        return self.cls_seg(self.fuse_layer(torch.cat(embedded, dim=1)))


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """The sum of 3x3 convolutions of several dilations, which give class scores themselves.

    Args:
        in_channels: of the backbone's last map.
        in_index: its place in the backbone's tuple.
        dilations: of the convolutions.
        kwargs: as of MMSegmentation's ``BaseDecodeHead``: ``num_classes``, ...

    Source: Chen et al., TPAMI 2018 (arXiv:1606.00915), with two dilations as in DAFormer's code.
    """

    def __init__(
        self,
        in_channels: int = 2048,
        in_index: int = 3,
        dilations: Sequence[int] = (6, 12),
        **kwargs: object,
    ) -> None:
        kwargs = {'dropout_ratio': 0.0, 'align_corners': False} | kwargs
        super().__init__(in_channels, channels=1, in_index=in_index, **kwargs)
        del self.conv_seg  # the convolutions classify
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, self.out_channels, 3, padding=d, dilation=d) for d in dilations
        )

    def init_weights(self) -> None:
        """Weights of a normal distribution of deviation 0.01, biases 0."""
        for conv in self.convs:
            nn.init.normal_(conv.weight, std=0.01)
            nn.init.zeros_(conv.bias)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Maps of the backbone -> (B, K, h, w) class scores."""
        found = self._transform_inputs(inputs)
        return torch.stack([conv(found) for conv in self.convs]).sum(0)
