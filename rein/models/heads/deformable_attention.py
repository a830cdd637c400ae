"""Multi-scale deformable attention: every token looks at a few places of every level."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = tuple[int, int]


class Levels(NamedTuple):
    """Where the tokens of all levels stand; made once, used by every layer."""

    sizes: tuple[Size, ...]
    """(height, width) of each level; its tokens lie row by row, the levels one after another."""
    lengths: Tensor
    """(levels, 2), the same as (width, height), float32."""
    centres: Tensor
    """(S, levels, 2): each token's centre as (x, y), counted in positions of every level."""


def level_centres(sizes: Sequence[Size], device: torch.device | str = 'cpu') -> Levels:
    """Find the tokens' centres; position k of a map reaches from k - 1/2 to k + 1/2."""
    # Filled where they are wanted: a copy from the host would wait for the device.
    lengths = [length for height, width in sizes for length in (width, height)]
    lengths = torch.cat([torch.full((1,), float(n), device=device) for n in lengths]).view(-1, 2)
    shares = []
    for height, width in sizes:
        y = (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width
        y, x = torch.meshgrid(y, x, indexing='ij')
        shares.append(torch.stack([x, y], dim=-1).flatten(0, 1))
    centres = torch.cat(shares)[:, None] * lengths - 0.5
    return Levels(tuple(sizes), lengths, centres)


def sample_levels(value: Tensor, places: Tensor, weights: Tensor, levels: Levels) -> Tensor:
    """Weighted sum of what is found at places, bilinear, zero outside.

    Args:
        value: (B, S, heads, D), the levels' positions one after another.
        places: (B, N, heads, levels, points, 2) as (x, y), counted in positions of each level.
        weights: (B, N, heads, levels, points).
        levels: of S tokens.

    Returns:
        (B, N, heads, D).
    """
    batch, count, heads = weights.shape[:3]
    total = None
    parts = value.permute(0, 2, 3, 1).flatten(0, 1)  # (B * heads, D, S)
    parts = parts.split([height * width for height, width in levels.sizes], dim=2)
    grid = torch.addcdiv(1 / levels.lengths[:, None] - 1, places, levels.lengths[:, None], value=2)
    grid = grid.permute(0, 2, 3, 4, 1, 5).flatten(0, 1)  # (B * heads, levels, points, N, 2)
    weights = weights.permute(0, 2, 3, 4, 1).flatten(0, 1)
    for level, (size, part) in enumerate(zip(levels.sizes, parts, strict=True)):
        # One level at a time, since stacking all samples would copy the largest tensor of the
        # head; points before N, since adding up over a short last dimension is slow.
        found = F.grid_sample(part.unflatten(2, size), grid[:, level], align_corners=False)
        found = (found * weights[:, None, level]).sum(2)  # (M, D, points, N) -> (M, D, N)
        total = found if total is None else total + found
    return total.view(batch, heads, -1, count).permute(0, 3, 1, 2)


@torch.no_grad()
def gather_levels(value: Tensor, places: Tensor, weights: Tensor, levels: Levels) -> Tensor:
    """As ``sample_levels``, without gradients: of every place its four neighbours' rows, added up.

    On a CPU one weighted sum of rows for each token and head takes a third of the time of
    ``F.grid_sample``, which reads a map channel by channel.
    """
    batch, count, heads, _, points = weights.shape
    bags, each = batch * count * heads, weights.shape[3] * points  # sums, places of each
    lengths = levels.lengths.repeat_interleave(points, 0).T.to(places.dtype)[:, None]
    places = places.reshape(bags * each, 2).T.reshape(2, bags, each)
    low = places.floor().nan_to_num_()  # a diverged network's: any row will do, the share is NaN
    high_share = places - low
    low_share = 1 - high_share
    # A neighbour outside the map is moved inside, where a place can be read, and weighs nothing.
    low_cell = low.clamp(min=0).minimum(lengths - 1)
    high_cell = low.add(1).clamp_(min=0).minimum(lengths - 1)
    low_share *= low_cell == low
    high_share *= high_cell == low.add_(1)
    weights = weights.reshape(bags, each)
    rows = []  # first row of the table on a neighbour's line, and what the line weighs
    first = _first_rows(levels.sizes, points, heads, batch, value.device)  # (B, 1, heads, each)
    for cell, share in ((low_cell, low_share), (high_cell, high_share)):
        line = (cell[1] * lengths[0]).int().mul_(heads).view(batch, count, heads, each)
        rows.append((line.add_(first).view(bags, each), share[1] * weights))
    index = torch.empty(bags, 4, each, dtype=torch.int32, device=value.device)
    shares = torch.empty(bags, 4, each, dtype=places.dtype, device=value.device)
    for side, (cell, share) in enumerate(((low_cell, low_share), (high_cell, high_share))):
        column = cell[0].int().mul_(heads)
        for line, (start, weight) in enumerate(rows):
            torch.add(start, column, out=index[:, 2 * line + side])
            torch.mul(weight, share[0], out=shares[:, 2 * line + side])
    table = value.reshape(-1, value.shape[-1])  # (B * S * heads, D)
    found = F.embedding_bag(
        index.flatten(1), table, per_sample_weights=shares.flatten(1), mode='sum'
    )
    return found.view(batch, count, heads, -1)


def _first_rows(
    sizes: Sequence[Size], points: int, heads: int, batch: int, device: torch.device
) -> Tensor:
    """Row of each level's first position in a table of (images, positions, heads)."""
    counts = [height * width for height, width in sizes]
    starts = list(accumulate(counts, initial=0))
    levels = [torch.full((points,), start * heads, device=device) for start in starts[:-1]]
    rows = torch.cat(levels) + torch.arange(heads, device=device)[:, None]
    images = torch.arange(batch, device=device) * (starts[-1] * heads)
    return (rows + images[:, None, None, None]).int()


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

    def forward(self, tokens: Tensor, position: Tensor, levels: Levels) -> Tensor:
        """Let every token of the levels look at all levels.

        Args:
            tokens: (B, S, C), the levels one after another.
            position: (S, C), added to what decides where to look.
            levels: ``level_centres`` of their sizes.

        Returns:
            (B, S, C).
        """
        query = tokens + position
        offsets = self.sampling_offsets(query)
        # Places are fractions of a position on maps 100 wide: bfloat16 does not hold them.
        precise = torch.promote_types(offsets.dtype, torch.float32)
        shape = (self.heads, self.levels, self.points)
        places = offsets.to(precise).unflatten(2, (*shape, 2)) + levels.centres[:, None, :, None]
        weights = self.attention_weights(query).to(precise).unflatten(2, (self.heads, -1))
        weights = weights.softmax(-1).unflatten(3, shape[1:])
        value = self.value_proj(tokens).to(precise).unflatten(2, (self.heads, -1))
        gather = tokens.device.type == 'cpu' and not torch.is_grad_enabled()
        read = gather_levels if gather and not torch.compiler.is_compiling() else sample_levels
        return self.output_proj(read(value, places, weights, levels).flatten(2))
