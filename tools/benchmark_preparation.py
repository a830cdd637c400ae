"""Preparation of labels against the plain way: python tools/benchmark_preparation.py.

Draws label maps of GTA5's size and kind (palette PNGs with the release's numbers), then prepares
them as data_prep/gta5.py does and, in turn with it, the plain way: Pillow reads, NumPy compares
once a class, Pillow writes. One process, one thread; the images are looked at as in a preparation.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from rein.datasets.classes import CLASSES, GTA5_IDS, IGNORE
from rein.datasets.driving import GTA5
from rein.datasets.preparation.prepare import Preparation
from rein.datasets.preparation.recipe import IN_PLACE, Plan, Recipe
from rein.datasets.streetscenes.as_gta5 import GTA5_SIZE, write_gta5

TURN = 10  # maps of one way before the other has its turn


def plain(source: Path, target: Path) -> None:
    """Translate one label map as converters do."""
    with Image.open(source) as file:
        numbers = np.asarray(file)
    labels = np.full_like(numbers, IGNORE)
    for number, label in GTA5_IDS.items():
        if label < len(CLASSES):
            labels[numbers == number] = label
    Image.fromarray(labels).save(target)


def measure(root: Path, count: int) -> tuple[float, float]:
    """Seconds for all maps: by the preparation, and the plain way."""
    recipe = Recipe('gta5', GTA5.RELEASE, GTA5.PREPARED, {'train': {}})
    steps = Preparation(Plan(recipe, root, root, IN_PLACE)).run(workers=1)
    other = root / 'plain'
    other.mkdir()
    ours = theirs = 0.0
    for first in range(0, count, TURN):
        numbers = range(first, min(first + TURN, count))
        started = time.perf_counter()
        for _ in numbers:
            next(steps)
        middle = time.perf_counter()
        for k in numbers:
            plain(root / f'labels/{k:05d}.png', other / f'{k:05d}.png')
        ours, theirs = ours + middle - started, theirs + time.perf_counter() - middle
    for path in other.iterdir():
        mine = cv2.imread(str(root / f'labels/{path.stem}_labelTrainIds.png'), cv2.IMREAD_UNCHANGED)
        if not np.array_equal(mine, cv2.imread(str(path), cv2.IMREAD_UNCHANGED)):
            raise RuntimeError(f'{path.stem}: the two ways give different labels')
    return ours, theirs


def main(arguments: list[str]) -> int:
    """Measure and say; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--count', type=int, default=200, help='label maps')
    count = parser.parse_args(arguments).count
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'gta')
        for _ in write_gta5(root, count):
            pass
        ours, theirs = measure(root, count)
    sys.stdout.write(
        f'{count} label maps of {GTA5_SIZE[0]}x{GTA5_SIZE[1]}, one core:\n'
        f'  data_prep/gta5.py {count / ours:6.1f} maps/s\n'
        f'  the plain way     {count / theirs:6.1f} maps/s\n'
    )
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
