"""Vegetation: trees in leaf, conifers, bare trees, bushes, hedges and hills."""

import math

from rein.datasets.streetscenes.scene import Facing, Layer, Scene
from rein.datasets.streetscenes.shapes import bar, blob, side

_TONES = ('shaded leaf', 'leaf', 'sunny leaf')


def tree(scene: Scene, x: float, z: float, height: float) -> None:
    """Paints a tree of a random kind."""
    kind = scene.rng.random()
    if kind < 0.14:
        bare_tree(scene, x, z, height)
    elif kind < 0.28:
        conifer(scene, x, z, height)
    else:
        leafy_tree(scene, x, z, height)
    wide = height * 0.24
    scene.shadow([(x - 0.2, z), (x + 0.2, z)], height * 0.5)
    # The crown's shadow starts where the sun throws its lower edge.
    low = height * 0.45
    cx, cz = x + scene.sun[0] * low, z + scene.sun[1] * low
    scene.shadow([(cx - wide, cz - wide), (cx + wide, cz - wide), (cx + wide, cz + wide),
                  (cx - wide, cz + wide)], height * 0.4)  # fmt: skip


def _trunk(scene: Scene, x: float, z: float, height: float) -> None:
    trunk = scene.surface('trunk', Facing.FRONT, z)
    lean = scene.rng.uniform(-0.04, 0.04) * height
    scene.fill(trunk, bar((x, 0.0), (x + lean, height), 0.05 * height + 0.1, z))


def leafy_tree(scene: Scene, x: float, z: float, height: float) -> None:
    """Paints a round crown in three tones, the lightest on top."""
    rng = scene.rng
    _trunk(scene, x, z, height * 0.6)
    radius = height * rng.uniform(0.22, 0.32)
    middle = height - radius
    owner = scene.instance()
    lit = -0.3 if scene.sun[0] > 0 else 0.3
    for tone, name in enumerate(_TONES):
        surface = scene.surface(name, Facing.FRONT, z, owner)
        size = radius * (0.72, 0.6, 0.36)[tone]
        spread = radius * (0.45, 0.4, 0.42)[tone]
        for _ in range((4, 4, 3)[tone]):
            dx = rng.uniform(-1, 1) * spread * 1.2 + lit * spread * tone * 0.6
            dy = rng.uniform(-0.8, 0.8) * spread + spread * (-0.3, 0.2, 0.75)[tone]
            grow = rng.uniform(0.75, 1.1) * size
            scene.fill(surface, blob(rng, x + dx, middle + dy, z, (grow, grow * 0.9)))


def conifer(scene: Scene, x: float, z: float, height: float) -> None:
    """Paints a tree of stacked cones."""
    rng = scene.rng
    _trunk(scene, x, z, height * 0.3)
    owner = scene.instance()
    dark = scene.surface('shaded leaf', Facing.FRONT, z, owner)
    light = scene.surface('leaf', Facing.FRONT, z, owner)
    half = height * rng.uniform(0.16, 0.22)
    for i in range(4):
        low, wide = height * (0.14 + 0.19 * i), half * (1 - 0.2 * i)
        top = low + height * 0.3
        scene.fill(dark, [(x - wide, low, z), (x + wide, low, z), (x, top, z)])
        edge = wide * 0.15 if scene.sun[0] > 0 else -wide * 0.15
        scene.fill(light, [(x - wide * 0.6 - edge, low + 0.1 * height * 0.3, z),
                           (x + wide * 0.25 - edge, low + 0.1 * height * 0.3, z),
                           (x, top, z)])  # fmt: skip


def bare_tree(scene: Scene, x: float, z: float, height: float) -> None:
    """Paints a crown of boughs; all of the crown is labelled, as annotators do."""
    rng = scene.rng
    radius = height * rng.uniform(0.24, 0.32)
    middle = height - radius
    gap = scene.surface('crown gap', Facing.FRONT, z)
    crown = blob(rng, x, middle, z, (radius * 0.9, radius))
    scene.fill(gap, crown, Layer.LABEL)
    _trunk(scene, x, z, height * 0.55)
    bough = scene.surface('bough', Facing.FRONT, z)
    root = (x, height * 0.45)
    for i in range(9):
        angle = math.pi * (0.12 + 0.76 * i / 8) + rng.uniform(-0.1, 0.1)
        reach = radius * rng.uniform(0.85, 1.05)
        tip = (x + reach * 0.85 * math.cos(angle), middle + reach * 0.9 * math.sin(angle))
        scene.fill(bough, bar(root, tip, 0.014 * height, z))


def bush(scene: Scene, x: float, z: float, height: float) -> None:
    """Paints a low round shrub."""
    rng = scene.rng
    owner = scene.instance()
    for name, grow, lift in (('shaded leaf', 1.0, 0.45), ('leaf', 0.75, 0.55)):
        surface = scene.surface(name, Facing.FRONT, z, owner)
        for _ in range(2):
            dx = rng.uniform(-0.4, 0.4) * height
            size = height * grow * rng.uniform(0.5, 0.65)
            scene.fill(surface, blob(rng, x + dx, height * lift, z, (size, size * 0.8)))


def hedge(scene: Scene, x: float, z0: float, z1: float) -> None:
    """Paints a clipped hedge along the road, its ragged top a little lighter."""
    rng = scene.rng
    height = rng.uniform(0.7, 1.9)
    owner = scene.instance()
    steps = [z0 + (z1 - z0) * i / 10 for i in range(11)]
    top = [height * rng.uniform(0.88, 1.1) for _ in steps]
    face = scene.surface('shaded leaf', Facing.SIDE, x, owner)
    scene.fill(face, side(x, 0.0, height * 0.9, z0, z1))
    crest = scene.surface('leaf', Facing.SIDE, x, owner)
    upper = [(x, y, z) for y, z in zip(top, steps, strict=True)]
    lower = [(x, height * 0.55, z) for z in reversed(steps)]
    scene.fill(crest, upper + lower)


def hills(scene: Scene) -> None:
    """Paints wooded hills on the horizon."""
    rng = scene.rng
    z = 220.0
    for _ in range(rng.randint(1, 3)):
        x, wide, high = rng.uniform(-200, 200), rng.uniform(60, 190), rng.uniform(8, 42)
        scene.add('hill', Facing.FRONT, z, blob(rng, x, 0.0, z, (wide, high), 0.05))
