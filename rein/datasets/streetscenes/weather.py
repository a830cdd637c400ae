"""What lies between the scene and the camera: darkness and lamps, wetness, snow, fog, rain."""

import cv2
import numpy as np

from rein.datasets.streetscenes import textures
from rein.datasets.streetscenes.parts import MATERIALS, PART_MATERIAL
from rein.datasets.streetscenes.scene import Facing
from rein.datasets.streetscenes.shading import Space
from rein.datasets.streetscenes.street import LANE
from rein.datasets.streetscenes.styles import Light, Weather
from rein.datasets.streetscenes.view import View

_SNOW = np.array([m.snow for m in MATERIALS.values()], np.float32)
_WET = np.array([m.wet for m in MATERIALS.values()], np.float32)
_GLOW = np.array([m.glow for m in MATERIALS.values()], np.float32)
_WHITE = np.array([234, 238, 244], np.float32)
_WARM = np.array([1.0, 0.86, 0.6], np.float32)


def _noise(name: str, space: Space, density: float) -> np.ndarray:
    """Texture ``name`` over the ground plane, (H, W) float32."""
    u = (space.x * np.float32(density)).astype(np.int32)
    v = (space.z * np.float32(density)).astype(np.int32)
    return textures.sample(np.full(u.shape, textures.KINDS.index(name), np.int32), u, v)


def lie_snow(image: np.ndarray, view: View, space: Space, amount: float) -> np.ndarray:
    """Covers what faces up; wheels keep two tracks of the road half clear."""
    held = _SNOW[PART_MATERIAL[view.parts]][view.seen]
    flat = space.ground | (space.facing == Facing.SLOPE)
    cover = held * np.where(flat, np.float32(1), np.float32(0.75))
    lane = np.abs((space.x + np.float32(LANE / 2)) % np.float32(LANE) - np.float32(LANE / 2))
    track = np.exp(-(((lane - 0.75) / 0.3) ** 2))
    road = space.ground & (held <= 0.5)
    cover = np.where(road, cover * (1.25 - track), cover)
    rough = _noise('clumps', space, 9.0) * np.where(held > 0, np.float32(0.14), np.float32(0))
    cover = np.clip((cover + rough * (held < 0.9)) * np.float32(amount), 0, 0.96)[..., None]
    return image + cover * (_WHITE * np.float32(image.mean() / 255 * 0.35 + 0.72) - image)


def wet_ground(image: np.ndarray, view: View, space: Space, amount: float) -> np.ndarray:
    """Darkens what soaks and lets the ground mirror what stands above the horizon."""
    height = len(image)
    soak = _WET[PART_MATERIAL[view.parts]][view.seen] * np.float32(amount)
    image = image * (1 - np.float32(0.38) * soak)[..., None]
    rows = np.clip(2 * view.camera.horizon * height - np.arange(height), 0, height - 1)
    mirror = cv2.blur(image[rows.astype(np.int32)], (3, max(3, height // 12)))
    puddle = np.clip(0.5 + 0.3 * _noise('smooth', space, 10.0), 0.15, 1)
    shine = (np.where(space.ground, np.float32(0.6), np.float32(0)) * soak * puddle)[..., None]
    return image + shine * (mirror - image)


def darken(
    image: np.ndarray, view: View, space: Space, light: Light, rng: np.random.Generator
) -> np.ndarray:
    """Puts out the sun and turns on windows, lamps and our own headlights."""
    height, width = view.seen.shape
    glow = _GLOW[PART_MATERIAL[view.parts]]
    on = glow * np.where(glow < 1, rng.uniform(0.3, 1.3, len(glow)), 1).astype(np.float32)
    source = on.astype(np.float32)[view.seen]
    source *= np.clip(16 / space.z, 0.5, 1)
    # The halo is smooth, so a quarter of the rows and columns is enough.
    small = cv2.resize(source, (max(width // 4, 1), max(height // 4, 1)), cv2.INTER_AREA)
    scale = height / 128
    halo = 1.3 * cv2.GaussianBlur(small, (0, 0), 1.2 * scale)
    halo += 3.0 * cv2.GaussianBlur(small, (0, 0), 6 * scale)
    halo = cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR)
    beam = np.exp(-((space.x / (1.2 + 0.16 * space.z)) ** 2)) * np.clip(1 - space.z / 42, 0, 1)
    beam *= np.where(space.ground, np.float32(0.6), np.float32(0.36)) * (space.y < 2.2)
    lit = np.float32(light.day) + np.minimum(halo, 0.75) * 0.55 + beam
    lit = np.where(view.seen == 0, np.float32(1), lit)  # the sky has its night colours already
    image = image * lit[..., None]
    own = np.maximum(image, 30)
    image += source[..., None] * (0.9 * own + 105 * _WARM)
    return image + (np.minimum(halo, 1.2) * 22)[..., None] * _WARM


def veil(image: np.ndarray, space: Space, light: Light, density: float) -> np.ndarray:
    """Fog: mixes in the horizon's colour with distance (Koschmieder)."""
    clear = np.exp(np.float32(-density) * space.z)[..., None]
    colour = np.array(light.horizon, np.float32)
    return colour + clear * (image - colour)


def fall_rain(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Draws slanted streaks."""
    height, width = image.shape[:2]
    scale = height / 128
    count = int(70 * amount * width / height)
    streaks = np.zeros((height, width), np.float32)
    slant = rng.uniform(-0.3, 0.3)
    starts = rng.uniform((0, -0.1 * height), (width, height), (count, 2))
    lengths = rng.uniform(5, 17, (count, 1)) * scale
    lines = np.stack([starts, starts + lengths * np.array([slant, 1])], 1)
    fixed = np.round(lines * 8).astype(np.int32)
    thickness = max(1, round(0.7 * scale))
    cv2.polylines(streaks, list(fixed), isClosed=False, color=1.0, thickness=thickness, shift=3)
    streaks = cv2.GaussianBlur(streaks, (0, 0), 0.5 * scale)
    return image + (streaks * 38)[..., None]


def fall_snow(image: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Draws flakes, many small and few large."""
    height, width = image.shape[:2]
    scale = height / 128
    count = int(90 * amount * width / height)
    flakes = np.zeros((height, width), np.float32)
    centres = np.round(rng.uniform((0, 0), (width, height), (count, 2)) * 8).astype(np.int32)
    radii = np.round(rng.uniform(0.2, 1.1, count) ** 2 * scale * 8).astype(np.int32)
    for (x, y), radius in zip(centres.tolist(), radii.tolist(), strict=True):
        cv2.circle(flakes, (x, y), radius, 1.0, -1, shift=3)
    flakes = np.minimum(cv2.GaussianBlur(flakes, (0, 0), 0.55 * scale) * 1.2, 0.9)[..., None]
    return image + flakes * (244 - image)


def apply(
    image: np.ndarray,
    view: View,
    space: Space,
    sky: tuple[Light, Weather],
    rng: np.random.Generator,
) -> np.ndarray:
    """All of a style's weather on an image, (H, W, 3) float32 grey levels."""
    light, weather = sky
    if weather.snow:
        image = lie_snow(image, view, space, weather.snow)
    if weather.wet:
        image = wet_ground(image, view, space, weather.wet)
    if light.day < 0.5:
        image = darken(image, view, space, light, rng)
    elif light.day != 1:
        image = image * np.where(view.seen == 0, np.float32(1), np.float32(light.day))[..., None]
    if weather.fog:
        image = veil(image, space, light, weather.fog)
    if weather.rain:
        image = fall_rain(image, weather.rain, rng)
    if weather.flakes:
        image = fall_snow(image, weather.flakes, rng)
    return image
