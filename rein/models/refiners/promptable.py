"""What refiners ask of a model that makes masks of prompts, such as SAM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

DTYPES = ('float32', 'bfloat16', 'float16')


@dataclass
class Encoded:
    """What all prompts on an image share.

    Attributes:
        maps: (1, C, h, w) each, the one that masks are decoded from last.
        size: (height, width) of the image.
        resized: (height, width) of the image within the model's square.
    """

    maps: Sequence[Tensor]
    size: tuple[int, int]
    resized: tuple[int, int]


class Promptable(Protocol):
    """A model that makes masks of points or boxes."""

    def encode(self, image: np.ndarray) -> object:
        """Work out once what all prompts on an image (H, W, 3), RGB, uint8, share."""

    def predict(
        self,
        encoded: object,
        points: Tensor | None = None,
        low: Tensor | None = None,
        boxes: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points or of boxes.

        Args:
            encoded: of ``encode``.
            points: (P, N, 2) x and y in pixels of the image, all inside the object.
            low: (P, 1, h, w) low-resolution logits of an earlier answer, to be refined.
            boxes: (P, 4) left, upper, right and lower border in pixels, in the place of points.

        Returns:
            (P, M, H, W) bool, M proposals for each prompt; (P, M) how good each claims to be;
            (P, M, h, w) their low-resolution logits.
        """


def check_sizes(kind: str, image: np.ndarray, labels: np.ndarray) -> None:
    """Refuse labels of another size than their image.

    Raises:
        ValueError: sizes differ.
    """
    if image.shape[:2] != labels.shape:
        raise ValueError(
            f'{kind}: the image is {image.shape[:2]} and its labels are {labels.shape}'
        )
