"""Writes images and labels in the form of GTA5's release, to measure what reads them.

Truecolour PNGs in ``images``, palette PNGs with the release's numbers in ``labels``. The images are
drawn scenes, or pictures of one's own brought to the size; the labels are those of drawn scenes.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rein.datasets.classes import GTA5_IDS, IGNORE
from rein.datasets.streetscenes.picture import render

GTA5_SIZE = (1914, 1052)
DIFFERENT = 8  # pairs that are made; the others are copies


def write_gta5(
    root: Path, count: int, size: tuple[int, int] = GTA5_SIZE, pictures: Sequence[Path] = ()
) -> Iterator[int]:
    """Write pairs, and say after each how many there are.

    Args:
        root: folder, without ``images`` and ``labels`` in it so far.
        count: of pairs. From the ninth on, or where the pictures start again, they are copies.
        size: (width, height) in pixels.
        pictures: image files to take in place of drawn scenes.

    Raises:
        ValueError: a picture cannot be read.
    """
    numbers = np.zeros(256, np.uint8)
    for number, label in GTA5_IDS.items():
        if label != IGNORE:
            numbers[label] = number
    for folder in ('images', 'labels'):
        (root / folder).mkdir(parents=True)
    different = len(pictures) or DIFFERENT
    for k in range(count):
        image, label = root / f'images/{k:05d}.png', root / f'labels/{k:05d}.png'
        if k >= different:
            os.link(root / f'images/{k % different:05d}.png', image)
            shutil.copy(root / f'labels/{k % different:05d}.png', label)
        else:
            pixels, labels = render(k, 'game', size)
            shown = _fitted(pictures[k], size) if pictures else Image.fromarray(pixels)
            shown.save(image)
            palette = Image.frombytes('P', size, numbers[labels].tobytes())
            palette.putpalette([value for k in range(256) for value in (k, 255 - k, k // 2)])
            palette.save(label)
        yield k + 1


def _fitted(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture of a file in colour, stretched to a size by a bicubic filter."""
    try:
        with Image.open(path) as file:
            return file.convert('RGB').resize(size, Image.Resampling.BICUBIC)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(
            f'picture {path} cannot be read ({error}); take it out of the folder'
        ) from error
