"""Cars seen from behind or from the front: hatchback, saloon, estate and van."""

from dataclasses import dataclass

from rein.datasets.streetscenes.scene import Facing, Scene
from rein.datasets.streetscenes.shapes import front, side, slope, wheel

_FINE = 45.0  # metres beyond which lights and plates are too small to draw


@dataclass(frozen=True)
class Profile:
    """The outline of a car in fractions of its length, counted from its rear.

    Args:
        height: metres.
        length: metres.
        belt: height of the windows' lower edge, as a fraction of the height.
        sill: where the cabin's lower edge begins and ends.
        roof: where the roof begins and ends.
    """

    height: float
    length: float
    belt: float
    sill: tuple[float, float]
    roof: tuple[float, float]

    def turned(self) -> 'Profile':
        """The same car seen from its front."""
        sill = (1 - self.sill[1], 1 - self.sill[0])
        roof = (1 - self.roof[1], 1 - self.roof[0])
        return Profile(self.height, self.length, self.belt, sill, roof)


PROFILES = (
    Profile(1.46, 3.9, 0.58, (0.02, 0.74), (0.12, 0.54)),
    Profile(1.45, 4.6, 0.60, (0.15, 0.74), (0.28, 0.58)),
    Profile(1.72, 4.5, 0.60, (0.02, 0.76), (0.10, 0.60)),
    Profile(1.98, 4.9, 0.56, (0.00, 0.86), (0.03, 0.74)),
)

_HALF = 0.88  # half the width of a car, metres
_FLOOR = 0.24  # clearance, metres


def car(scene: Scene, x: float, z: float, oncoming: float) -> float:
    """Paints a car whose near end is at depth ``z``.

    Args:
        scene: what to paint into.
        x: offset of the car's middle, metres.
        z: depth of its near end, metres.
        oncoming: probability that its front is the near end.

    Returns:
        Length in metres.
    """
    rng = scene.rng
    profile = rng.choice(PROFILES)
    comes = rng.random() < oncoming
    if comes:
        profile = profile.turned()
    owner = scene.instance()
    end = z + profile.length
    scene.shadow([(x - _HALF, z), (x + _HALF, z), (x + _HALF, end), (x - _HALF, end)], 1.0)
    seen = x + scene.camera.bend * z * z
    if abs(seen) > _HALF:
        near_side = x - _HALF if seen > 0 else x + _HALF
        _flank(scene, near_side, 1 if seen > 0 else -1, z, (profile, owner))
    _top(scene, x, z, (profile, owner))
    _face(scene, x, z, (profile, owner))
    if z < _FINE:
        _lights(scene, x, z, profile, 'head light' if comes else 'tail light')
    return profile.length


def _flank(scene: Scene, x: float, inward: int, z: float, look: tuple[Profile, int]) -> None:
    profile, owner = look
    belt, length = profile.belt * profile.height, profile.length
    low = (z + profile.sill[0] * length, z + profile.sill[1] * length)
    top = (z + profile.roof[0] * length, z + profile.roof[1] * length)
    inner = x + inward * 0.13
    body = scene.surface('car body', Facing.SIDE, x, owner)
    cabin = [(x, belt, low[0]), (x, belt, low[1]), (inner, profile.height, top[1]),
             (inner, profile.height, top[0])]  # fmt: skip
    scene.fill(body, cabin)
    scene.fill(body, side(x, _FLOOR, belt + 0.02, z, z + length))
    glass = scene.surface('car glass', Facing.SIDE, x)
    pillar = (top[0] + top[1]) / 2
    upper = profile.height - 0.1
    inset = x + inward * 0.11
    for a, b, c, d in (
        (low[0] + 0.3, pillar - 0.06, pillar - 0.06, top[0] + 0.12),
        (pillar + 0.06, low[1] - 0.3, top[1] - 0.1, pillar + 0.06),
    ):
        pane = [(x, belt + 0.06, a), (x, belt + 0.06, b), (inset, upper, c), (inset, upper, d)]
        scene.fill(glass, pane)
    trim = scene.surface('car trim', Facing.SIDE, x)
    scene.fill(trim, side(x, _FLOOR - 0.04, _FLOOR + 0.1, z, z + length))
    tyre = scene.surface('car tyre', Facing.SIDE, x)
    rim = scene.surface('car rim', Facing.SIDE, x)
    for at in (z + 0.19 * length, z + 0.81 * length):
        scene.fill(tyre, wheel(x, 0.32, at))
        scene.fill(rim, wheel(x, 0.32, at, 0.55))


def _top(scene: Scene, x: float, z: float, look: tuple[Profile, int]) -> None:
    profile, owner = look
    height, length = profile.height, profile.length
    top = scene.surface('car body', Facing.SLOPE, z, owner)
    narrow = (x - _HALF + 0.13, x + _HALF - 0.13)
    span = (z + profile.roof[0] * length, z + profile.roof[1] * length)
    scene.fill(top, slope(narrow, (height, height), span))
    if profile.sill[0] > 0.05:
        deck = (z, z + profile.sill[0] * length)
        belt = profile.belt * height
        scene.fill(top, slope((x - _HALF, x + _HALF), (belt - 0.06, belt), deck))


def _face(scene: Scene, x: float, z: float, look: tuple[Profile, int]) -> None:
    profile, owner = look
    height, length = profile.height, profile.length
    belt = profile.belt * height
    near = scene.surface('car body', Facing.FRONT, z, owner)
    sill, roof = z + profile.sill[0] * length, z + profile.roof[0] * length
    outer, inner = _HALF - 0.02, _HALF - 0.13
    scene.fill(near, [(x - outer, belt - 0.04, sill), (x + outer, belt - 0.04, sill),
                      (x + inner, height, roof), (x - inner, height, roof)])  # fmt: skip
    glass = [
        (x - outer + 0.12, belt + 0.04, sill),
        (x + outer - 0.12, belt + 0.04, sill),
        (x + inner - 0.1, height - 0.12, roof),
        (x - inner + 0.1, height - 0.12, roof),
    ]
    scene.add('car glass', Facing.SLOPE, z, glass)
    tyre = scene.surface('car tyre', Facing.FRONT, z)
    for at in (x - _HALF + 0.13, x + _HALF - 0.13):
        scene.fill(tyre, front(at - 0.11, at + 0.11, 0.0, 0.4, z))
    edge = belt - 0.06 if profile.sill[0] > 0.05 else belt
    scene.fill(near, front(x - _HALF, x + _HALF, _FLOOR, edge, z))
    trim = scene.surface('car trim', Facing.FRONT, z)
    scene.fill(trim, front(x - _HALF, x + _HALF, _FLOOR - 0.04, _FLOOR + 0.13, z))


def _lights(scene: Scene, x: float, z: float, profile: Profile, part: str) -> None:
    belt = profile.belt * profile.height
    light = scene.surface(part, Facing.FRONT, z)
    for at in (x - _HALF + 0.2, x + _HALF - 0.2):
        scene.fill(light, front(at - 0.17, at + 0.17, belt - 0.28, belt - 0.12, z))
    if part == 'head light':
        grille = scene.surface('car trim', Facing.FRONT, z)
        scene.fill(grille, front(x - 0.42, x + 0.42, belt - 0.32, belt - 0.16, z))
    scene.add('plate', Facing.FRONT, z, front(x - 0.26, x + 0.26, 0.42, 0.54, z))
