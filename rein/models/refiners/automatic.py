"""All masks of an image, found by asking a promptable model about a grid of points."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import masks_to_boxes, nms

from rein.models.refiners.promptable import Promptable


@dataclass(frozen=True)
class Grid:
    """How all masks of an image are found.

    Attributes:
        side: points in a row and in a column of the grid.
        prompts: points asked about at once; what they answer is held in memory together.
        claim: least IoU that a mask must claim of itself.
        stability: least IoU of a mask with itself when its logits are cut one lower and one higher.
        overlap: of two masks whose boxes overlap by more, the one that claims less is left out.

    Source: Kirillov et al., ICCV 2023 (arXiv:2304.02643), whose defaults these are.
    """

    side: int = 32
    prompts: int = 64
    claim: float = 0.88
    stability: float = 0.95
    overlap: float = 0.7

    def __post_init__(self) -> None:
        if self.side < 1 or self.prompts < 1:
            raise ValueError(
                f'grid: side={self.side}, prompts={self.prompts}; use numbers of 1 or more'
            )


def automatic_masks(
    model: Promptable, encoded: object, size: tuple[int, int], grid: Grid
) -> Tensor:
    """Masks (M, H, W) bool of an image of ``size`` (height, width), the most certain first."""
    kept, claimed = [], []
    for points in grid_points(size, grid.side).split(grid.prompts):
        masks, claims, low = model.predict(encoded, points[:, None])
        masks, claims, low = masks.flatten(0, 1), claims.flatten(), low.flatten(0, 1)
        good = (claims > grid.claim) & (stability(low) >= grid.stability)
        good &= masks.flatten(1).any(1)
        kept.append(masks[good])
        claimed.append(claims[good])
    masks, claims = torch.cat(kept), torch.cat(claimed)
    if len(masks) == 0:
        return masks
    return masks[nms(masks_to_boxes(masks), claims, grid.overlap)]


def grid_points(size: tuple[int, int], side: int) -> Tensor:
    """(side * side, 2) x and y, evenly spaced, half a step from the border."""
    height, width = size
    steps = (torch.arange(side) + 0.5) / side
    y, x = torch.meshgrid(steps * height, steps * width, indexing='ij')
    return torch.stack([x.flatten(), y.flatten()], 1)


def stability(logits: Tensor, offset: float = 1.0) -> Tensor:
    """IoU (M,) of masks cut at ``-offset`` and at ``offset``: logits (M, h, w)."""
    inner = (logits > offset).flatten(1).sum(1)
    outer = (logits > -offset).flatten(1).sum(1)
    return inner / outer.clamp(min=1)
