"""Class-uniform sampling: half of the samples show a given class, all classes equally often.

Source: Zhu et al., Improving Semantic Segmentation via Video Propagation and Label Relaxation,
CVPR 2019 (arXiv:1812.01593).
"""

import logging
from collections.abc import Sequence

import numpy as np
from mmengine.dataset import ConcatDataset
from mmengine.logging import print_log
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from rein.datasets.class_tiles import TILE, ClassTiles, image_key
from rein.datasets.sampling import AroundDataset


def class_uniform_pass(
    images: int, points: Sequence[int], fraction: float, draw: np.random.RandomState
) -> list[np.ndarray]:
    """Draw the samples of one pass over a data set.

    ``int(fraction * images / K)`` samples of each of the K classes and as many plain images as are
    missing to ``images``. Each is drawn without replacement, from the start again when all have
    been drawn. The share of a class without points goes to plain images, so that a pass is always
    as long as the data set (in the reference it is shorter then).

    Args:
        images: in the data set.
        points: number of points of each class.
        fraction: of samples that show a given class.
        draw: source of random numbers.

    Returns:
        Numbers of the plain images, then numbers of the points of each class.
    """
    share = int(images * fraction / len(points))
    drawn = images - share * sum(1 for number in points if number)
    return [
        _around(draw, images, drawn),
        *(_around(draw, number, share if number else 0) for number in points),
    ]


def _around(draw: np.random.RandomState, there: int, wanted: int) -> np.ndarray:
    order = np.arange(there)
    draw.shuffle(order)
    return np.resize(order, wanted) if wanted else order[:0]


@DATASETS.register_module()
class ClassUniformDataset(AroundDataset):
    """A data set of which a part of the samples is cut around a class.

    Such a sample has a ``centroid`` (x, y), which ``ScaleAndCrop`` cuts around. Which samples a
    pass has is drawn anew for every pass, by ``ReplaySampler``.

    Args:
        dataset: the images, or their config; its pipeline is used as it is.
        tiles: file that data_prep/class_tiles.py wrote.
        tile: side of the tiles in that file, in pixels; the program reads it here.
        fraction: of samples that are cut around a class.
        lazy_init: read nothing before ``full_init``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another data set or of other tiles, or ``fraction`` is not in 0..1.
    """

    def __init__(
        self,
        dataset: Dataset | dict,
        tiles: str,
        tile: int = TILE,
        fraction: float = 0.5,
        lazy_init: bool = False,  # noqa: FBT001, FBT002 - MMEngine's name
    ) -> None:
        super().__init__(dataset, lazy=lazy_init)
        if not 0 <= fraction <= 1:
            raise ValueError(f'ClassUniformDataset.fraction is {fraction}; use one from 0 to 1')
        self.tiles, self.tile, self.fraction = tiles, tile, fraction
        self._ready = False
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """List the images and the points of their classes, if that was put off."""
        if self._ready:
            return
        self.dataset.full_init()
        self.images = len(self.dataset)
        found = ClassTiles.read(self.tiles)
        if found.tile != self.tile:
            raise ValueError(
                f'{self.tiles} was made with tiles of {found.tile} pixels and the config says '
                f'tile={self.tile}; write it again by: python data_prep/class_tiles.py CONFIG'
            )
        self._list_points(found)
        if 0 < self.fraction * self.images < len(self.counts):
            print_log(
                f'{self.images} images are too few for {len(self.counts)} classes: no sample of a '
                f'pass is cut around a class (int({self.fraction} * {self.images} / '
                f'{len(self.counts)}) is 0)',
                logger='current',
                level=logging.WARNING,
            )
        self._ready = True

    def _list_points(self, found: ClassTiles) -> None:
        """Points of each class as rows (image, x, y), and where each class begins in them."""
        classes = len(self.metainfo['classes'])
        rows: list[list[tuple[int, int, int]]] = [[] for _ in range(classes)]
        missing = []
        for i in range(self.images):
            path = self.dataset.get_data_info(i)['img_path']
            points = found.points.get(image_key(path, self.tiles))
            if points is None:
                missing.append(path)
                continue
            for number, places in points.items():
                rows[number] += [(i, *place) for place in places]
        if missing:
            raise ValueError(
                f'{self.tiles} lacks {len(missing)} of {self.images} images, such as {missing[0]}; '
                'write it again by: python data_prep/class_tiles.py CONFIG'
            )
        self.counts = [len(each) for each in rows]
        self._points = np.array([row for each in rows for row in each], int).reshape(-1, 3)
        self._begins = np.cumsum([0, *self.counts[:-1]])

    def get_data_info(self, idx: int) -> dict:
        """Paths and domain of a sample, with its ``centroid`` if it has one."""
        if idx < self.images:
            return super().get_data_info(idx)
        image, x, y = self._points[idx - self.images].tolist()
        return {**super().get_data_info(image), 'centroid': (x, y)}

    def items_of_pass(self, seed: int) -> np.ndarray:
        """Numbers of the samples of a pass, as many as there are images, in random order."""
        draw = np.random.RandomState(seed)
        plain, *classes = class_uniform_pass(self.images, self.counts, self.fraction, draw)
        parts = [
            self.images + begin + drawn for begin, drawn in zip(self._begins, classes, strict=True)
        ]
        return draw.permutation(np.concatenate([plain, *parts]))

    def __len__(self) -> int:
        """Number of images, which is the number of samples of a pass."""
        return self.images

    def __getitem__(self, idx: int) -> dict:
        """Sample ``idx``: a plain image below ``len``, a point of a class from there on."""
        if idx < self.images:
            return self.dataset[idx]
        image = int(self._points[idx - self.images, 0])
        part = self.dataset
        while isinstance(part, ConcatDataset):
            number, image = part._get_ori_dataset_idx(image)
            part = part.datasets[number]
        return part.pipeline(self.get_data_info(idx))
