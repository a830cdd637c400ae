"""Houses along the road: facades with windows, shops, awnings, ledges and roofs."""

from dataclasses import dataclass

import numpy as np

from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import front, front_grid, side, side_grid

_DETAIL = 75.0  # metres beyond which a house has no windows
_FINE = 32.0  # metres beyond which windows have no frames
_END = 18.0  # metres of the end wall that are drawn


@dataclass(frozen=True)
class House:
    """One house: its facade stands at offset ``x`` from ``z0`` to ``z1``, ``away`` from the road.

    Args:
        x: offset of the facade, metres.
        away: -1 left of the road, 1 right of it.
        z0: near end, metres.
        z1: far end, metres.
        height: of the facade, metres.
    """

    x: float
    away: int
    z0: float
    z1: float
    height: float


@dataclass(frozen=True)
class Windows:
    """The rhythm of a facade, metres."""

    storey: float
    pitch: float
    width: float
    height: float
    first: float


def building(scene: Scene, house: House) -> None:
    """Paints a house: the end that faces the camera, then the facade along the road."""
    rng = scene.rng
    stone = rng.choice(('plaster', 'plaster', 'brick', 'concrete'))
    owner = scene.instance()
    storey = rng.uniform(2.7, 3.6)
    pitch = rng.uniform(1.8, 3.6)
    shops = rng.random() < 0.5
    rhythm = Windows(
        storey=storey,
        pitch=pitch,
        width=pitch * rng.uniform(0.38, 0.66),
        height=storey * rng.uniform(0.42, 0.64),
        first=storey * 0.28 + (storey if shops else 0.0),
    )
    pitched = house.height < 11 and rng.random() < 0.6
    if pitched:
        _roof(scene, house)
    if house.z0 > 2:
        _end_wall(scene, house, rhythm, (stone, owner))
    middle = (house.z0 + house.z1) / 2
    facade = side(house.x, 0.0, house.height, house.z0, house.z1)
    scene.add(stone, Facing.SIDE, house.x, facade, owner)
    if middle < _DETAIL:
        _windows(scene, house, rhythm)
        _ledges(scene, house, rhythm)
        if shops:
            _ground_floor(scene, house, storey)
    low, high = sorted((house.x, house.x + house.away * _END))
    scene.shadow(
        [(low, house.z0), (high, house.z0), (high, house.z1), (low, house.z1)], house.height
    )


def _end_wall(scene: Scene, house: House, rhythm: Windows, stone: tuple[str, int]) -> None:
    far = house.x + house.away * _END
    wall = front(house.x, far, 0.0, house.height, house.z0)
    scene.add(stone[0], Facing.FRONT, house.z0, wall, stone[1])
    if scene.rng.random() < 0.6 and house.z0 < _DETAIL:
        xs = house.x + house.away * np.arange(1.2, _END - 2, rhythm.pitch * 1.3)
        ys = np.arange(rhythm.storey * 0.28, house.height - rhythm.height, rhythm.storey)
        quads = front_grid(xs, ys, house.z0, house.away * rhythm.width, rhythm.height)
        scene.add('window', Facing.FRONT, house.z0, quads)


def _windows(scene: Scene, house: House, rhythm: Windows) -> None:
    # Rays hardly ever meet the facade nearer than half its offset.
    start = max(house.z0, abs(house.x) * 0.5) + 0.5
    zs = np.arange(start, house.z1 - rhythm.width, rhythm.pitch)
    ys = np.arange(rhythm.first, house.height - rhythm.height, rhythm.storey)
    if house.z0 < _FINE:
        framed = (rhythm.height + 0.3, rhythm.width + 0.3)
        quads = side_grid(house.x, ys - 0.15, zs - 0.15, *framed)
        scene.add('frame', Facing.SIDE, house.x, quads)
    quads = side_grid(house.x, ys, zs, rhythm.height, rhythm.width)
    lit = np.array([scene.rng.random() < 0.35 for _ in quads], bool)
    scene.add('window', Facing.SIDE, house.x, quads[~lit])
    scene.add('lit window', Facing.SIDE, house.x, quads[lit])


def _ledges(scene: Scene, house: House, rhythm: Windows) -> None:
    rng = scene.rng
    heights = []
    if rng.random() < 0.6:
        heights.append((house.height - rng.uniform(0.25, 0.6), house.height))
    if rng.random() < 0.4:
        heights.append((rhythm.storey - 0.12, rhythm.storey + 0.12))
    if heights:
        ledge = scene.surface('ledge', Facing.SIDE, house.x)
        for low, high in heights:
            scene.fill(ledge, side(house.x, low, high, house.z0, house.z1))


def _ground_floor(scene: Scene, house: House, storey: float) -> None:
    rng = scene.rng
    z = max(house.z0, abs(house.x) * 0.4) + 0.4
    while z < house.z1 - 2.2:
        end = min(z + rng.uniform(1.8, 5.5), house.z1 - 0.3)
        if rng.random() < 0.72:
            panel = side(house.x, 0.35, storey * 0.78, z, end)
            scene.add('shop', Facing.SIDE, house.x, panel)
            if rng.random() < 0.45:
                _awning(scene, house, storey, (z, end))
        else:
            end = min(end, z + 1.6)
            scene.add('door', Facing.SIDE, house.x, side(house.x, 0.0, storey * 0.72, z, end))
        z = end + rng.uniform(0.3, 1.2)


def _awning(scene: Scene, house: House, storey: float, span: tuple[float, float]) -> None:
    out = house.x - house.away * scene.rng.uniform(0.7, 1.3)
    low, high = storey * 0.72, storey * 0.9
    cloth = [(house.x, high, span[0]), (house.x, high, span[1]),
             (out, low, span[1]), (out, low, span[0])]  # fmt: skip
    scene.add('awning', Facing.SLOPE, span[0], cloth)


def _roof(scene: Scene, house: House) -> None:
    rng = scene.rng
    rise = rng.uniform(1.5, 3.5)
    over = house.x - house.away * 0.35
    ridge = house.x + house.away * rng.uniform(3, 5)
    owner = scene.instance()
    top = house.height + rise
    if house.z0 > 2:
        gable = [(over, house.height, house.z0), (ridge * 2 - over, house.height, house.z0),
                 (ridge, top, house.z0)]  # fmt: skip
        scene.add('roof', Facing.SLOPE, house.z0, gable, owner)
    pane = [(over, house.height, house.z0), (over, house.height, house.z1),
            (ridge, top, house.z1), (ridge, top, house.z0)]  # fmt: skip
    scene.add('roof', Facing.SLOPE, (house.z0 + house.z1) / 2, pane, owner)


def skyline(scene: Scene) -> None:
    """Paints distant blocks on the horizon."""
    rng = scene.rng
    z = 180.0
    for _ in range(rng.randint(1, 5)):
        x = rng.uniform(-170, 150)
        width, height = rng.uniform(14, 45), rng.uniform(8, 45)
        scene.add('skyline', Facing.FRONT, z, front(x, x + width, 0.0, height, z))
