"""Colours of a view: paint and texture of the surfaces, sun and shadow, sky, then the weather."""

from dataclasses import dataclass

import cv2
import numpy as np

from rein.datasets.streetscenes import textures
from rein.datasets.streetscenes.parts import MATERIALS, PART_MATERIAL, PARTS
from rein.datasets.streetscenes.scene import Facing
from rein.datasets.streetscenes.styles import Light, Style, Surfaces
from rein.datasets.streetscenes.view import View

_MOST = max(len(part.colours) for part in PARTS.values())
_COLOURS = np.zeros((len(PARTS), _MOST, 3), np.float32)
_COUNTS = np.array([len(part.colours) for part in PARTS.values()])
for _i, _part in enumerate(PARTS.values()):
    _COLOURS[_i, : len(_part.colours)] = _part.colours
_TEXTURE = np.array([textures.KINDS.index(m.texture) for m in MATERIALS.values()], np.int32)
_GRAIN = np.array([m.grain for m in MATERIALS.values()], np.float32)


@dataclass(frozen=True)
class Space:
    """Where the pixels of a view are, (H, W) each: X, Y and Z in metres."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    facing: np.ndarray

    @property
    def ground(self) -> np.ndarray:
        """Whether a pixel shows the ground."""
        return self.facing == Facing.GROUND


def locate(view: View) -> Space:
    """Places every pixel of a view in space."""
    height, width = view.seen.shape
    across, down = view.camera.rays((width, height))
    z = view.depth
    x = across * z
    x -= np.float32(view.camera.bend) * z * z
    y = np.float32(view.camera.height) - down * z
    return Space(x, y, z, view.facings[view.seen])


def surface_colours(view: View, surfaces: Surfaces, rng: np.random.Generator) -> np.ndarray:
    """Colour of every surface without light, (N, 3) float32 grey levels."""
    count = int(view.instances.max()) + 1
    parts = view.parts
    colours = _COLOURS[parts, (view.tones * _COUNTS[parts]).astype(np.int64)]
    if surfaces.repaint > 0:
        paint = rng.uniform(15, 240, (len(PARTS), 3)).astype(np.float32)
        own = rng.uniform(15, 240, (count, 3)).astype(np.float32)
        # Half of the images colour by part alone, half by instance too.
        share = 0.5 * (rng.random() < 0.5)
        new = (1 - share) * paint[parts] + share * own[view.instances]
        new = 0.35 * new.mean(1, keepdims=True) + 0.65 * new
        colours = colours + np.float32(surfaces.repaint) * (new - colours)
    spread = np.float32(surfaces.jitter)
    grey = rng.standard_normal((count, 1), np.float32)
    tint = rng.standard_normal((count, 3), np.float32)
    return np.maximum(colours + (spread * (0.8 * grey + 0.6 * tint))[view.instances], 4)


def facing_light(view: View, sun: tuple[float, float], strength: float) -> np.ndarray:
    """Brightness of every surface from the side the sun stands on, (N,) float32; ground is 1."""
    toward = np.array([-sun[0], 1.0, -sun[1]])
    toward /= np.linalg.norm(toward)
    cosine = np.zeros(len(view.facings))
    side = view.facings == Facing.SIDE
    cosine[side] = -np.sign(view.planes[side]) * toward[0]
    cosine[view.facings == Facing.FRONT] = -toward[2]
    above = (view.facings == Facing.GROUND) | (view.facings == Facing.SLOPE)
    cosine[above] = toward[1]
    light = 1 + 0.42 * strength * (np.maximum(cosine, -0.25) - toward[1])
    light[view.facings == Facing.SKY] = 1
    return light.astype(np.float32)


def texture(view: View, space: Space, surfaces: Surfaces, rng: np.random.Generator) -> np.ndarray:
    """Factor of the texture on every pixel, (H, W) float32 about 1."""
    materials = PART_MATERIAL[view.parts]
    kinds, grain = _TEXTURE[materials], _GRAIN[materials] * np.float32(surfaces.grain)
    if surfaces.strange > 0:
        # One foreign texture a part, so that a class still looks like itself within an image.
        changed = (rng.random(len(PARTS)) < surfaces.strange)[view.parts]
        kinds = np.where(
            changed, rng.integers(0, len(textures.KINDS), len(PARTS))[view.parts], kinds
        )
        foreign = rng.uniform(0, 0.12, len(PARTS)).astype(np.float32) * surfaces.grain
        grain = np.where(changed, foreign[view.parts], grain)
    shift = rng.integers(0, textures.TILE, 2).astype(np.int32)
    density = np.float32(textures.DENSITY)
    along = np.where(space.facing == Facing.SIDE, space.z, space.x)
    up = np.where(space.ground, space.z, space.y)
    across = (along * density).astype(np.int32) + shift[0]
    across += ((view.instances * 37) & (textures.TILE - 1)).astype(np.int32)[view.seen]
    value = textures.sample(
        kinds.astype(np.int32)[view.seen], across, (up * density).astype(np.int32) + shift[1]
    )
    # Texels smaller than a pixel would only flicker.
    focal = view.camera.focal * view.seen.shape[0]
    value *= np.clip(np.float32(1.3 * focal / textures.DENSITY) / space.z, 0.12, 1)
    value *= grain.astype(np.float32)[view.seen]
    value += 1
    return np.clip(value, 0.25, 2.2, out=value)


def paint_sky(image: np.ndarray, view: View, light: Light, rng: np.random.Generator) -> None:
    """Writes the sky's gradient and clouds into (H, W, 3) in place."""
    height, width = view.seen.shape
    where = np.flatnonzero(view.seen == 0)
    shift = rng.integers(0, textures.TILE, 2)
    if not len(where):
        return
    across, down = view.camera.rays((width, height))
    rise = np.maximum(-down, 0)
    zenith, horizon = (np.array(c, np.float32) for c in (light.zenith, light.horizon))
    mix = np.clip(rise / 0.42, 0, 1) ** np.float32(0.7)
    gradient = np.broadcast_to((horizon + (zenith - horizon) * mix)[:, None], (height, width, 3))
    colours = gradient.reshape(-1, 3)[where]
    if light.clouds > 0:
        lift = rise + np.float32(0.07)
        kinds = np.full((1, 1), textures.KINDS.index('clouds'), np.int32)
        u = (across * 16 / lift).astype(np.int32) + int(shift[0])
        v = np.broadcast_to((22 / lift).astype(np.int32) + int(shift[1]), u.shape)
        noise = textures.sample(np.broadcast_to(kinds, u.shape), u, v)
        cover = np.clip((noise - np.float32(1.1 - 2.2 * light.clouds)) * 0.7, 0, 0.9)
        cover *= np.clip(rise * 9, 0.15, 1)
        cover = cv2.GaussianBlur(cover, (0, 0), 0.8).ravel()[where, None]
        white = np.minimum(horizon * np.float32(1.12) + 6, 255)
        colours = colours + cover * (white - colours)
    image.reshape(-1, 3)[where] = colours


def lit_surfaces(
    view: View, space: Space, sun: tuple[float, float], style: Style, rng: np.random.Generator
) -> np.ndarray:
    """Image of the surfaces in daylight before any weather, (H, W, 3) float32 grey levels."""
    colours = surface_colours(view, style.surfaces, rng)
    colours *= facing_light(view, sun, style.light.sun)[:, None]
    image = colours[view.seen]
    factor = texture(view, space, style.surfaces, rng)
    if style.light.sun > 0:
        soft = cv2.GaussianBlur(view.sunlit, (0, 0), 0.7)
        depth = np.float32(min(0.62 * style.light.sun, 0.75))
        factor *= np.where(space.ground, 1 - depth * (1 - soft), np.float32(1))
    image *= factor[..., None]
    paint_sky(image, view, style.light, rng)
    return image
