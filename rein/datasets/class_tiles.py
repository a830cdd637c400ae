"""Where each class lies in the labels of a data set: a point for every tile that shows it."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import ndimage
from torch.utils.data import Dataset

from rein.datasets.classes import IGNORE
from rein.hooks.atomic import write_atomically
from rein.runtime.workers import spread

VERSION = 1
TILE = 1024  # pixels, as published
Points = dict[int, list[tuple[int, int]]]


def corners(height: int, width: int, tile: int) -> list[tuple[int, int]]:
    """Left upper corners (x, y) of the whole tiles of a label map; a rest at the end is unused."""
    return [
        (x, y) for y in range(0, height - tile + 1, tile) for x in range(0, width - tile + 1, tile)
    ]


def class_points(labels: np.ndarray, tile: int) -> Points:
    """Centre of mass (x, y) of every class in every tile where it occurs.

    Args:
        labels: (H, W) class numbers, 255 where there is none.
        tile: side of the tiles, in pixels.

    Returns:
        Class -> points in pixels of the whole map, rounded down.
    """
    points: Points = {}
    for x, y in corners(*labels.shape, tile):
        part = labels[y : y + tile, x : x + tile]
        present = [int(c) for c in np.unique(part) if c != IGNORE]
        centres = ndimage.center_of_mass(np.ones_like(part, float), part, present)
        for number, (row, column) in zip(present, centres, strict=True):
            points.setdefault(number, []).append((x + int(column), y + int(row)))
    return points


@dataclass(frozen=True)
class ClassTiles:
    """Points of every image of a data set.

    Attributes:
        tile: side of the tiles that they were found in.
        points: image, as its path from the folder of the file -> class -> points.
    """

    tile: int
    points: Mapping[str, Points]

    @classmethod
    def read(cls, path: str | Path) -> 'ClassTiles':
        """Read a file of ``write``.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is another file, or damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f'there is no file {path} (in {Path.cwd()}), which class-uniform sampling reads; '
                'write it by: python data_prep/class_tiles.py CONFIG'
            )
        try:
            stored = json.loads(path.read_bytes())
            if stored['version'] != VERSION:
                raise ValueError(f'version {stored["version"]}')
            points = {
                image: {int(number): [tuple(p) for p in found] for number, found in each.items()}
                for image, each in stored['points'].items()
            }
            return cls(stored['tile'], points)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{path} is no file of class tiles, or damaged ({error}); write it again by: '
                'python data_prep/class_tiles.py CONFIG'
            ) from error

    def write(self, path: str | Path) -> None:
        """Write the points, whole or not at all."""
        stored = {'version': VERSION, 'tile': self.tile, 'points': self.points}
        write_atomically(path, json.dumps(stored, separators=(',', ':')).encode())


def image_key(image: str, file: str | Path) -> str:
    """How a file of class tiles names an image: its path from the file's folder."""
    return Path(os.path.relpath(image, Path(file).parent)).as_posix()


def find_points(dataset: Dataset, tile: int, workers: int) -> Iterator[tuple[str, Points]]:
    """Read every label of a data set.

    Args:
        dataset: with ``get_data_info``, as ``DrivingDataset``.
        tile: side of the tiles.
        workers: number of processes.

    Yields:
        Path of the image and its points, in the order of the data set.

    Raises:
        ValueError: a label is damaged or holds unknown numbers.
    """
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    found = spread(partial(_points_of, tile=tile), infos, workers)
    yield from zip((info['img_path'] for info in infos), found, strict=True)


def _points_of(info: Mapping, tile: int) -> Points:
    return class_points(info['label_encoding'].read(info['seg_map_path']), tile)


def counts(points: Sequence[Points]) -> dict[int, int]:
    """Number of points of each class over all images."""
    found: dict[int, int] = {}
    for each in points:
        for number, places in each.items():
            found[number] = found.get(number, 0) + len(places)
    return dict(sorted(found.items()))
