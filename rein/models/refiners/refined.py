"""What a refiner makes of a teacher's labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rein.models.refiners.components import NO_CLASS


@dataclass
class Refined:
    """Masks of classes.

    Attributes:
        classes: class of each mask.
        masks: (K, H, W) bool. One may be empty: its class was seen and lost.
    """

    classes: Sequence[int]
    masks: Tensor

    def labels(self) -> Tensor:
        """(H, W) uint8 class numbers, 255 where no mask is.

        Raises:
            ValueError: masks overlap, so that labels would lose some of them.
        """
        if (self.masks.sum(0) > 1).any():
            raise ValueError(
                'masks of different classes overlap and make no labels; give the refiner '
                "overlaps=dict(type='EraseOverlaps') or another part that decides between them"
            )
        found = torch.full(self.masks.shape[1:], NO_CLASS, dtype=torch.uint8)
        found = found.to(self.masks.device)
        for number, mask in zip(self.classes, self.masks, strict=True):
            found[mask] = number
        return found

    def lost(self) -> list[int]:
        """Classes of which no pixel is left."""
        pairs = zip(self.classes, self._there(), strict=True)
        return [kind for kind, there in pairs if not there]

    def kept(self) -> 'Refined':
        """The same without those classes."""
        there = self._there()
        kinds = [kind for kind, some in zip(self.classes, there, strict=True) if some]
        return Refined(
            kinds, self.masks[torch.as_tensor(there, dtype=torch.bool, device=self.masks.device)]
        )

    def _there(self) -> list[bool]:
        return self.masks.flatten(1).any(1).tolist()


def as_they_are(labels: np.ndarray) -> Refined:
    """Labels (H, W) as masks, one of each class that is there."""
    whole = torch.from_numpy(labels)
    classes: Sequence[int] = [c for c in torch.unique(whole).tolist() if c != NO_CLASS]
    masks = [whole == number for number in classes]
    empty = torch.zeros((0, *whole.shape), dtype=torch.bool)
    return Refined(classes, torch.stack(masks) if masks else empty)
