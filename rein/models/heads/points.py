"""Masks seen at a few points: where to look and what is there."""

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_at(maps: Tensor, points: Tensor) -> Tensor:
    """Read maps at points, bilinear between positions, zero outside.

    Args:
        maps: (N, C, h, w).
        points: (N, P, 2) as (x, y) in [0, 1], from the outer edge of the map to the other.

    Returns:
        (N, C, P).
    """
    return F.grid_sample(maps, 2 * points[:, None] - 1, align_corners=False).squeeze(2)


@torch.no_grad()
def uncertain_points(
    logits: Tensor, number: int, oversample_ratio: float, importance_ratio: float
) -> Tensor:
    """Draw points, most of them where a mask is least decided.

    ``number * oversample_ratio`` points are drawn evenly; of these the ``importance_ratio`` of
    ``number`` with the logits nearest to zero are kept, and filled up with fresh ones.

    Args:
        logits: (n, h, w), one mask each.
        number: P, points of each mask.
        oversample_ratio: at least 1.
        importance_ratio: in [0, 1].

    Returns:
        (n, P, 2) as (x, y) in [0, 1].

    Source: Kirillov et al., PointRend, CVPR 2020 (arXiv:1912.08193).
    """
    count = len(logits)
    important = int(number * importance_ratio)
    drawn = torch.rand(count, int(number * oversample_ratio), 2, device=logits.device)
    undecided = -sample_at(logits[:, None], drawn).squeeze(1).abs()
    kept = undecided.topk(important, dim=1).indices
    drawn = drawn.gather(1, kept[..., None].expand(-1, -1, 2))
    fresh = torch.rand(count, number - important, 2, device=logits.device)
    return torch.cat([drawn, fresh], dim=1)
