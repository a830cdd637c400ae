"""A scene seen at a size: per pixel its surface, class, part and place in space."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from rein.datasets.streetscenes.camera import FAR, Camera
from rein.datasets.streetscenes.parts import PART_CLASS, PART_MATERIAL
from rein.datasets.streetscenes.scene import Facing, Layer, Scene

_BITS = 3  # binary places of a polygon's corners, in pixels
_REACH = 30000  # pixels beyond which corners are drawn in; OpenCV wants them within 16 bits


@dataclass(frozen=True)
class View:
    """What the camera sees; every map is (H, W).

    Args:
        camera: of the scene.
        labelled: int32, number of the surface a pixel is annotated as.
        seen: int32, number of the surface whose colour the pixel shows; differs from ``labelled``
            only where one looks through a fence, a bare crown or a spoked wheel.
        sunlit: float32, 1 in the sun and 0 in a cast shadow; meant for the ground.
        parts: (N,) uint8, part of each surface.
        instances: (N,) int32.
        facings: (N,) uint8, ``Facing`` of each surface.
        planes: (N,) float32, metres.
        tones: (N,) float32 in 0..1, which of its part's colours a surface takes.
    """

    camera: Camera
    labelled: np.ndarray
    seen: np.ndarray
    sunlit: np.ndarray
    parts: np.ndarray
    instances: np.ndarray
    facings: np.ndarray
    planes: np.ndarray
    tones: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Class of every pixel, (H, W) uint8 train ids 0..18."""
        return PART_CLASS[self.parts][self.labelled]

    @property
    def part_labels(self) -> np.ndarray:
        """Part of every pixel, (H, W) uint8, numbered as ``parts.PART_NAMES``."""
        return self.parts[self.labelled]

    @property
    def material_labels(self) -> np.ndarray:
        """Material of every pixel, (H, W) uint8, numbered as ``parts.MATERIAL_NAMES``."""
        return PART_MATERIAL[self.parts][self.labelled]

    @cached_property
    def depth(self) -> np.ndarray:
        """Depth Z of what every pixel shows, (H, W) float32 metres; the sky is at ``FAR``."""
        height, width = self.seen.shape
        across, down = self.camera.rays((width, height))
        plane = self.planes[self.seen]
        facing = self.facings[self.seen]
        depth = np.where(facing == Facing.GROUND, self.camera.depth_of_ground(down), plane)
        on_side = np.flatnonzero(facing == Facing.SIDE)
        slopes = np.broadcast_to(across, depth.shape).ravel()[on_side]
        depth.ravel()[on_side] = self.camera.depth_of_side(slopes, plane.ravel()[on_side])
        return np.minimum(depth, np.float32(FAR))


def draw(scene: Scene, size: tuple[int, int]) -> View:
    """Sees a scene at a size, (width, height) in pixels."""
    width, height = size
    labelled = np.zeros((height, width), np.int32)
    seen = np.zeros((height, width), np.int32)
    for (surface, layer, _), polygons in zip(
        scene.fills, _pixels(scene, [f[2] for f in scene.fills], size), strict=True
    ):
        # The same corners in both maps: image and labels cannot differ but by ``layer``.
        cv2.fillPoly(labelled, polygons, surface, shift=_BITS)
        if layer == Layer.BOTH:
            cv2.fillPoly(seen, polygons, surface, shift=_BITS)
    sunlit = np.ones((height, width), np.float32)
    for polygons in _pixels(scene, [s[None] for s in scene.shadows], size):
        cv2.fillPoly(sunlit, polygons, 0.0, shift=_BITS)
    tones = np.random.default_rng(scene.tone_seed).random(max(scene.instances) + 1, np.float32)
    return View(
        camera=scene.camera,
        labelled=labelled,
        seen=seen,
        sunlit=sunlit,
        parts=np.array(scene.parts, np.uint8),
        instances=np.array(scene.instances, np.int32),
        facings=np.array(scene.facings, np.uint8),
        planes=np.array(scene.planes, np.float32),
        tones=tones[scene.instances],
    )


def _pixels(
    scene: Scene, polygons: list[np.ndarray], size: tuple[int, int]
) -> list[list[np.ndarray]]:
    """Corners of all polygons in fixed-point pixels, projected in one go."""
    if not polygons:
        return []
    points = np.concatenate([p.reshape(-1, 3) for p in polygons])
    pixels = np.clip(scene.camera.project(points, size), -_REACH, _REACH) - np.float32(0.5)
    fixed = np.round(pixels * (1 << _BITS)).astype(np.int32)
    out, start = [], 0
    for polygon in polygons:
        count, corners = polygon.shape[:2]
        stop = start + count * corners
        out.append(list(fixed[start:stop].reshape(count, corners, 2)))
        start = stop
    return out
