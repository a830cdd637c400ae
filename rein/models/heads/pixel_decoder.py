"""The pixel decoder: fuse a backbone's maps into memory for queries and features for masks."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rein.models.heads.deformable_attention import (
    DeformableAttention,
    Levels,
    Size,
    level_centres,
)
from rein.models.heads.feed_forward import FeedForward

LEVELS = 3


class ConvNorm(nn.Module):
    """Convolution that keeps the size, if asked bilinear resizing, then group normalisation."""

    def __init__(
        self, channels: int, dims: int, kernel: int, groups: int, *, bias: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, dims, kernel, padding=kernel // 2, bias=bias)
        self.gn = nn.GroupNorm(groups, dims)

    def forward(self, maps: Tensor, scale: float = 1) -> Tensor:
        """(B, channels, H, W) -> (B, dims, H · scale, W · scale), rounded down."""
        found = self.conv(maps)
        if scale != 1:
            found = F.interpolate(found, scale_factor=scale, mode='bilinear', align_corners=False)
        return self.gn(found)


class EncoderLayer(nn.Module):
    """Deformable self-attention and a feed-forward network, each followed by its norm."""

    def __init__(self, dims: int, heads: int, points: int, ffn_channels: int) -> None:
        super().__init__()
        self.self_attn = DeformableAttention(dims, heads, LEVELS, points)
        self.ffn = FeedForward(dims, ffn_channels)
        self.norms = nn.ModuleList([nn.LayerNorm(dims), nn.LayerNorm(dims)])

    def forward(self, tokens: Tensor, position: Tensor, levels: Levels) -> Tensor:
        """(B, S, C) -> (B, S, C); the other arguments are those of ``DeformableAttention``."""
        tokens = self.norms[0](tokens + self.self_attn(tokens, position, levels))
        return self.norms[1](self.ffn(tokens))


class Encoder(nn.Module):
    """Layers one after another, on the tokens of all levels."""

    def __init__(self, layers: Sequence[EncoderLayer], *, with_cp: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.with_cp = with_cp
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1 and 'self_attn' not in name:
                nn.init.xavier_normal_(parameter)

    def forward(self, tokens: Tensor, position: Tensor, sizes: Sequence[Size]) -> Tensor:
        """(B, S, C) and its position encoding (S, C) -> (B, S, C)."""
        levels = level_centres(sizes, tokens.device)
        for layer in self.layers:
            if self.with_cp and torch.is_grad_enabled():
                tokens = checkpoint(layer, tokens, position, levels, use_reentrant=False)
            else:
                tokens = layer(tokens, position, levels)
        return tokens


class PixelDecoder(nn.Module):
    """Encode the three coarser maps together and lead them up to the finest.

    Args:
        in_channels: channels of the four maps, the finest first.
        feat_channels: C, width of the encoder.
        out_channels: width of the mask features.
        num_layers: encoder layers.
        num_heads: heads of an encoder layer.
        num_points: places a head looks at on each level.
        ffn_channels: hidden width of a feed-forward network.
        norm_groups: groups of the group normalisations.
        scales: factor of each map, the finest first, by which it is resized behind the
            convolution that reduces its channels. A plain transformer's equal maps become a
            pyramid so: what ``ResizePyramid`` of these scales makes before, with a fraction of
            its work, since resizing and a convolution of one position can change places.
        with_cp: recompute the encoder layers in the backward pass instead of storing them
            (non-reentrant activation checkpointing): of two images of 512 x 512 the head stores
            0.7 GB in place of 2.2, and takes a third more time.

    Source: Cheng et al., CVPR 2022 (arXiv:2112.01527), section 3.2.2.
    """

    def __init__(  # noqa: PLR0913  sizes of a published network, all named in configs
        self,
        in_channels: Sequence[int],
        feat_channels: int = 256,
        out_channels: int = 256,
        *,
        num_layers: int = 6,
        num_heads: int = 8,
        num_points: int = 4,
        ffn_channels: int = 1024,
        norm_groups: int = 32,
        scales: Sequence[float] = (1, 1, 1, 1),
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if len(scales) != LEVELS + 1 or min(scales) <= 0:
            raise ValueError(
                f'pixel_decoder.scales is {scales}; give a factor for each of the '
                f'{LEVELS + 1} maps, the finest first, such as (4, 2, 1, 0.5)'
            )
        self.scales = tuple(scales)
        finest, *coarser = in_channels
        dims = feat_channels
        self.input_convs = nn.ModuleList(
            ConvNorm(channels, dims, 1, norm_groups, bias=True) for channels in reversed(coarser)
        )
        self.encoder = Encoder(
            [EncoderLayer(dims, num_heads, num_points, ffn_channels) for _ in range(num_layers)],
            with_cp=with_cp,
        )
        self.level_encoding = nn.Embedding(LEVELS, dims)
        self.lateral_convs = nn.ModuleList([ConvNorm(finest, dims, 1, norm_groups)])
        self.output_convs = nn.ModuleList([ConvNorm(dims, dims, 3, norm_groups)])
        self.mask_feature = nn.Conv2d(dims, out_channels, 1)
        self._reset_convs()

    def _reset_convs(self) -> None:
        for layer in self.input_convs:
            nn.init.xavier_uniform_(layer.conv.weight)
            nn.init.zeros_(layer.conv.bias)
        for conv in (self.lateral_convs[0].conv, self.output_convs[0].conv, self.mask_feature):
            nn.init.kaiming_uniform_(conv.weight, a=1)
        nn.init.zeros_(self.mask_feature.bias)

    def coarse_sizes(self, maps: Sequence[Tensor]) -> list[Size]:
        """(height, width) of the three coarser maps behind ``scales``, the coarsest first."""
        return [
            tuple(int(side * scale) for side in each.shape[-2:])
            for each, scale in zip(maps[:0:-1], self.scales[:0:-1], strict=True)
        ]

    def forward(
        self, maps: Sequence[Tensor], positions: Sequence[Tensor]
    ) -> tuple[list[Tensor], Tensor]:
        """Fuse the maps.

        Args:
            maps: four of (B, in_channels[i], h, w), the finest first.
            positions: position encodings (n, C) of ``coarse_sizes``.

        Returns:
            tokens (B, n, C) of the three levels, the coarsest first, and mask features
            (B, out_channels, h, w) of the size of the finest map behind its scale.
        """
        sizes = self.coarse_sizes(maps)
        tokens = [
            conv(level, scale)
            for conv, level, scale in zip(
                self.input_convs, maps[:0:-1], self.scales[:0:-1], strict=True
            )
        ]
        tokens = torch.cat([level.flatten(2) for level in tokens], dim=2).transpose(1, 2)
        position = torch.cat(
            [
                place + code
                for place, code in zip(positions, self.level_encoding.weight, strict=True)
            ]
        )
        tokens = self.encoder(tokens.contiguous(), position, sizes)  # (B, S, C)
        levels = list(tokens.split([height * width for height, width in sizes], dim=1))

        top = levels[-1].transpose(1, 2).contiguous().unflatten(2, sizes[-1])
        fine = self.lateral_convs[0](maps[0], self.scales[0])
        fine = fine + F.interpolate(top.to(fine.dtype), size=fine.shape[-2:], mode='bilinear')
        return levels, self.mask_feature(F.relu(self.output_convs[0](fine)))
