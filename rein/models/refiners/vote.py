"""Labels made even inside the masks of a model that segments everything.

Source: as "semantic alignment" in SeCo (Zhao et al., NeurIPS 2024), which found it better than
point prompts.
"""

from collections.abc import Mapping

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from rein.models.refiners.automatic import Grid, automatic_masks
from rein.models.refiners.components import NO_CLASS, Draw
from rein.models.refiners.promptable import Promptable, check_sizes
from rein.models.refiners.refined import Refined, as_they_are

OUTSIDE = ('keep', 'ignore')


@MODELS.register_module()
class MajorityVote:
    """Gives all pixels of a mask the label that most of them have.

    Masks are found by a grid of points, whatever the labels are; where they overlap, the smaller
    one decides.

    Args:
        model: a promptable model or its config.
        share: of a mask's labelled pixels that must agree; a mask with less leaves its pixels as
            they are.
        outside: ``'keep'`` the labels of pixels in no mask, or ``'ignore'`` them.
        grid: settings of ``Grid``.

    Raises:
        ValueError: a setting is impossible.
    """

    def __init__(
        self,
        model: Promptable | dict,
        *,
        share: float = 0.5,
        outside: str = 'keep',
        grid: Mapping | None = None,
    ) -> None:
        if outside not in OUTSIDE or not 0 <= share <= 1:
            raise ValueError(
                f'MajorityVote: outside={outside!r}, share={share}; outside is one of {OUTSIDE}, '
                'share from 0 to 1'
            )
        self.model = MODELS.build(model) if isinstance(model, dict) else model
        self.share, self.outside = share, outside
        self.grid = Grid(**(grid or {}))

    @torch.no_grad()
    def __call__(self, image: np.ndarray, labels: np.ndarray, draw: Draw | None = None) -> Refined:
        """Refine the labels of an image.

        Args:
            image: (H, W, 3), RGB, uint8.
            labels: (H, W) classes, 255 where there is none.
            draw: not needed; nothing here is random.

        Raises:
            ValueError: image and labels are of different sizes.
        """
        check_sizes('MajorityVote', image, labels)
        masks = automatic_masks(self.model, self.model.encode(image), labels.shape, self.grid)
        return as_they_are(self.voted(torch.from_numpy(labels), masks.cpu()).numpy())

    def voted(self, labels: Tensor, masks: Tensor) -> Tensor:
        """Labels (H, W) uint8 made even in masks (M, H, W) bool, the smallest mask last."""
        found = labels.clone() if self.outside == 'keep' else torch.full_like(labels, NO_CLASS)
        areas = masks.flatten(1).sum(1)
        for number in areas.argsort(descending=True, stable=True).tolist():
            mask = masks[number]
            there = labels[mask].long()
            counts = torch.bincount(there[there != NO_CLASS], minlength=1)
            winner = int(counts.argmax())
            if counts[winner] and counts[winner] >= self.share * counts.sum():
                found[mask] = winner
            elif self.outside == 'ignore':
                found[mask] = labels[mask]
        return found
