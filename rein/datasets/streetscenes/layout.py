"""Chooses the camera, the street and what stands where, and paints it from far to near."""

import math
from collections.abc import Callable
from functools import partial
from random import Random

from rein.datasets.streetscenes import traffic
from rein.datasets.streetscenes.boundaries import barrier, fence, guard_rail, wall
from rein.datasets.streetscenes.buildings import House, building, skyline
from rein.datasets.streetscenes.camera import Camera
from rein.datasets.streetscenes.districts import DISTRICTS, District
from rein.datasets.streetscenes.furniture import post, street_lamp, traffic_light, traffic_sign
from rein.datasets.streetscenes.plants import bush, hedge, hills, tree
from rein.datasets.streetscenes.scene import Scene
from rein.datasets.streetscenes.street import Street, paint_ground, plan

# Depth that decides the order, and what to paint there. Things along the road are ordered by their
# far end: whatever stands beside them stands nearer to the road, so in front of them.
Placement = tuple[float, Callable[[Scene], object]]

_END = 115.0  # metres of street that are built up


def compose(seed: int) -> Scene:
    """The street of a seed, ready to be drawn at any size."""
    rng = Random(seed)
    camera = Camera(
        height=rng.uniform(1.25, 2.1),
        horizon=rng.uniform(0.36, 0.52),
        focal=rng.uniform(1.05, 1.65),
        centre=rng.uniform(0.4, 0.6),
        bend=rng.uniform(-0.003, 0.003),
    )
    angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 1.3)
    scene = Scene(rng, camera, (reach * math.cos(angle), reach * math.sin(angle)))
    district = rng.choice(tuple(DISTRICTS.values()))
    street = plan(rng, district)
    if rng.random() < 0.6:
        hills(scene)
    if rng.random() < 0.6:
        skyline(scene)
    paint_ground(scene, street, district)
    placements = traffic.place(rng, street, district)
    for side in (-1, 1):
        placements += _plots(rng, street, district, side)
        placements += _kerb(rng, street, district, side)
    placements.sort(key=lambda placement: -placement[0])
    for _, paint in placements:
        paint(scene)
    return scene


def _plots(rng: Random, street: Street, district: District, side: int) -> list[Placement]:
    """Houses and gardens with what bounds them, one plot after the other."""
    out: list[Placement] = []
    line = street.pavements[(side + 1) // 2]
    setback = rng.uniform(*district.setback)
    height = rng.uniform(*district.storeys)
    z = rng.uniform(-6, 2)
    while z < _END:
        end = z + rng.uniform(8, 22)
        if street.crosses(z - 1, end + 1):
            if z < street.junction[0] - 7:
                end = street.junction[0] - 1
            else:
                z = street.junction[1] + 1.5
                continue
        start = max(z, 0.7)
        if end > 1.5:
            if rng.random() < district.houses:
                x = line + side * (setback + 0.05)
                tall = max(3.5, height * rng.uniform(0.75, 1.25))
                out.append((end, partial(building, house=House(x, side, start, end, tall))))
                if setback > 1.5:
                    out += _bound(rng, district, (line, side), (start, end))
            else:
                garden = partial(_garden, line=line, side=side, z0=start, z1=end)
                out.append((end - 0.01, garden))
                out += _bound(rng, district, (line, side), (start, end))
        z = end if rng.random() < 0.75 else end + rng.uniform(1.5, 6)
    return out


def _garden(scene: Scene, line: float, side: int, z0: float, z1: float) -> None:
    """Paints trees and bushes on a plot without a house, far ones first."""
    rng = scene.rng
    z = z1
    while z > z0:
        x = line + side * rng.uniform(1.2, 9)
        # The crown of a tree right beside the camera would fill the picture.
        if z > 3.5:
            if rng.random() < 0.72:
                tree(scene, x, z, rng.uniform(4.5, 12))
            else:
                bush(scene, x, z, rng.uniform(0.9, 1.8))
        z -= rng.uniform(2, 5)


def _bound(
    rng: Random, district: District, place: tuple[float, int], span: tuple[float, float]
) -> list[Placement]:
    line, side = place
    paint = rng.choices((wall, fence, hedge, barrier, None), district.boundary)[0]
    if paint is None:
        return []
    return [(span[1] - 0.02, partial(paint, x=line + side * 0.1, z0=span[0], z1=span[1]))]


def _kerb(rng: Random, street: Street, district: District, side: int) -> list[Placement]:
    """Poles, trees and railings along one pavement."""
    edge, line = street.edges[(side + 1) // 2], street.pavements[(side + 1) // 2]
    out: list[Placement] = []
    if rng.random() < district.railing:
        z = rng.uniform(3, 18)
        end = z + rng.uniform(6, 40)
        if not street.crosses(z, end):
            paint = rng.choice((fence, guard_rail))
            out.append((end - 0.03, partial(paint, x=edge + side * 0.25, z0=z, z1=end)))
    z = rng.uniform(3.5, 14)
    while z < 100:
        if not street.crosses(z, z):
            out.append((z, _pole(rng, edge + side * rng.uniform(0.4, 0.8), z, -side)))
        z += district.tall * rng.uniform(0.45, 1.5)
    if street.junction and rng.random() < 0.8:
        z = street.junction[0] - 0.8
        light = partial(traffic_light, x=edge + side * 0.5, z=z, inward=-side)
        out.append((z, light))
    if rng.random() < district.avenue:
        x = edge + (line - edge) * rng.uniform(0.35, 1.0)
        z, height = rng.uniform(6, 16), rng.uniform(4.5, 9)
        while z < 95:
            if not street.crosses(z - 1, z + 1):
                at = x + rng.uniform(-0.2, 0.2)
                grown = height * rng.uniform(0.85, 1.15)
                out.append((z, partial(tree, x=at, z=z, height=grown)))
            z += rng.uniform(5, 12)
    return out


def _pole(rng: Random, x: float, z: float, inward: int) -> Callable[[Scene], object]:
    kind = rng.choices(('lamp', 'light', 'sign', 'post'), (0.32, 0.22, 0.34, 0.12))[0]
    if kind == 'lamp':
        return partial(street_lamp, x=x, z=z, inward=inward)
    if kind == 'light':
        return partial(traffic_light, x=x, z=z, inward=inward)
    return partial(traffic_sign if kind == 'sign' else post, x=x, z=z)
