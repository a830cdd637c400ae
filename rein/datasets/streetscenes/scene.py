"""A scene as a list of flat coloured surfaces in metres, in the order in which they are painted."""

from collections.abc import Sequence
from enum import IntEnum
from random import Random

import cv2
import numpy as np

from rein.datasets.streetscenes.camera import FAR, Camera
from rein.datasets.streetscenes.parts import PART_ID


class Facing(IntEnum):
    """Which plane a surface lies in, and so how deep it is, how it is lit and how it is textured.

    ``plane`` of a surface is the depth Z of SKY, FRONT and SLOPE, the offset X of SIDE, and
    unused for GROUND (Y = 0). SLOPE is treated as upright but lit from above: roofs, bonnets.
    """

    SKY = 0
    GROUND = 1
    SIDE = 2
    FRONT = 3
    SLOPE = 4


class Layer(IntEnum):
    """What a polygon is painted into: labels and image (almost everything), or labels only.

    LABEL is for what one looks through but annotates as a whole: the gaps of a fence, of a bare
    crown, of a spoked wheel. The image keeps what is behind.
    """

    LABEL = 1
    BOTH = 2


Polygons = Sequence[Sequence[float]] | np.ndarray


class Scene:
    """Surfaces and polygons of one street, before it is seen at a size or in a style.

    Args:
        rng: source of every choice the objects make.
        camera: where the scene is seen from.
        sun: (x, z) of the shadow that a point one metre above the ground throws, metres.
    """

    def __init__(self, rng: Random, camera: Camera, sun: tuple[float, float]) -> None:
        self.rng = rng
        self.camera = camera
        self.sun = sun
        self.tone_seed = rng.getrandbits(32)
        self.parts: list[int] = []
        self.instances: list[int] = []
        self.facings: list[int] = []
        self.planes: list[float] = []
        self.fills: list[tuple[int, Layer, np.ndarray]] = []
        self.shadows: list[np.ndarray] = []
        self._instances = 0
        self.surface('sky', Facing.SKY, FAR)

    def instance(self) -> int:
        """A new instance number; surfaces of one part and instance share their colour."""
        self._instances += 1
        return self._instances

    def surface(self, part: str, facing: Facing, plane: float, instance: int | None = None) -> int:
        """Declares a surface and returns its number; without ``instance`` it is one of its own."""
        self.parts.append(PART_ID[part])
        self.facings.append(facing)
        self.planes.append(plane)
        self.instances.append(self.instance() if instance is None else instance)
        return len(self.parts) - 1

    def fill(self, surface: int, polygons: Polygons, layer: Layer = Layer.BOTH) -> None:
        """Paints polygons of a surface over what was painted before.

        Args:
            surface: number from ``surface``.
            polygons: (K, 3) one polygon, or (N, K, 3) polygons that do not overlap, metres.
            layer: what to paint into.
        """
        points = np.asarray(polygons, np.float32)
        points = points[None] if points.ndim == 2 else points
        if len(points):
            self.fills.append((surface, layer, points))

    def add(
        self,
        part: str,
        facing: Facing,
        plane: float,
        polygons: Polygons,
        instance: int | None = None,
    ) -> int:
        """Declares a surface and paints it; returns its number."""
        number = self.surface(part, facing, plane, instance)
        self.fill(number, polygons)
        return number

    def shadow(self, base: Sequence[tuple[float, float]], height: float) -> None:
        """Casts the shadow of a prism on the ground: its base (x, z), metres, and its height."""
        ground = np.asarray(base, np.float32)
        reach = ground + np.asarray(self.sun, np.float32) * np.float32(height)
        hull = cv2.convexHull(np.concatenate([ground, reach]))[:, 0]
        flat = np.zeros((len(hull), 3), np.float32)
        flat[:, ::2] = hull
        self.shadows.append(flat)
