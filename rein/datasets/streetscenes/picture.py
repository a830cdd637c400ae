"""A seed and a style become an image and its labels."""

import zlib

import numpy as np

from rein.datasets.streetscenes import weather
from rein.datasets.streetscenes.layout import compose
from rein.datasets.streetscenes.scene import Scene
from rein.datasets.streetscenes.sensor import expose
from rein.datasets.streetscenes.shading import lit_surfaces, locate
from rein.datasets.streetscenes.styles import SAMPLERS, STYLES
from rein.datasets.streetscenes.view import View, draw

SIZE = (256, 128)
SMALLEST = 16  # pixels a side


def check(seed: int, size: tuple[int, int]) -> None:
    """Raises ValueError for a seed or a size that nothing can be drawn with."""
    if seed < 0:
        raise ValueError(f'seed is {seed}; use a whole number from 0')
    if len(size) != 2 or min(size) < SMALLEST:
        raise ValueError(f'size is {size}; use (width, height) in pixels, each at least {SMALLEST}')


def look(seed: int, size: tuple[int, int] = SIZE) -> tuple[Scene, View]:
    """The street of a seed and what the camera sees of it: labels, parts, materials, depth.

    Args:
        seed: of the layout, from 0.
        size: (width, height) in pixels; the street is the same at any size.

    Raises:
        ValueError: the seed is negative or the size too small.
    """
    check(seed, size)
    scene = compose(seed)
    return scene, draw(scene, size)


def paint(scene: Scene, view: View, style: str, seed: int) -> np.ndarray:
    """Paints a view in a style.

    Args:
        scene: from ``look``.
        view: of that scene.
        style: one of ``STYLES``.
        seed: of the style's own choices.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: there is no such style.
    """
    if style not in SAMPLERS:
        raise ValueError(f'style is {style!r}; use one of {", ".join(STYLES)}')
    rng = np.random.default_rng([seed, zlib.crc32(style.encode())])
    settings = SAMPLERS[style](rng)
    space = locate(view)
    image = lit_surfaces(view, space, scene.sun, settings, rng)
    image = weather.apply(image, view, space, (settings.light, settings.weather), rng)
    return expose(image, settings.sensor, rng)


def render(
    seed: int, style: str = 'game', size: tuple[int, int] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the street of a seed in a style.

    The labels depend on the seed and the size only; the same arguments give the same arrays.

    Args:
        seed: from 0.
        style: one of ``STYLES``.
        size: (width, height) in pixels.

    Returns:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, train ids 0..18 in Cityscapes' order.

    Raises:
        ValueError: the seed is negative, the size too small or the style unknown.
    """
    scene, view = look(seed, size)
    return paint(scene, view, style, seed), view.labels
