"""The pinhole camera of a scene: where a point of the street falls in the picture, and back.

Frame of a scene: metres, X to the right, Y up, Z along the road; the camera stands above (0, 0, 0)
and looks along Z. The road bends: what stands at (X, Z) is seen at X + bend * Z * Z.
"""

from dataclasses import dataclass

import numpy as np

NEAR = 0.6
FAR = 400.0


@dataclass(frozen=True)
class Camera:
    """A camera in units that do not depend on the picture's size.

    Args:
        height: metres above the ground.
        horizon: row of the horizon, as a fraction of the picture's height.
        focal: focal length, in picture heights.
        centre: column the camera looks along, as a fraction of the picture's width.
        bend: curvature of the road, 1/m; positive bends to the right.
    """

    height: float
    horizon: float
    focal: float
    centre: float
    bend: float

    def project(self, points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Pixels of points; what is nearer than ``NEAR`` is moved there along Z.

        Args:
            points: (N, 3) metres.
            size: (width, height) of the picture.

        Returns:
            (N, 2) float32, x and y in pixels.
        """
        width, height = size
        depth = np.maximum(points[:, 2], NEAR)
        scale = np.float32(self.focal * height) / depth
        pixels = np.empty((len(points), 2), np.float32)
        bent = points[:, 0] + np.float32(self.bend) * depth * depth
        pixels[:, 0] = self.centre * width + scale * bent
        pixels[:, 1] = self.horizon * height + scale * (self.height - points[:, 1])
        return pixels

    def rays(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Slopes X/Z (1, W) and (height - Y)/Z (H, 1) of the rays through the pixels' centres."""
        width, height = size
        focal = self.focal * height
        across = (np.arange(width, dtype=np.float32) + 0.5 - self.centre * width) / focal
        down = (np.arange(height, dtype=np.float32) + 0.5 - self.horizon * height) / focal
        return across[None].astype(np.float32), down[:, None].astype(np.float32)

    def depth_of_ground(self, down: np.ndarray) -> np.ndarray:
        """Depth at which rays of slope ``down`` meet the ground Y = 0."""
        return np.clip(self.height / np.maximum(down, 1e-4), NEAR, FAR).astype(np.float32)

    def depth_of_side(self, across: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """Depth at which rays of slope ``across`` meet the (bent) plane X = ``offset``."""
        root = np.sqrt(np.maximum(across * across - np.float32(4 * self.bend) * offset, 0))
        slope = across + np.copysign(root, offset)
        slope = np.where(np.abs(slope) < 1e-4, np.float32(1e-4), slope)
        return np.clip(2 * offset / slope, NEAR, FAR).astype(np.float32)
