"""Poles and what hangs on them: lamps, traffic lights, traffic signs."""

from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import bar, disc, front

_LENSES = ('red lens', 'amber lens', 'green lens')


def _pole(scene: Scene, x: float, z: float, height: float, width: float) -> int:
    pole = scene.surface('pole', Facing.FRONT, z)
    scene.fill(pole, front(x - width / 2, x + width / 2, 0.0, height, z))
    scene.shadow([(x - width / 2, z), (x + width / 2, z)], height)
    return pole


def post(scene: Scene, x: float, z: float) -> None:
    """Paints a bollard or a plain mast."""
    rng = scene.rng
    if rng.random() < 0.5:
        _pole(scene, x, z, rng.uniform(0.8, 1.1), 0.16)
    else:
        _pole(scene, x, z, rng.uniform(4, 9), rng.uniform(0.16, 0.28))


def street_lamp(scene: Scene, x: float, z: float, inward: int) -> None:
    """Paints a lamp on an arm that reaches over the road; ``inward`` is the road's direction."""
    rng = scene.rng
    height, reach = rng.uniform(5, 8.5), rng.uniform(0.8, 2.4)
    pole = _pole(scene, x, z, height, rng.uniform(0.14, 0.22))
    tip = (x + inward * reach, height + 0.45)
    scene.fill(pole, bar((x, height - 0.1), tip, 0.11, z))
    head = [(tip[0] - 0.4, tip[1] - 0.1, z), (tip[0] + 0.4, tip[1] - 0.1, z),
            (tip[0] + 0.25, tip[1] + 0.15, z), (tip[0] - 0.25, tip[1] + 0.15, z)]  # fmt: skip
    scene.add('lamp', Facing.FRONT, z, head)


def _signal(scene: Scene, x: float, y: float, z: float) -> None:
    box = front(x - 0.22, x + 0.22, y - 0.62, y + 0.62, z)
    scene.add('signal box', Facing.FRONT, z, box)
    on = scene.rng.randrange(3)
    for i, lens in enumerate(_LENSES):
        part = lens if i == on else 'dark lens'
        size = 0.17 if i == on else 0.13
        scene.add(part, Facing.FRONT, z, disc(x, y + 0.39 * (1 - i), z, (size, size), 8))


def traffic_light(scene: Scene, x: float, z: float, inward: int) -> None:
    """Paints a signal on its pole and, now and then, a second one on an arm over the road."""
    rng = scene.rng
    height = rng.uniform(2.8, 4.0)
    if rng.random() < 0.4:
        reach = rng.uniform(2.0, 4.0)
        top = rng.uniform(5.0, 6.0)
        pole = _pole(scene, x, z, top, 0.2)
        tip = (x + inward * reach, top + 0.1)
        scene.fill(pole, bar((x, top), tip, 0.12, z))
        _signal(scene, tip[0], top - 0.35, z)
    else:
        _pole(scene, x, z, height, 0.16)
    _signal(scene, x, height, z)


def traffic_sign(scene: Scene, x: float, z: float) -> None:
    """Paints one or two plates on a pole: prohibition, warning, give way, direction, priority."""
    rng = scene.rng
    height = rng.uniform(2.2, 3.2)
    _pole(scene, x, z, height + 0.2, rng.uniform(0.09, 0.14))
    kind = rng.choice((_prohibition, _warning, _direction, _direction, _priority))
    kind(scene, x, height, z)
    if rng.random() < 0.25:
        low = height - 0.75
        scene.add('white sign', Facing.FRONT, z, front(x - 0.32, x + 0.32, low, low + 0.3, z))


def _prohibition(scene: Scene, x: float, y: float, z: float) -> None:
    scene.add('red sign', Facing.FRONT, z, disc(x, y, z, (0.44, 0.44), 14))
    if scene.rng.random() < 0.7:
        scene.add('white sign', Facing.FRONT, z, disc(x, y, z, (0.31, 0.31), 14))
        scene.add('sign print', Facing.FRONT, z, front(x - 0.15, x + 0.15, y - 0.1, y + 0.1, z))
    else:
        scene.add('white sign', Facing.FRONT, z, front(x - 0.28, x + 0.28, y - 0.08, y + 0.08, z))


def _warning(scene: Scene, x: float, y: float, z: float) -> None:
    up = 1 if scene.rng.random() < 0.7 else -1
    for part, size in (('red sign', 0.54), ('white sign', 0.32)):
        scene.add(part, Facing.FRONT, z, [(x - size, y - up * size * 0.7, z),
                                          (x + size, y - up * size * 0.7, z),
                                          (x, y + up * size, z)])  # fmt: skip


def _priority(scene: Scene, x: float, y: float, z: float) -> None:
    for part, size in (('white sign', 0.5), ('yellow sign', 0.36)):
        scene.add(part, Facing.FRONT, z, [(x - size, y, z), (x, y - size, z), (x + size, y, z),
                                          (x, y + size, z)])  # fmt: skip


def _direction(scene: Scene, x: float, y: float, z: float) -> None:
    rng = scene.rng
    wide, high = rng.uniform(0.4, 1.3), rng.uniform(0.35, 0.6)
    part = rng.choice(('blue sign', 'blue sign', 'yellow sign', 'white sign'))
    scene.add(
        'white sign',
        Facing.FRONT,
        z,
        front(x - wide - 0.05, x + wide + 0.05, y - high - 0.05, y + high + 0.05, z),
    )
    scene.add(part, Facing.FRONT, z, front(x - wide, x + wide, y - high, y + high, z))
    mark = 'sign print' if part in ('white sign', 'yellow sign') else 'white sign'
    for line in (0.35, -0.25):
        scene.add(mark, Facing.FRONT, z,
                  front(x - wide * 0.7, x + wide * rng.uniform(0, 0.7), y + high * line,
                        y + high * (line + 0.22), z))  # fmt: skip
