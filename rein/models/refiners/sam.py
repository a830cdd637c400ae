"""Pseudo-labels cleaned by a model that segments what it is pointed at.

Source: Benigmim et al., CVPR 2024 (arXiv:2312.09788), and the authors' code.
"""

from typing import Literal

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from rein.models.refiners.components import Component, Draw, draw_points, eroded, large_components
from rein.models.refiners.overlaps import unite
from rein.models.refiners.promptable import Promptable, check_sizes
from rein.models.refiners.refined import Refined, as_they_are

EMPTY = ('keep', 'drop')


@MODELS.register_module()
class SamRefiner:
    """Puts masks of a promptable model in the place of the large regions of noisy labels.

    Every region of more than ``least`` pixels becomes a prompt of some of its pixels; of the
    proposals the one that claims most is kept. Pixels that no mask covers lose their label, so
    what is left is sparse and thin classes are rare in it. Without any such region the labels
    are passed on as they are.

    Args:
        model: the promptable model or its config.
        least: number of pixels that a region must exceed, in the labels' own size.
        points: number of points of a prompt.
        mode: where points are drawn, see ``draw_points``.
        erosion: side of a square by which regions are eroded before points are drawn; one with too
            few pixels left makes no prompt. 0 leaves them as they are.
        overlaps: config of what decides about pixels of several masks, by default
            ``EraseOverlaps``, as the reference; None leaves them.
        empty: ``'keep'`` a class of which no pixel is left, with an empty mask, as the reference
            does, or ``'drop'`` it.
        passes: 2 asks a second time with the mask of the first answer.

    Raises:
        ValueError: a setting is impossible.
    """

    def __init__(
        self,
        model: Promptable | dict,
        *,
        least: int = 5000,
        points: int = 5,
        mode: Literal['random', 'center', 'last_part'] = 'random',
        erosion: int = 0,
        overlaps: dict | None = {'type': 'EraseOverlaps'},  # noqa: B006 never changed
        empty: Literal['keep', 'drop'] = 'keep',
        passes: int = 1,
    ) -> None:
        if empty not in EMPTY:
            raise ValueError(f'SamRefiner.empty is {empty!r}; use one of {EMPTY}')
        if points < 1 or least < 0 or erosion < 0 or passes not in (1, 2):
            raise ValueError(
                f'SamRefiner: points={points}, least={least}, erosion={erosion}, passes={passes}; '
                'points is 1 or more, least and erosion 0 or more, passes 1 or 2'
            )
        self.model = MODELS.build(model) if isinstance(model, dict) else model
        self.least, self.points, self.mode = least, points, mode
        self.erosion, self.empty, self.passes = erosion, empty, passes
        self.overlaps = None if overlaps is None else MODELS.build(dict(overlaps))

    @torch.no_grad()
    def __call__(self, image: np.ndarray, labels: np.ndarray, draw: Draw | None = None) -> Refined:
        """Refine the labels of an image.

        Args:
            image: (H, W, 3), RGB, uint8.
            labels: (H, W) classes, 255 where there is none.
            draw: source of random numbers, see ``draw_points``; by default NumPy's global
                one, which a training seeds for every iteration.

        Raises:
            ValueError: image and labels are of different sizes.
        """
        check_sizes('SamRefiner', image, labels)
        classes, points = self.prompts(labels, np.random if draw is None else draw)
        if not classes:
            return as_they_are(labels)
        masks = self._selected(image, torch.from_numpy(points))
        if self.overlaps is not None:
            masks = self.overlaps(masks, classes)
        refined = Refined(*unite(masks, classes))
        return refined.kept() if self.empty == 'drop' else refined

    def regions(self, labels: np.ndarray) -> list[Component]:
        """Regions that become prompts, by class."""
        return large_components(labels, self.least)

    def prompts(self, labels: np.ndarray, draw: Draw) -> tuple[list[int], np.ndarray]:
        """Classes of the prompts (P) and their points (P, N, 2), x and y."""
        classes, points = [], []
        for component in self.regions(labels):
            region = eroded(component, self.erosion) if self.erosion else component
            chosen = draw_points(region, self.points, draw, self.mode)
            if chosen is not None:
                classes.append(component.label)
                points.append(chosen)
        return classes, np.stack(points) if points else np.empty((0, self.points, 2), np.float32)

    def _selected(self, image: np.ndarray, points: Tensor) -> Tensor:
        """(P, H, W) bool: of every prompt the mask that claims most."""
        encoded = self.model.encode(image)
        masks, low = self._best(encoded, points)
        for _ in range(self.passes - 1):
            masks, low = self._best(encoded, points, low[:, None])
        return masks

    def _best(
        self, encoded: object, points: Tensor, low: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Of every prompt the mask (H, W) that claims most, and its logits (h, w)."""
        masks, claims, logits = self.model.predict(encoded, points, low)
        each = torch.arange(len(claims), device=claims.device)
        best = claims.argmax(1)
        return masks[each, best], logits[each, best]
