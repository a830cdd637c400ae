"""Fixed sine position encoding of a map."""

import math

import torch
from torch import Tensor

TEMPERATURE = 10000


def sine_encoding(size: tuple[int, int], dims: int, device: torch.device | str = 'cpu') -> Tensor:
    """Encode every position of a map, whatever its size, on the same scale.

    Rows and columns are numbered from 1 and divided by their count, so that the last is at 2π.
    The first half of the channels is the row's, the second the column's; in each, sine and
    cosine alternate at wavelengths that grow from 2π to nearly 2π · 10000.

    Args:
        size: (height, width) in positions.
        dims: C, divisible by 4.
        device: where the encoding is wanted.

    Returns:
        (height * width, C), row by row, float32, in [-1, 1].

    Raises:
        ValueError: ``dims`` is not divisible by 4.

    Source: Carion et al., ECCV 2020 (arXiv:2005.12872), as normalised by Mask2Former.
    """
    if dims % 4:
        raise ValueError(f'feat_channels is {dims}, but a sine encoding needs a multiple of 4')
    half = dims // 2
    channel = torch.arange(half, device=device)
    wavelength = TEMPERATURE ** (2 * channel.div(2, rounding_mode='floor') / half)
    phase = torch.where(channel % 2 == 0, 0.0, math.pi / 2)  # cos(x) = sin(x + π/2)
    axes = []
    for length in size:
        place = torch.arange(1, length + 1, device=device, dtype=torch.float32)
        place = place / (length + 1e-6) * (2 * math.pi)
        axes.append(torch.sin(place[:, None] / wavelength + phase))  # (length, C/2)
    height, width = size
    rows = axes[0][:, None].expand(height, width, half)
    columns = axes[1][None].expand(height, width, half)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)
