"""Walls and fences along the road."""

import numpy as np

from rein.datasets.streetscenes.scene import Facing, Layer, Scene
from rein.datasets.streetscenes.shapes import front, side, side_grid

_FINE = 34.0  # metres beyond which the bars of a fence are one surface


def wall(scene: Scene, x: float, z0: float, z1: float) -> None:
    """Paints a wall of brick or stone with a coping, and its end if that faces the camera."""
    height = scene.rng.uniform(1.1, 2.9)
    owner = scene.instance()
    if z0 > 2:
        end = front(x, x + (0.35 if x > 0 else -0.35), 0.0, height, z0)
        scene.add('wall', Facing.FRONT, z0, end, owner)
    scene.add('wall', Facing.SIDE, x, side(x, 0.0, height, z0, z1), owner)
    scene.add('coping', Facing.SIDE, x, side(x, height - 0.12, height + 0.06, z0, z1))
    scene.shadow([(x, z0), (x, z1)], height)


def barrier(scene: Scene, x: float, z0: float, z1: float) -> None:
    """Paints a concrete barrier or retaining wall."""
    height = scene.rng.choice((0.9, 1.1, 3.5, 4.5))
    scene.add('barrier', Facing.SIDE, x, side(x, 0.0, height, z0, z1))
    scene.add('coping', Facing.SIDE, x, side(x, height - 0.1, height + 0.02, z0, z1))
    scene.shadow([(x, z0), (x, z1)], height)


def fence(scene: Scene, x: float, z0: float, z1: float) -> None:
    """Paints a fence of bars or slats; the gaps show what is behind and are labelled fence."""
    rng = scene.rng
    slatted = rng.random() < 0.4
    part = 'slats' if slatted else 'rails'
    height = rng.uniform(0.9, 1.5) if slatted else rng.uniform(0.9, 2.1)
    pitch = rng.uniform(0.25, 0.5)
    width = pitch * (rng.uniform(0.55, 0.75) if slatted else rng.uniform(0.16, 0.3))
    gap = scene.surface('fence gap', Facing.SIDE, x)
    scene.fill(gap, side(x, 0.0, height, z0, z1), Layer.LABEL)
    bars = scene.surface(part, Facing.SIDE, x)
    start = max(z0, abs(x) * 0.5)
    end = min(z1, _FINE)
    if start < end:
        zs = np.arange(start, end, pitch)
        scene.fill(bars, side_grid(x, np.zeros(1), zs, height, width))
    if z1 > _FINE:
        scene.fill(bars, side(x, 0.0, height, max(z0, _FINE), z1))
    for low in (0.12, height - 0.2):
        scene.fill(bars, side(x, low, low + 0.1, z0, z1))


def guard_rail(scene: Scene, x: float, z0: float, z1: float) -> None:
    """Paints a steel guard rail on posts, labelled fence."""
    posts = scene.surface('rails', Facing.SIDE, x)
    gap = scene.surface('fence gap', Facing.SIDE, x)
    scene.fill(gap, side(x, 0.0, 0.8, z0, z1), Layer.LABEL)
    zs = np.arange(max(z0, abs(x) * 0.5), min(z1, 60.0), 2.0)
    scene.fill(posts, side_grid(x, np.zeros(1), zs, 0.5, 0.15))
    scene.fill(posts, side(x, 0.42, 0.8, z0, z1))
