"""Choosing pixels at random, by group, for all images at once and without waiting for the device.

Every choice hangs on one random order of all pixels: within a group, the pixels that come first
in it are a random draw of the group.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


@dataclass
class Pixels:
    """What is known of every pixel of a map.

    Attributes:
        labels: (B, N) class numbers, ``classes`` where there is none.
        original: (B, N) class that the network sees in the original view.
        restyled: (B, N) class that it sees in the restyled view.
        classes: number of classes, K.
    """

    labels: Tensor
    original: Tensor
    restyled: Tensor
    classes: int

    @classmethod
    def at(
        cls, size: tuple[int, int], labels: Tensor, original: Tensor, restyled: Tensor
    ) -> 'Pixels':
        """Take labels (B, H, W) and the two views' scores (B, K, h, w) to a map of ``size``.

        The nearest pixel above and to the left is taken, as ``F.interpolate`` does.
        """
        classes = original.shape[1]
        known = torch.where((labels < 0) | (labels >= classes), classes, labels)
        return cls(
            labels=_nearest(known, size),
            original=_nearest(original.argmax(1), size),
            restyled=_nearest(restyled.argmax(1), size),
            classes=classes,
        )


def sizes_of(groups: Tensor, number: int) -> Tensor:
    """How many pixels (P,) are in each of the groups 0 ... number - 1."""
    counts = torch.zeros(number, dtype=torch.long, device=groups.device)
    return counts.scatter_add_(0, groups, torch.ones_like(groups))


def places_in_groups(groups: Tensor, sizes: Tensor) -> Tensor:
    """Place of every pixel in a random order of its group, counted from 0.

    Args:
        groups: (P,) number of each pixel's group.
        sizes: (G,) how many pixels each group has.
    """
    number = len(groups)
    order = random_order(groups)
    starts = sizes.cumsum(0) - sizes
    sorted_places = torch.arange(number, device=groups.device) - starts[groups[order]]
    return torch.empty_like(groups).scatter_(0, order, sorted_places)


def random_order(keys: Tensor) -> Tensor:
    """Indices that sort ``keys`` (P,), equal ones at random."""
    turn = torch.randperm(len(keys), device=keys.device)
    return turn[torch.sort(keys[turn], stable=True).indices]


def take(maps: Tensor, pixels: Tensor) -> Tensor:
    """Vectors (P, C) at the pixels (P,), numbered through all maps (B, C, h, w)."""
    flat = maps.flatten(2)
    size = flat.shape[-1]
    return flat[pixels.div(size, rounding_mode='floor'), :, pixels % size]


def _nearest(numbers: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H, W) class numbers -> (B, h w)."""
    if tuple(numbers.shape[-2:]) == tuple(size):
        return numbers.flatten(1)
    resized = F.interpolate(numbers[:, None].float(), size=size, mode='nearest')
    return resized.flatten(1).long()
