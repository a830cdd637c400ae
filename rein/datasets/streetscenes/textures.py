"""Repeating textures in metres: one square tile a kind, of mean 0 and standard deviation 1."""

from functools import cache

import cv2
import numpy as np

TILE = 256  # texels a side; a power of two, so that wrapping is a bit mask
DENSITY = 12  # texels per metre


def _noise(rng: np.random.Generator, sigma: tuple[float, float]) -> np.ndarray:
    tile = rng.standard_normal((TILE, TILE)).astype(np.float32)
    wrapped = np.tile(tile, (3, 3))
    blurred = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    tile = blurred[TILE : 2 * TILE, TILE : 2 * TILE]
    return tile / tile.std()


def _blocks(height: int, width: int, shift: int) -> np.ndarray:
    """Bricks: 1 on the stone, 0 in the joint."""
    y, x = np.mgrid[:TILE, :TILE]
    x = x + (y // height % 2) * shift
    return ((y % height > 0) & (x % width > 0)).astype(np.float32)


def _kinds(rng: np.random.Generator) -> dict[str, np.ndarray]:
    fine, mid = _noise(rng, (0.6, 0.6)), _noise(rng, (2.5, 2.5))
    coarse, vast = _noise(rng, (8, 8)), _noise(rng, (24, 24))
    y, x = np.mgrid[:TILE, :TILE].astype(np.float32)
    return {
        'smooth': coarse + vast,
        'grit': fine + 0.5 * coarse + 0.4 * vast,
        'clumps': mid + 0.7 * coarse + 0.3 * fine,
        'grass': _noise(rng, (0.5, 1.6)) + 0.6 * mid + 0.6 * coarse,
        'leaves': _noise(rng, (1.3, 1.1)) + 0.5 * mid,
        'tiles': 2.2 * _blocks(16, 16, 0) + 0.4 * mid + 0.2 * fine,
        'bricks': 2.2 * _blocks(4, 8, 4) + 0.5 * mid + 0.3 * coarse,
        'rows': 2.0 * (y % 4 > 0) + 0.5 * mid,
        'planks': 2.0 * (x % 4 > 0) + 0.6 * _noise(rng, (0.8, 6)),
        'stripes': np.sign(np.sin(x * (2 * np.pi * 16 / TILE))),
        'checks': np.sign(np.sin(x * (np.pi * 32 / TILE)) * np.sin(y * (np.pi * 32 / TILE)) + 1e-6),
        'spots': np.sign(_noise(rng, (3, 3)) - 0.6),
        'waves': np.sin(y * (2 * np.pi * 20 / TILE) + 2 * vast),
        'clouds': vast + 0.5 * coarse + 0.22 * mid,
    }


@cache
def bank() -> np.ndarray:
    """All tiles, (len(KINDS), TILE, TILE) float32."""
    tiles = np.stack(list(_kinds(np.random.default_rng(7)).values())).astype(np.float32)
    tiles -= tiles.mean((1, 2), keepdims=True)
    return np.ascontiguousarray(tiles / tiles.std((1, 2), keepdims=True))


KINDS = ('smooth', 'grit', 'clumps', 'grass', 'leaves', 'tiles', 'bricks', 'rows', 'planks',
         'stripes', 'checks', 'spots', 'waves', 'clouds')  # fmt: skip


def sample(kinds: np.ndarray, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Value of a texture at points of a surface.

    Args:
        kinds: index into ``KINDS``, integer, any shape.
        across: horizontal coordinate on the surface, texels, int32 of the same shape.
        up: the other coordinate, texels, int32 of the same shape.

    Returns:
        float32 of the same shape.
    """
    index = kinds * (TILE * TILE)
    index += (up & (TILE - 1)) * TILE
    index += across & (TILE - 1)
    return bank().ravel().take(index)
