"""Polygons in metres from a few numbers: panels, strips, discs, bars, crowns."""

import math
from random import Random

import numpy as np

Point = tuple[float, float, float]


def front(x0: float, x1: float, y0: float, y1: float, z: float) -> list[Point]:
    """Rectangle that faces the camera, at depth ``z``."""
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def side(x: float, y0: float, y1: float, z0: float, z1: float) -> list[Point]:
    """Rectangle along the road at offset ``x``, in pieces short enough to follow its bend."""
    count = 1 + int((z1 - z0) / 6)
    steps = [z0 + (z1 - z0) * i / count for i in range(count + 1)]
    return [(x, y0, z) for z in steps] + [(x, y1, z) for z in reversed(steps)]


_STEPS = (0.0, 1.5, 3, 5, 8, 12, 18, 26, 40, 70, 160)


def strip(x0: float, x1: float, z0: float = 0.0, z1: float = 160.0) -> list[Point]:
    """Strip of ground between two offsets; follows the bend of the road."""
    steps = [z0, *(z for z in _STEPS if z0 < z < z1), z1]
    return [(x0, 0.0, z) for z in steps] + [(x1, 0.0, z) for z in reversed(steps)]


def patch(x0: float, x1: float, z0: float, z1: float) -> list[Point]:
    """Rectangle on the ground."""
    return [(x0, 0.0, z0), (x1, 0.0, z0), (x1, 0.0, z1), (x0, 0.0, z1)]


def slope(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> list[Point]:
    """Panel between a near lower edge (y[0], z[0]) and a far upper edge (y[1], z[1])."""
    return [(x[0], y[0], z[0]), (x[1], y[0], z[0]), (x[1], y[1], z[1]), (x[0], y[1], z[1])]


_CIRCLES = {
    n: [(math.cos(2 * math.pi * i / n), math.sin(2 * math.pi * i / n)) for i in range(n)]
    for n in (7, 8, 10, 12, 14, 18)
}


def disc(x: float, y: float, z: float, radii: tuple[float, float], points: int = 10) -> list[Point]:
    """Ellipse that faces the camera."""
    rx, ry = radii
    return [(x + rx * c, y + ry * s, z) for c, s in _CIRCLES[points]]


def wheel(x: float, radius: float, z: float, share: float = 1.0) -> list[Point]:
    """Circle in the plane X = ``x`` standing on the ground, shrunk about its hub by ``share``."""
    inner = radius * share
    return [(x, radius + inner * s, z + inner * c) for c, s in _CIRCLES[12]]


def ground_disc(x: float, z: float, radius: float) -> list[Point]:
    """Circle on the ground."""
    return [(x + radius * c, 0.0, z + radius * s) for c, s in _CIRCLES[10]]


def bar(a: tuple[float, float], b: tuple[float, float], width: float, z: float) -> list[Point]:
    """Bar from ``a`` to ``b``, (x, y) each, that faces the camera."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    m = width / 2 / (math.hypot(dx, dy) + 1e-9)
    dx, dy = dx * m, dy * m
    return [
        (a[0] - dy, a[1] + dx, z),
        (b[0] - dy, b[1] + dx, z),
        (b[0] + dy, b[1] - dx, z),
        (a[0] + dy, a[1] - dx, z),
    ]


def blob(
    rng: Random, x: float, y: float, z: float, radii: tuple[float, float], rough: float = 0.12
) -> list[Point]:
    """Irregular ellipse that faces the camera; ``rough`` is the spread of its radius."""
    rx, ry = radii
    out = []
    for c, s in _CIRCLES[18]:
        r = 1 + rough * (2 * rng.random() - 1) * 1.7
        out.append((x + rx * r * c, y + ry * r * s, z))
    return out


def side_grid(x: float, ys: np.ndarray, zs: np.ndarray, height: float, length: float) -> np.ndarray:
    """Equal rectangles on the plane X = ``x``: (N, 4, 3), lower near corners at all (y, z)."""
    y, z = (a.ravel() for a in np.meshgrid(ys, zs, indexing='ij'))
    quads = np.empty((len(y), 4, 3), np.float32)
    quads[:, :, 0] = x
    quads[:, :, 1] = y[:, None] + np.array([0, 0, height, height])
    quads[:, :, 2] = z[:, None] + np.array([0, length, length, 0])
    return quads


def front_grid(xs: np.ndarray, ys: np.ndarray, z: float, width: float, height: float) -> np.ndarray:
    """Equal rectangles at depth ``z``: (N, 4, 3), lower left corners at all (x, y)."""
    x, y = (a.ravel() for a in np.meshgrid(xs, ys, indexing='ij'))
    quads = np.empty((len(x), 4, 3), np.float32)
    quads[:, :, 0] = x[:, None] + np.array([0, width, width, 0])
    quads[:, :, 1] = y[:, None] + np.array([0, 0, height, height])
    quads[:, :, 2] = z
    return quads
