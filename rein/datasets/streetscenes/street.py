"""The ground of a street: its lanes, kerbs, pavements, junction and markings."""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np

from rein.datasets.streetscenes.districts import District
from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import ground_disc, patch, strip

LANE = 3.2  # metres
BAY = 2.1  # width of a row of parked cars, metres
_KERB = 0.2


@dataclass(frozen=True)
class Street:
    """Where the parts of the ground lie; offsets in metres, the camera's lane is at 0.

    Args:
        edges: left and right edge of the road.
        pavements: outer edges of the pavements.
        lanes: middle of each lane.
        oncoming: the lanes whose traffic comes towards the camera.
        bays: middle of each row of parked cars, at most one a side.
        tram: middle of the tram's lane, or None.
        junction: near and far edge of a crossing road, or None.
    """

    edges: tuple[float, float]
    pavements: tuple[float, float]
    lanes: tuple[float, ...]
    oncoming: frozenset[float]
    bays: tuple[float, ...]
    tram: float | None
    junction: tuple[float, float] | None

    def crosses(self, z0: float, z1: float) -> bool:
        """Whether the crossing road takes any of the stretch from ``z0`` to ``z1``."""
        return self.junction is not None and z0 < self.junction[1] and z1 > self.junction[0]


def plan(rng: Random, district: District) -> Street:
    """Chooses the cross-section of a street; traffic keeps right or left at random."""
    hand = 1 if rng.random() < 0.7 else -1
    same = rng.choice((0, 0, 0, 1))
    other = rng.choice((0, 1, 1, 1, 2))
    lanes = tuple(hand * LANE * i for i in range(-other, same + 1))
    oncoming = frozenset(lane for lane in lanes if lane * hand < 0)
    low, high = min(lanes) - LANE / 2, max(lanes) + LANE / 2
    margin = rng.uniform(0.2, 0.9)
    bays = []
    for side in (-1, 1):
        if rng.random() < district.parking:
            at = (high if side > 0 else low) + side * (BAY / 2)
            bays.append(at)
            low, high = (low, high + BAY) if side > 0 else (low - BAY, high)
    edges = (low - margin, high + margin)
    pavements = (edges[0] - rng.uniform(1.6, 4.5), edges[1] + rng.uniform(1.6, 4.5))
    tram = rng.choice(lanes) if rng.random() < district.tram else None
    near = rng.uniform(9, 38)
    junction = (near, near + rng.uniform(6, 10)) if rng.random() < 0.3 else None
    return Street(edges, pavements, lanes, oncoming, tuple(bays), tram, junction)


def paint_ground(scene: Scene, street: Street, district: District) -> None:
    """Paints everything that lies flat: land, pavements, road, verges, markings."""
    rng = scene.rng
    built = district.setback[1] == 0
    land = 'paving' if built else rng.choice(('grass', 'grass', 'grass', 'soil'))
    _add(scene, land, [(-900, 0, 0), (900, 0, 0), (4000, 0, 400), (-4000, 0, 400)])
    paving = scene.surface('paving', Facing.GROUND, 0.0)
    curb = scene.surface('curb', Facing.GROUND, 0.0)
    for inner, outer, way in zip(street.edges, street.pavements, (-1, 1), strict=True):
        scene.fill(paving, strip(inner, outer))
        scene.fill(curb, strip(inner, inner + way * _KERB))
        if rng.random() < district.verge:
            width = (outer - inner) * rng.uniform(0.3, 0.6)
            start = inner + way * _KERB if rng.random() < 0.6 else outer - width
            _add(scene, 'grass', strip(start, start + width))
    _add(scene, 'asphalt', strip(*street.edges))
    if street.junction:
        _add(scene, 'asphalt', patch(-120, 120, *street.junction))
    _repairs(scene, street)
    _markings(scene, street)
    if street.tram is not None:
        rail = scene.surface('rail', Facing.GROUND, 0.0)
        for way in (-0.72, 0.72):
            scene.fill(rail, strip(street.tram + way - 0.05, street.tram + way + 0.05))


def _add(scene: Scene, part: str, polygons: list | np.ndarray) -> None:
    scene.add(part, Facing.GROUND, 0.0, polygons)


def _repairs(scene: Scene, street: Street) -> None:
    rng = scene.rng
    for _ in range(rng.randint(0, 3)):
        x, z = rng.uniform(street.edges[0], street.edges[1] - 1.5), rng.uniform(3, 30)
        _add(scene, 'patch', patch(x, x + rng.uniform(0.6, 1.5), z, z + rng.uniform(1, 8)))
    for _ in range(rng.randint(0, 3)):
        x, z = rng.uniform(street.edges[0] + 0.6, street.edges[1] - 0.6), rng.uniform(4, 22)
        _add(scene, 'manhole', ground_disc(x, z, 0.34))


def _dashes(x: float, dash: float, gap: float, start: float) -> np.ndarray:
    zs = np.arange(start, 80, dash + gap)
    quads = np.zeros((len(zs), 4, 3), np.float32)
    quads[:, :, 0] = x + np.array([-0.07, 0.07, 0.07, -0.07])
    quads[:, :, 2] = zs[:, None] + np.array([0, 0, dash, dash])
    return quads


def _markings(scene: Scene, street: Street) -> None:
    rng = scene.rng
    lanes = sorted(street.lanes)
    paint = scene.surface('marking', Facing.GROUND, 0.0)
    between = [(a + b) / 2 for a, b in pairwise(lanes)]
    if rng.random() < 0.88:
        dash, gap, start = rng.uniform(1.5, 4), rng.uniform(2, 6), rng.uniform(0.6, 4)
        solid = rng.random() < 0.2
        for x in between:
            line = strip(x - 0.07, x + 0.07) if solid else _dashes(x, dash, gap, start)
            scene.fill(paint, line)
    if rng.random() < 0.55:
        for x in (lanes[0] - LANE / 2, lanes[-1] + LANE / 2):
            scene.fill(paint, strip(x - 0.06, x + 0.06))
    if street.junction:
        _junction_markings(scene, street, paint)
    elif rng.random() < 0.12:
        _zebra(scene, street, paint, rng.uniform(6, 18))
    if rng.random() < 0.2:
        x, z = rng.choice(lanes), rng.uniform(6, 20)
        scene.fill(paint, patch(x - 0.08, x + 0.08, z, z + 2.2))
        scene.fill(paint, [(x - 0.4, 0, z + 2.0), (x + 0.4, 0, z + 2.0), (x, 0, z + 3.4)])


def _junction_markings(scene: Scene, street: Street, paint: int) -> None:
    near, far = street.junction
    # The crossing road wipes out what was painted along ours.
    _add(scene, 'asphalt', patch(*street.edges, near, far))
    if scene.rng.random() < 0.7:
        _zebra(scene, street, paint, near - 3.2)
    else:
        scene.fill(paint, patch(*street.edges, near - 0.7, near - 0.3))


def _zebra(scene: Scene, street: Street, paint: int, z: float) -> None:
    xs = np.arange(street.edges[0] + 0.3, street.edges[1] - 0.5, 1.0)
    bars = np.zeros((len(xs), 4, 3), np.float32)
    bars[:, :, 0] = xs[:, None] + np.array([0, 0.5, 0.5, 0])
    bars[:, :, 2] = z + np.array([0, 0, 2.8, 2.8])
    scene.fill(paint, bars)
