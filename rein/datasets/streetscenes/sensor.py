"""The camera's own look: colour, tone, optics, noise and compression."""

import math

import cv2
import numpy as np

from rein.datasets.streetscenes.styles import Sensor


def colour_matrix(sensor: Sensor) -> np.ndarray:
    """Hue turn, saturation, then gain as one (3, 3) float32 matrix on RGB."""
    angle = math.radians(sensor.hue)
    cos, sin = math.cos(angle), math.sin(angle) / math.sqrt(3)
    turn = np.eye(3) * cos + (1 - cos) / 3
    turn += sin * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    grey = np.eye(3) * sensor.saturation + (1 - sensor.saturation) / 3
    return (np.diag(sensor.gain) @ grey @ turn).astype(np.float32)


def expose(image: np.ndarray, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Takes the picture.

    Args:
        image: (H, W, 3) float32 RGB, grey levels, unclipped.
        sensor: settings.
        rng: source of the noise.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    image = cv2.transform(np.ascontiguousarray(image, np.float32), colour_matrix(sensor))
    if sensor.contrast != 1:
        mean = image.mean()
        image = mean + (image - mean) * np.float32(sensor.contrast)
    if sensor.vignette:
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        x = np.linspace(-1, 1, width, dtype=np.float32)[None]
        image = image * (1 - np.float32(sensor.vignette / 2) * (x * x + y * y))[..., None]
    sigma = sensor.blur * height / 128
    if sigma > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    if sensor.noise:
        # One array for all images of a size would repeat the noise; float32 normals are fast.
        noise = rng.standard_normal((height, width, 3), np.float32)
        image = image + noise * np.float32(sensor.noise)
    out = np.clip(image, 0, 255).astype(np.uint8)
    if sensor.gamma != 1:
        levels = 255 * (np.arange(256) / 255) ** sensor.gamma
        out = cv2.LUT(out, levels.round().astype(np.uint8))
    if sensor.quality is not None:
        coded = cv2.imencode('.jpg', out, [cv2.IMWRITE_JPEG_QUALITY, sensor.quality])[1]
        out = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return out
