"""From the equal-sized maps of a plain transformer to the pyramid that dense heads expect."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ResizePyramid(nn.Module):
    """Resize each map by a factor of its own, bilinearly; nothing to learn.

    Args:
        channels: width of each map (ignored; every pyramid is told it).
        scales: a factor for each map. From patches of 16 the default gives strides 4 to 32.
    """

    def __init__(
        self, channels: Sequence[int], scales: Sequence[float] = (4.0, 2.0, 1.0, 0.5)
    ) -> None:
        super().__init__()
        self.scales = tuple(scales)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps (B, C, h, w) -> maps (B, C, h·scale, w·scale), rounded down."""
        return [
            each
            if scale == 1
            else F.interpolate(each, scale_factor=scale, mode='bilinear', align_corners=False)
            for each, scale in zip(maps, self.scales, strict=True)
        ]


@MODELS.register_module()
class LearnedPyramid(nn.Module):
    """Four maps at x4, x2, x1 and x0.5 by transposed convolutions and pooling, all learned.

    The pyramid that the released Rein adapter for CLIP was trained with (12,596,224 parameters
    at 1024 channels). Its one batch norm is meant to be synchronised over ranks: set MMEngine's
    ``sync_bn='torch'`` for several GPUs.

    Args:
        channels: width of each of the four maps.
    """

    scales = (4.0, 2.0, 1.0, 0.5)

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        a, b, c, d = channels
        self.levels = nn.ModuleList(
            [
                nn.Sequential(
                    nn.GroupNorm(1, a),
                    nn.ConvTranspose2d(a, a, 2, 2),
                    nn.BatchNorm2d(a),
                    nn.GELU(),
                    nn.ConvTranspose2d(a, a, 2, 2),
                ),
                nn.Sequential(nn.GroupNorm(1, b), nn.ConvTranspose2d(b, b, 2, 2)),
                nn.Sequential(nn.GroupNorm(1, c)),
                nn.Sequential(nn.GroupNorm(1, d), nn.MaxPool2d(2, 2)),
            ]
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps (B, C, h, w) -> four maps (B, C, h·scale, w·scale)."""
        return [level(each) for level, each in zip(self.levels, maps, strict=True)]
