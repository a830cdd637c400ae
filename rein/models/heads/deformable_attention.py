"""Multi-scale deformable attention: every token looks at a few places of every level."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = tuple[int, int]


def reference_points(sizes: Sequence[Size], device: torch.device | str = 'cpu') -> Tensor:
    """Where each token of the levels stands, (S, 2) as (x, y) in [-1, 1], float32.

    Levels follow one another, each row by row; the frame is that of ``F.grid_sample`` with
    ``align_corners=False``: -1 and 1 are the outer edges of the map.
    """
    points = []
    for height, width in sizes:
        y = (2 * torch.arange(height, device=device, dtype=torch.float32) + 1) / height - 1
        x = (2 * torch.arange(width, device=device, dtype=torch.float32) + 1) / width - 1
        y, x = torch.meshgrid(y, x, indexing='ij')
        points.append(torch.stack([x, y], dim=-1).flatten(0, 1))
    return torch.cat(points)


def pixel_steps(sizes: Sequence[Size], device: torch.device | str = 'cpu') -> Tensor:
    """One position of each level, (levels, 2) as (x, y), in the frame of ``reference_points``."""
    # Filled where they are wanted: a copy from the host would wait for the device.
    lengths = [length for height, width in sizes for length in (width, height)]
    steps = [torch.full((1,), 2 / length, device=device) for length in lengths]
    return torch.cat(steps).view(-1, 2)


def sample_levels(value: Tensor, grid: Tensor, weights: Tensor, sizes: Sequence[Size]) -> Tensor:
    """Weighted sum of what is found at the places of ``grid``, bilinear, zero outside.

    Args:
        value: (M, D, S), the levels' positions one after another; M counts images times heads.
        grid: (M, levels, points, N, 2) as (x, y) in [-1, 1].
        weights: (M, levels, points, N).
        sizes: (height, width) of each level.

    Returns:
        (M, D, N).
    """
    total = None
    levels = value.split([h * w for h, w in sizes], dim=2)
    for level, (size, part) in enumerate(zip(sizes, levels, strict=True)):
        # One level at a time, since stacking all samples would copy the largest tensor of the
        # head; points before N, since adding up over a short last dimension is slow.
        found = F.grid_sample(part.unflatten(2, size), grid[:, level], align_corners=False)
        found = (found * weights[:, None, level]).sum(2)  # (M, D, points, N) -> (M, D, N)
        total = found if total is None else total + found
    return total


class DeformableAttention(nn.Module):
    """Self-attention over all levels' tokens, each at ``points`` learned offsets a level.

    Args:
        dims: C, divisible by ``heads``.
        heads: how many heads.
        levels: how many levels.
        points: places a head looks at on each level.

    Source: Zhu et al., ICLR 2021 (arXiv:2010.04159).
    """

    def __init__(self, dims: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        if dims % heads:
            raise ValueError(
                f'feat_channels {dims} is not divisible by pixel_decoder.num_heads {heads}'
            )
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(dims, heads * levels * points * 2)
        self.attention_weights = nn.Linear(dims, heads * levels * points)
        self.value_proj = nn.Linear(dims, dims)
        self.output_proj = nn.Linear(dims, dims)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Let each head look its own way, point k at k + 1 positions, all equally weighted."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        way = torch.stack([angle.cos(), angle.sin()], dim=-1)  # (heads, 2)
        way = way / way.abs().amax(-1, keepdim=True)
        far = torch.arange(1, self.points + 1)
        bias = (way[:, None, None] * far[:, None]).expand(-1, self.levels, -1, -1)
        self.sampling_offsets.bias.copy_(bias.flatten())
        nn.init.zeros_(self.sampling_offsets.weight)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self, tokens: Tensor, position: Tensor, points: Tensor, steps: Tensor, sizes: Sequence[Size]
    ) -> Tensor:
        """Let every token of the levels look at all levels.

        Args:
            tokens: (B, S, C), the levels one after another.
            position: (S, C), added to what decides where to look.
            points: (S, 2), ``reference_points`` of ``sizes``.
            steps: (levels, 2), ``pixel_steps`` of ``sizes``.
            sizes: (height, width) of each level.

        Returns:
            (B, S, C).
        """
        batch, count, _ = tokens.shape
        shape = (batch * self.heads, self.levels, self.points, count)
        query = tokens + position
        offsets = self.sampling_offsets(query).unflatten(2, (-1, 2)).transpose(1, 2)
        # Places are fractions of a position on maps 100 wide: bfloat16 does not hold them.
        precise = torch.promote_types(offsets.dtype, torch.float32)
        offsets = offsets.to(precise).reshape(*shape, 2)
        grid = torch.addcmul(points, offsets, steps[:, None, None])
        weights = self.attention_weights(query).transpose(1, 2).to(precise)
        weights = weights.reshape(shape[0], -1, count).softmax(1).view(shape)
        value = self.value_proj(tokens).transpose(1, 2).to(precise)
        found = sample_levels(value.reshape(shape[0], -1, count), grid, weights, sizes)
        return self.output_proj(found.view(batch, -1, count).transpose(1, 2))
