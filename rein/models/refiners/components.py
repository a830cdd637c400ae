"""Connected regions of a class map, and points in them to ask a promptable model about.

Source: Benigmim et al., Collaborating Foundation Models for Domain Generalized Semantic
Segmentation, CVPR 2024 (arXiv:2312.09788), and the authors' code.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

NO_CLASS = 255
NEAR = 10  # pixels from the centre within which the mode 'center' draws
MODES = ('random', 'center', 'last_part')
Draw = np.random.Generator | np.random.RandomState


@dataclass(frozen=True)
class Component:
    """A connected region of one class.

    Attributes:
        label: its class.
        pixels: (N,) places of its pixels in the flattened map, rising.
        shape: (height, width) of the map.
    """

    label: int
    pixels: np.ndarray
    shape: tuple[int, int]

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return len(self.pixels)

    @property
    def mask(self) -> np.ndarray:
        """(H, W) bool."""
        found = np.zeros(self.shape, bool)
        found.ravel()[self.pixels] = True
        return found

    @property
    def places(self) -> np.ndarray:
        """(N, 2) of its pixels, row and column."""
        return np.stack(np.divmod(self.pixels, self.shape[1]), axis=1)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower pixel of it."""
        (top, left), (bottom, right) = self.places.min(0), self.places.max(0)
        return int(left), int(top), int(right), int(bottom)


def large_components(labels: np.ndarray, least: int) -> list[Component]:
    """Regions of more than ``least`` pixels; pixels touch at their sides, not at corners.

    All classes are labelled in one pass over a map of twice the size, in which two pixels of a
    class are joined by a pixel between them.

    Args:
        labels: (H, W) classes, 255 where there is none.
        least: number of pixels that a region must exceed.

    Returns:
        By class, and within a class in the order of the first pixel.
    """
    height, width = labels.shape
    joined = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    joined[::2, ::2] = labels != NO_CLASS
    joined[1::2, ::2] = (labels[1:] == labels[:-1]) & (labels[1:] != NO_CLASS)
    joined[::2, 1::2] = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != NO_CLASS)
    _, numbers = cv2.connectedComponents(joined, connectivity=4, ltype=cv2.CV_32S)
    numbers = np.ascontiguousarray(numbers[::2, ::2]).ravel()
    sizes = np.bincount(numbers)
    sizes[0] = 0  # no class
    found = []
    for number in np.flatnonzero(sizes > least):
        pixels = np.flatnonzero(numbers == number)
        found.append(Component(int(labels.ravel()[pixels[0]]), pixels, (height, width)))
    return sorted(found, key=lambda each: (each.label, each.pixels[0]))


def eroded(component: Component, size: int) -> Component:
    """What is left of a region when a square of ``size`` pixels must fit around each pixel."""
    square = np.ones((size, size), np.uint8)
    mask = component.mask.view(np.uint8)
    left = cv2.erode(mask, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return Component(component.label, np.flatnonzero(left), component.shape)


def parts(component: Component) -> list[np.ndarray]:
    """What erosion may have cut a region into: (N, 2) places of each part, row and column.

    In the order of their first pixels; pixels touch at their sides.
    """
    mask = component.mask.view(np.uint8)
    count, numbers = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_32S)
    found = [np.argwhere(numbers == number) for number in range(1, count)]
    return sorted(found, key=lambda each: each[0].tolist())


def draw_points(
    component: Component,
    count: int,
    draw: Draw,
    mode: Literal['random', 'center', 'last_part'] = 'random',
) -> np.ndarray | None:
    """Draw different pixels of a region.

    Args:
        component: the region.
        count: how many.
        draw: source of random numbers. A ``RandomState`` draws what the authors' code draws, at
            the cost of a permutation of all pixels; a ``Generator`` does not look at them all.
        mode: ``'random'``: from all pixels; ``'center'``: from those nearer than ten pixels to
            the mean of the largest part, of which there must be more than ``count``;
            ``'last_part'``: from the last part, which is what the authors' ``largest_component``
            takes.

    Returns:
        (count, 2) x and y, float32; None where there are too few pixels.

    Raises:
        ValueError: there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f'mode is {mode!r}; use one of {MODES}')
    places = component.places
    if mode == 'center' and len(places):
        middle = max(parts(component), key=len).mean(0)
        places = places[np.linalg.norm(places - middle, axis=1) < NEAR]
    elif mode == 'last_part' and len(places):
        places = parts(component)[-1]
    if len(places) < count + (mode == 'center'):
        return None
    chosen = places[draw.choice(len(places), count, replace=False)]
    return chosen[:, ::-1].astype(np.float32)
