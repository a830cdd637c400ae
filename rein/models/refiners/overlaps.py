"""What becomes of pixels that several masks cover, as parts of a refiner."""

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class EraseOverlaps:
    """Takes a pixel that two masks or more cover out of all of them, of the same class or not.

    As in the code of CLOUDS. Two prompts that find the same object delete it.
    """

    def __call__(self, masks: Tensor, classes: Sequence[int]) -> Tensor:
        """(P, H, W) bool masks and the class of each -> masks of which no two overlap."""
        return masks & (masks.sum(0) < 2)


@MODELS.register_module()
class EraseClassOverlaps:
    """Takes a pixel that masks of different classes cover out of all of them."""

    def __call__(self, masks: Tensor, classes: Sequence[int]) -> Tensor:
        """(P, H, W) bool masks and the class of each -> masks that overlap within a class only."""
        _, united = unite(masks, classes)
        return masks & (united.sum(0) < 2)


@MODELS.register_module()
class SmallestWins:
    """Gives a pixel that masks of different classes cover to the class of the smallest mask there.

    An object stands in front of what it covers, and is smaller.
    """

    def __call__(self, masks: Tensor, classes: Sequence[int]) -> Tensor:
        """(P, H, W) bool masks and the class of each -> masks that overlap within a class only."""
        owner = torch.full(masks.shape[1:], -1, dtype=torch.long, device=masks.device)
        for number in masks.flatten(1).sum(1).argsort(descending=True, stable=True).tolist():
            owner[masks[number]] = classes[number]
        kinds = torch.as_tensor(classes, device=masks.device).view(-1, 1, 1)
        return masks & (owner == kinds)


def unite(masks: Tensor, classes: Sequence[int]) -> tuple[list[int], Tensor]:
    """Unite the masks of each class.

    Args:
        masks: (P, H, W) bool.
        classes: class of each mask.

    Returns:
        The classes in the order of their first masks; (K, H, W) bool.
    """
    kinds = list(dict.fromkeys(classes))
    numbers = torch.as_tensor([kinds.index(each) for each in classes], device=masks.device)
    united = masks.new_zeros((len(kinds), *masks.shape[1:]), dtype=torch.int32)
    united.index_add_(0, numbers, masks.int())
    return kinds, united > 0
