"""Who is on the move: vehicles lane by lane, parked cars, riders and persons."""

import math
from collections.abc import Callable
from functools import partial
from random import Random

from rein.datasets.streetscenes.cars import car
from rein.datasets.streetscenes.districts import District
from rein.datasets.streetscenes.large_vehicles import bus, tram, truck
from rein.datasets.streetscenes.people import BICYCLE, MOTORCYCLE, parked, person, ridden
from rein.datasets.streetscenes.scene import Scene
from rein.datasets.streetscenes.street import Street

Placement = tuple[float, Callable[[Scene], object]]

# Vehicle, the longest it can be, and how near it may come in the camera's own lane; metres.
_KINDS = {'car': (car, 4.9, 6.5), 'truck': (truck, 9.5, 10.0), 'bus': (bus, 12.0, 11.0)}


def place(rng: Random, street: Street, district: District) -> list[Placement]:
    """What moves, stands or walks in a street, unsorted."""
    out: list[Placement] = []
    taken: dict[float, list[tuple[float, float]]] = {lane: [] for lane in street.lanes}
    if street.tram is not None and rng.random() < 0.85:
        z = rng.uniform(11, 30) if street.tram == 0 else rng.uniform(7, 26)
        out.append((z, partial(tram, x=street.tram, z=z)))
        taken[street.tram].append((z, z + 31))
    for lane in street.lanes:
        out += _lane(rng, street, district, lane, taken[lane])
    out += _riders(rng, district, taken)
    for bay in street.bays:
        out += _parked(rng, street, bay)
    for side in (-1, 1):
        out += _walkers(rng, street, district, side)
    out += _stands(rng, street)
    return out


def _lane(
    rng: Random,
    street: Street,
    district: District,
    lane: float,
    taken: list[tuple[float, float]],
) -> list[Placement]:
    out: list[Placement] = []
    oncoming = 0.97 if lane in street.oncoming else 0.03
    z = rng.uniform(5, 24)
    while z < 90:
        kind = rng.choices(('car', 'truck', 'bus', 'motorcycle'), district.vehicles)[0]
        if rng.random() < district.traffic and kind == 'motorcycle':
            near = z - 1 if z > 6 else 5.0
            if _is_free(taken, near - 1, near + 2):
                out.append((near, partial(ridden, x=lane, z=near, kind=MOTORCYCLE)))
                taken.append((near, near + 2))
        elif kind != 'motorcycle' and rng.random() < district.traffic:
            paint, length, nearest = _KINDS[kind]
            near = max(z, nearest if lane == 0 else nearest * 0.75)
            if _is_free(taken, near, near + length):
                x = lane + rng.uniform(-0.3, 0.3)
                out.append((near, partial(paint, x=x, z=near, oncoming=oncoming)))
                taken.append((near, near + length))
                z = near + length
        z += rng.uniform(3, 16)
    return out


def _is_free(taken: list[tuple[float, float]], z0: float, z1: float) -> bool:
    return all(z1 < a or z0 > b for a, b in taken)


def _riders(
    rng: Random, district: District, taken: dict[float, list[tuple[float, float]]]
) -> list[Placement]:
    out: list[Placement] = []
    for _ in range(_poisson(rng, district.cyclists * 1.6)):
        lane = rng.choice(tuple(taken))
        z = 4.2 + 18 * rng.random() ** 1.4
        if _is_free(taken[lane], z - 0.8, z + 1.5):
            x = lane + rng.uniform(-1.2, 1.2)
            kind = BICYCLE if rng.random() < 0.66 else MOTORCYCLE
            out.append((z, partial(ridden, x=x, z=z, kind=kind)))
            taken[lane].append((z, z + 1.5))
    return out


def _parked(rng: Random, street: Street, bay: float) -> list[Placement]:
    out: list[Placement] = []
    z, oncoming = rng.uniform(3, 14), rng.choice((0.1, 0.9))
    while z < 75:
        if not street.crosses(z - 3, z + 8):
            x = bay + rng.uniform(-0.1, 0.1)
            out.append((z, partial(car, x=x, z=z, oncoming=oncoming)))
        z += rng.uniform(5.3, 7) if rng.random() < 0.75 else rng.uniform(8, 26)
    return out


def _walkers(rng: Random, street: Street, district: District, side: int) -> list[Placement]:
    edge = street.edges[(side + 1) // 2] + side * 0.5
    line = street.pavements[(side + 1) // 2] - side * 0.3
    out: list[Placement] = []
    for _ in range(_poisson(rng, district.walkers)):
        z = 3.8 + 24 * rng.random() ** 1.3
        x = rng.uniform(*sorted((edge, line)))
        out.append((z, partial(person, x=x, z=z)))
        if rng.random() < 0.25:
            out.append((z + 0.2, partial(person, x=x + rng.choice((-0.6, 0.6)), z=z + 0.2)))
    crossing = rng.random() < (0.6 if street.junction else 0.12)
    if crossing:
        z = street.junction[0] - 2 if street.junction else rng.uniform(6, 18)
        for _ in range(rng.randint(1, 3)):
            x = rng.uniform(*street.edges)
            out.append((z + rng.uniform(0, 0.8), partial(person, x=x, z=z)))
    return out


def _stands(rng: Random, street: Street) -> list[Placement]:
    """Bicycles and motorcycles parked on the pavements."""
    out: list[Placement] = []
    for side in (-1, 1):
        if rng.random() < 0.38:
            edge = street.edges[(side + 1) // 2] + side * rng.uniform(0.6, 1.1)
            kind = BICYCLE if rng.random() < 0.6 else MOTORCYCLE
            z = rng.uniform(4, 13)
            for _ in range(rng.randint(1, 5)):
                out.append((z, partial(parked, x=edge, z=z, kind=kind)))
                z += rng.uniform(0.7, 1.6)
    return out


def _poisson(rng: Random, mean: float) -> int:
    """Poisson number (Knuth's product of uniforms)."""
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count
