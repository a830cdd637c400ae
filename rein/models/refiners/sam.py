"""Pseudo-labels cleaned by a model that segments what it is pointed at.

Source: Benigmim et al., CVPR 2024 (arXiv:2312.09788), and the authors' code.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from rein.models.refiners.components import NO_CLASS, Draw, draw_points, eroded, large_components
from rein.models.refiners.overlaps import unite
from rein.models.refiners.refined import Refined

EMPTY = ('keep', 'drop')


class Promptable(Protocol):
    """A model that makes masks of points, such as SAM."""

    def encode(self, image: np.ndarray) -> object:
        """Work out once what all prompts on an image (H, W, 3), RGB, uint8, share."""

    def predict(
        self, encoded: object, points: Tensor, low: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points.

        Args:
            encoded: of ``encode``.
            points: (P, N, 2) x and y in pixels of the image, all inside the object.
            low: (P, 1, h, w) low-resolution logits of an earlier answer, to be refined.

        Returns:
            (P, M, H, W) bool, M proposals for each prompt; (P, M) how good each claims to be;
            (P, M, h, w) their low-resolution logits.
        """


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
        mode: Literal['random', 'center'] = 'random',
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
            draw: source of random numbers, see ``draw_points``; a new one by default.

        Raises:
            ValueError: image and labels are of different sizes.
        """
        if image.shape[:2] != labels.shape:
            raise ValueError(
                f'SamRefiner: the image is {image.shape[:2]} and its labels are {labels.shape}'
            )
        classes, points = self.prompts(labels, np.random.default_rng() if draw is None else draw)
        if not classes:
            return _as_they_are(labels)
        masks = self._selected(image, torch.from_numpy(points))
        if self.overlaps is not None:
            masks = self.overlaps(masks, classes)
        kinds, united = unite(masks, classes)
        if self.empty == 'drop':
            left = united.flatten(1).any(1).tolist()
            kinds = [kind for kind, some in zip(kinds, left, strict=True) if some]
            united = united[torch.as_tensor(left, device=united.device)]
        return Refined(kinds, united)

    def prompts(self, labels: np.ndarray, draw: Draw) -> tuple[list[int], np.ndarray]:
        """Classes of the prompts (P) and their points (P, N, 2), x and y."""
        classes, points = [], []
        for component in large_components(labels, self.least):
            region = eroded(component, self.erosion) if self.erosion else component
            chosen = draw_points(region, self.points, draw, self.mode)
            if chosen is not None:
                classes.append(component.label)
                points.append(chosen)
        return classes, np.stack(points) if points else np.empty((0, self.points, 2), np.float32)

    def _selected(self, image: np.ndarray, points: Tensor) -> Tensor:
        """(P, H, W) bool: of every prompt the mask that claims most."""
        encoded = self.model.encode(image)
        masks, claims, low = self.model.predict(encoded, points)
        for _ in range(self.passes - 1):
            best = claims.argmax(1)
            each = torch.arange(len(best), device=best.device)
            masks, claims, low = self.model.predict(encoded, points, low[each, best][:, None])
        best = claims.argmax(1)
        return masks[torch.arange(len(best), device=best.device), best]


def _as_they_are(labels: np.ndarray) -> Refined:
    whole = torch.from_numpy(labels)
    classes: Sequence[int] = [c for c in torch.unique(whole).tolist() if c != NO_CLASS]
    masks = [whole == number for number in classes]
    empty = torch.zeros((0, *whole.shape), dtype=torch.bool)
    return Refined(classes, torch.stack(masks) if masks else empty)
