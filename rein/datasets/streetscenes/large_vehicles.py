"""Trucks, buses and trams."""

from dataclasses import dataclass

import numpy as np

from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import front, side, side_grid, wheel


@dataclass(frozen=True)
class Box:
    """A vehicle as a box, metres: middle, near end, half width, height and length."""

    x: float
    z: float
    half: float
    height: float
    length: float

    def flank(self, bend: float) -> float | None:
        """Offset of the side that is seen, or None if only the near end is."""
        seen = self.x + bend * self.z * self.z
        if abs(seen) <= self.half:
            return None
        return self.x - self.half if seen > 0 else self.x + self.half

    def base(self) -> list[tuple[float, float]]:
        """Footprint, (x, z) each."""
        low, high, end = self.x - self.half, self.x + self.half, self.z + self.length
        return [(low, self.z), (high, self.z), (high, end), (low, end)]

    def near(self, across: tuple[float, float], up: tuple[float, float]) -> list:
        """Rectangle on the near end: ``across`` in half widths, ``up`` in metres."""
        x0, x1 = (self.x + a * self.half for a in across)
        return front(x0, x1, up[0], up[1], self.z)


def _wheels(scene: Scene, box: Box, part: str, at: tuple[float, ...]) -> None:
    flank = box.flank(scene.camera.bend)
    if flank is not None:
        tyre = scene.surface(part, Facing.SIDE, flank)
        for share in at:
            scene.fill(tyre, wheel(flank, 0.48, box.z + share * box.length))
    tyre = scene.surface(part, Facing.FRONT, box.z)
    for low in (-0.95, 0.65):
        scene.fill(tyre, box.near((low, low + 0.3), (0.0, 0.6)))


def truck(scene: Scene, x: float, z: float, oncoming: float) -> float:
    """Paints a truck, its cargo doors or its cab towards the camera; returns its length."""
    rng = scene.rng
    box = Box(x, z, 1.22, rng.uniform(2.6, 3.7), rng.uniform(5.5, 9.5))
    comes = rng.random() < oncoming
    cab, cargo = scene.instance(), scene.instance()
    scene.shadow(box.base(), box.height)
    long = 1.9  # metres of the cab
    span = (z, z + box.length - long) if not comes else (z + long, z + box.length)
    nose = (span[1], z + box.length) if not comes else (z, span[0])
    flank = box.flank(scene.camera.bend)
    if flank is not None:
        scene.add('truck trim', Facing.SIDE, flank, side(flank, 0.4, 0.8, z, z + box.length))
        scene.add('truck cab', Facing.SIDE, flank, side(flank, 0.5, 2.5, *nose), cab)
        pane = side(flank, 1.55, 2.25, nose[0] + 0.4, nose[1] - 0.4)
        scene.add('truck glass', Facing.SIDE, flank, pane)
        load = side(flank, 0.85, box.height, *span)
        scene.add('cargo', Facing.SIDE, flank, load, cargo)
        seam = scene.surface('cargo seam', Facing.SIDE, flank)
        scene.fill(seam, side(flank, box.height - 0.12, box.height, *span))
    _wheels(scene, box, 'truck tyre', (0.14, 0.28, 0.84))
    scene.add('truck trim', Facing.FRONT, z, box.near((-1, 1), (0.45, 0.85)))
    if comes:
        scene.add('cargo', Facing.FRONT, z, box.near((-1, 1), (2.3, box.height)), cargo)
        scene.add('truck cab', Facing.FRONT, z, box.near((-1, 1), (0.6, 2.5)), cab)
        scene.add('truck glass', Facing.FRONT, z, box.near((-0.85, 0.85), (1.5, 2.3)))
        scene.add('truck trim', Facing.FRONT, z, box.near((-0.5, 0.5), (0.95, 1.3)))
    else:
        scene.add('cargo', Facing.FRONT, z, box.near((-1, 1), (0.85, box.height)), cargo)
        seam = scene.surface('cargo seam', Facing.FRONT, z)
        scene.fill(seam, box.near((-0.02, 0.02), (0.9, box.height - 0.1)))
        scene.fill(seam, box.near((-1, 1), (box.height - 0.14, box.height)))
    light = scene.surface('truck light', Facing.FRONT, z)
    for low in (-0.92, 0.66):
        scene.fill(light, box.near((low, low + 0.26), (0.62, 0.8)))
    return box.length


def bus(scene: Scene, x: float, z: float, oncoming: float) -> float:
    """Paints a bus of one or two decks; returns its length."""
    rng = scene.rng
    decks = 2 if rng.random() < 0.25 else 1
    box = Box(x, z, 1.27, 3.0 if decks == 1 else 4.2, rng.uniform(9, 12))
    comes = rng.random() < oncoming
    owner, stripe = scene.instance(), scene.instance()
    scene.shadow(box.base(), box.height)
    bands = ((1.25, 2.35),) if decks == 1 else ((1.1, 1.95), (2.75, 3.6))
    flank = box.flank(scene.camera.bend)
    if flank is not None:
        end = z + box.length
        scene.add('bus body', Facing.SIDE, flank, side(flank, 0.35, box.height, z, end), owner)
        scene.add('bus stripe', Facing.SIDE, flank, side(flank, 0.55, 0.8, z, end), stripe)
        zs = np.arange(z + 0.5, end - 1.3, 1.5)
        for low, high in bands:
            panes = side_grid(flank, np.array([low]), zs, high - low, 1.3)
            scene.add('bus glass', Facing.SIDE, flank, panes)
    _wheels(scene, box, 'bus tyre', (0.2, 0.78))
    scene.add('bus body', Facing.FRONT, z, box.near((-1, 1), (0.35, box.height)), owner)
    scene.add('bus trim', Facing.FRONT, z, box.near((-1, 1), (0.33, 0.55)))
    low = 1.05 if comes else 1.55
    scene.add('bus glass', Facing.FRONT, z, box.near((-0.88, 0.88), (low, 2.3)))
    if decks == 2:
        scene.add('bus glass', Facing.FRONT, z, box.near((-0.88, 0.88), (2.8, 3.6)))
    board = box.near((-0.55, 0.55), (box.height - 0.45, box.height - 0.2))
    scene.add('bus board', Facing.FRONT, z, board)
    light = scene.surface('bus light', Facing.FRONT, z)
    for at in (-0.9, 0.7):
        scene.fill(light, box.near((at, at + 0.2), (0.7, 1.0)))
    return box.length


def tram(scene: Scene, x: float, z: float, *_: float) -> float:
    """Paints a tram of two or three cars; returns its length."""
    rng = scene.rng
    box = Box(x, z, 1.28, rng.uniform(3.3, 3.7), 10.0 * rng.randint(2, 3))
    owner, stripe = scene.instance(), scene.instance()
    scene.shadow(box.base(), box.height)
    flank = box.flank(scene.camera.bend)
    end = z + box.length
    if flank is not None:
        scene.add('tram body', Facing.SIDE, flank, side(flank, 0.12, box.height, z, end), owner)
        scene.add('tram stripe', Facing.SIDE, flank, side(flank, 1.0, 1.4, z, end), stripe)
        panes = side_grid(flank, np.array([1.5]), np.arange(z + 0.6, end - 1.6, 1.9), 1.2, 1.6)
        scene.add('tram glass', Facing.SIDE, flank, panes)
        joint = scene.surface('tram trim', Facing.SIDE, flank)
        for at in np.arange(z + 10, end - 1, 10):
            scene.fill(joint, side(flank, 0.12, box.height, at - 0.3, at + 0.3))
        scene.fill(joint, side(flank, 0.08, 0.35, z, end))
    nose = [(x - 1.28, 0.12, z), (x + 1.28, 0.12, z), (x + 1.28, 2.6, z), (x + 1.0, box.height, z),
            (x - 1.0, box.height, z), (x - 1.28, 2.6, z)]  # fmt: skip
    scene.add('tram body', Facing.FRONT, z, nose, owner)
    scene.add('tram stripe', Facing.FRONT, z, box.near((-1, 1), (0.95, 1.25)), stripe)
    glass = [(x - 1.1, 1.35, z), (x + 1.1, 1.35, z), (x + 0.92, 2.75, z), (x - 0.92, 2.75, z)]
    scene.add('tram glass', Facing.FRONT, z, glass)
    scene.add('tram trim', Facing.FRONT, z, box.near((-1, 1), (0.1, 0.4)))
    light = scene.surface('tram light', Facing.FRONT, z)
    for at in (-0.75, 0.5):
        scene.fill(light, box.near((at, at + 0.25), (0.6, 0.82)))
    scene.fill(light, box.near((-0.25, 0.25), (box.height - 0.42, box.height - 0.2)))
    return box.length
