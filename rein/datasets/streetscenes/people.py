"""Persons on foot and, on two wheels, riders with their bicycles and motorcycles."""

from typing import NamedTuple

from rein.datasets.streetscenes.scene import Facing, Layer, Scene
from rein.datasets.streetscenes.shapes import bar, disc, front

_FINE = 30.0  # metres beyond which arms, shoes and bags are too small to draw


def person(scene: Scene, x: float, z: float) -> None:
    """Paints somebody who stands or walks."""
    rng = scene.rng
    tall = rng.uniform(1.5, 1.92)
    wide = tall * rng.uniform(0.115, 0.145)
    stride = tall * rng.uniform(0.0, 0.13)
    scene.shadow([(x - wide, z), (x + wide, z), (x, z + 0.25)], tall)
    hip, neck = tall * 0.5, tall * 0.83
    leg = scene.surface('leg', Facing.FRONT, z)
    for way in (-1, 1):
        foot = (x + way * (0.07 + stride), 0.04)
        scene.fill(leg, bar((x + way * 0.08, hip), foot, tall * 0.098, z))
        if z < _FINE:
            shoe = front(foot[0] - 0.07, foot[0] + 0.1, 0.0, 0.09, z)
            scene.add('shoe', Facing.FRONT, z, shoe)
    owner = scene.instance()
    hem = hip - tall * rng.choice((0.0, 0.05, 0.22))
    coat = [(x - wide * 0.85, hem, z), (x + wide * 0.85, hem, z), (x + wide, neck - 0.06, z),
            (x + wide * 0.5, neck + 0.02, z), (x - wide * 0.5, neck + 0.02, z),
            (x - wide, neck - 0.06, z)]  # fmt: skip
    scene.add('torso', Facing.FRONT, z, coat, owner)
    if z < _FINE:
        arm = scene.surface('arm', Facing.FRONT, z, owner)
        for way in (-1, 1):
            hand = (x + way * (wide + rng.uniform(0.02, 0.2)), hip - 0.02)
            scene.fill(arm, bar((x + way * wide * 0.92, neck - 0.08), hand, tall * 0.055, z))
        if rng.random() < 0.3:
            at = x + rng.choice((-1, 1)) * (wide + 0.1)
            scene.add('bag', Facing.FRONT, z, front(at - 0.14, at + 0.14, hip - 0.2, hip + 0.12, z))
    _head(scene, (x, tall * 0.92, z), ('face', 'hair'))


def _head(scene: Scene, at: tuple[float, float, float], parts: tuple[str, str]) -> None:
    x, y, z = at
    face, cover = parts
    back = scene.rng.random() < 0.4
    scene.add(face, Facing.FRONT, z, disc(x, y, z, (0.1, 0.135), 10))
    cap = disc(x, y + 0.02, z, (0.115, 0.135), 12)
    scene.add(cover, Facing.FRONT, z, cap if back else cap[:7])


class Cycle(NamedTuple):
    """A kind of two-wheeler: its parts, wheel radius, wheelbase and tube width in metres."""

    frame: str
    tyre: str
    radius: float
    base: float
    tube: float


BICYCLE = Cycle('bike frame', 'bike tyre', 0.35, 1.05, 0.075)
MOTORCYCLE = Cycle('moto body', 'moto tyre', 0.31, 1.3, 0.3)


def parked(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    """Paints a bicycle or motorcycle that nobody rides."""
    _cycle(scene, x, z, kind)


def ridden(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    """Paints a bicycle or motorcycle and its rider."""
    if _cycle(scene, x, z, kind):
        _rider_across(scene, x, z, kind)
    else:
        _rider_along(scene, x, z)


def _cycle(scene: Scene, x: float, z: float, kind: Cycle) -> bool:
    """Paints the two-wheeler; tells whether it stands across the road."""
    across = scene.rng.random() < 0.4
    half = kind.base / 2 + kind.radius if across else 0.3
    scene.shadow([(x - half, z), (x + half, z), (x, z + 0.4)], 0.7)
    if across:
        _spokes(scene, x, z, kind)
        _frame_across(scene, x, z, kind)
    else:
        _cycle_along(scene, x, z, kind)
    return across


def _spokes(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    tyre = scene.surface(kind.tyre, Facing.FRONT, z)
    r = kind.radius
    for hub in (x - kind.base / 2, x + kind.base / 2):
        ring = disc(hub, r, z, (r, r), 14)
        if kind is BICYCLE:
            gap = scene.surface('bike gap', Facing.FRONT, z)
            scene.fill(gap, ring, Layer.LABEL)
            for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
                scene.fill(tyre, bar(a[:2], b[:2], 0.07, z))
        else:
            scene.fill(tyre, ring)


def _frame_across(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    frame = scene.surface(kind.frame, Facing.FRONT, z)
    r, half, t = kind.radius, kind.base / 2, kind.tube
    back, head, crank, seat = (x - half, r), (x + half * 0.72, 0.88), (x, 0.32), (x - 0.2, 0.86)
    for a, b in ((back, crank), (crank, seat), (crank, head), (back, seat)):
        scene.fill(frame, bar(a, b, t, z))
    scene.fill(frame, bar((seat[0], 0.78), (head[0], 0.82), t, z))
    scene.fill(frame, bar((head[0], 1.05), (x + half, r), t * 0.7, z))
    if kind is MOTORCYCLE:
        scene.add('moto seat', Facing.FRONT, z, front(x - 0.7, x + 0.05, 0.76, 0.9, z))
        scene.add('moto light', Facing.FRONT, z, front(x + 0.52, x + 0.68, 0.76, 0.92, z))


def _cycle_along(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    thick = 0.07 if kind is BICYCLE else 0.2
    tyre = front(x - thick / 2, x + thick / 2, 0.0, 2 * kind.radius, z)
    scene.add(kind.tyre, Facing.FRONT, z, tyre)
    frame = scene.surface(kind.frame, Facing.FRONT, z)
    if kind is MOTORCYCLE:
        scene.fill(frame, disc(x, 0.68, z, (0.27, 0.3), 10))
        scene.add('moto light', Facing.FRONT, z, disc(x, 0.78, z, (0.11, 0.09), 8))
    scene.fill(frame, bar((x, 0.45), (x, 1.0), thick, z))
    scene.fill(frame, bar((x - 0.31, 1.03), (x + 0.31, 1.03), 0.07, z))


def _rider_across(scene: Scene, x: float, z: float, kind: Cycle) -> None:
    seat, hand = (x - 0.2, 0.9), (x + 0.36, 1.05)
    knee, foot = (x + 0.16, 0.74), (x + 0.02, 0.3)
    shoulder = (x + 0.12, 1.44)
    leg = scene.surface('rider leg', Facing.FRONT, z)
    scene.fill(leg, bar(seat, knee, 0.19, z))
    scene.fill(leg, bar(knee, foot, 0.14, z))
    owner = scene.instance()
    torso = scene.surface('rider torso', Facing.FRONT, z, owner)
    scene.fill(torso, bar((seat[0], seat[1] - 0.05), shoulder, 0.34, z))
    scene.fill(torso, bar(shoulder, hand, 0.11, z))
    grow = 1.0 if kind is BICYCLE else 1.15
    _rider_head(scene, (shoulder[0] + 0.08, shoulder[1] + 0.17, z), grow)


def _rider_along(scene: Scene, x: float, z: float) -> None:
    leg = scene.surface('rider leg', Facing.FRONT, z)
    lift = scene.rng.uniform(0, 0.15)
    for way, low in ((-1, 0.2 + lift), (1, 0.35 - lift)):
        scene.fill(leg, bar((x + way * 0.1, 0.92), (x + way * 0.2, 0.62), 0.17, z))
        scene.fill(leg, bar((x + way * 0.2, 0.65), (x + way * 0.15, low), 0.13, z))
    owner = scene.instance()
    torso = scene.surface('rider torso', Facing.FRONT, z, owner)
    scene.fill(torso, [(x - 0.19, 0.84, z), (x + 0.19, 0.84, z), (x + 0.25, 1.38, z),
                       (x + 0.1, 1.5, z), (x - 0.1, 1.5, z), (x - 0.25, 1.38, z)])  # fmt: skip
    for way in (-1, 1):
        scene.fill(torso, bar((x + way * 0.24, 1.36), (x + way * 0.3, 1.03), 0.1, z))
    _rider_head(scene, (x, 1.62, z), 1.0)


def _rider_head(scene: Scene, at: tuple[float, float, float], grow: float) -> None:
    x, y, z = at
    scene.add('rider face', Facing.FRONT, z, disc(x, y, z, (0.1, 0.135), 10))
    cap = disc(x, y + 0.03, z, (0.13 * grow, 0.14 * grow), 14)
    back = scene.rng.random() < 0.3
    scene.add('helmet', Facing.FRONT, z, cap if back else cap[:8])
