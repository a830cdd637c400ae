"""How the pairs of a data set are fetched: from files, or drawn."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from mmengine.dataset import BaseDataset

from rein.datasets.classes import IGNORE
from rein.datasets.drawn import DrawnScenes
from rein.datasets.label_files import UNKNOWN, LabelEncoding
from rein.datasets.transforms import LoadLabels, read_image

DRAWN = 100  # scenes of a drawn data set that are looked at; it may have millions


@dataclass(frozen=True)
class Item:
    """An entry of a data set.

    Args:
        source: number of the data set.
        place: in its list.
        domain: of the entry.
        image: path, or name of a drawn scene.
        label: path; None without label.
    """

    source: int
    place: int
    domain: str
    image: str
    label: str | None


class Reader(Protocol):
    """Fetches the pairs of one data set; ``SOME`` says that it may look at a part of them."""

    SOME: bool

    def items(self, source: int) -> list[Item]:
        """List the entries; ``source`` is the number of the data set."""

    def image(self, item: Item) -> np.ndarray:
        """Image of an entry, (H, W, 3), uint8, blue, green, red; or an error of ``UNREADABLE``."""

    def labels(self, item: Item) -> np.ndarray:
        """Class numbers of an entry, (H, W), uint8, 255 for none; or an error of ``UNREADABLE``."""


class FileReader:
    """Reads pairs as the pipeline steps ``LoadImage`` and ``LoadLabels`` do.

    The labels of a data set that is not rein's are taken for the numbers of its classes, less
    one with ``reduce_zero_label``.
    """

    SOME = False

    def __init__(self, dataset: BaseDataset) -> None:
        info = dataset.get_data_info(0)
        self.label_map = info.get('label_map')
        self.encoding = info.get('label_encoding') or _plain_encoding(dataset, self.label_map)
        self._dataset = dataset

    def __getstate__(self) -> dict:
        """Workers get no list of files: each item brings its own paths."""
        return {**self.__dict__, '_dataset': None}

    def items(self, source: int) -> list[Item]:
        """All entries."""
        fallback = type(self._dataset).__name__
        infos = (self._dataset.get_data_info(k) for k in range(len(self._dataset)))
        return [
            Item(
                source, k, info.get('domain', fallback), info['img_path'], info.get('seg_map_path')
            )
            for k, info in enumerate(infos)
        ]

    def image(self, item: Item) -> np.ndarray:
        """Decode the image file."""
        return read_image(item.image)

    def labels(self, item: Item) -> np.ndarray:
        """Decode the label file; its size is not compared."""
        info = dict(seg_map_path=item.label, label_encoding=self.encoding, label_map=self.label_map)
        return LoadLabels().transform(info)['gt_seg_map']


class SceneReader:
    """Draws scenes; some, spread over a data set that may be endless."""

    SOME = True

    def __init__(self, dataset: DrawnScenes) -> None:
        self._dataset = dataset

    def items(self, source: int) -> list[Item]:
        """Up to ``DRAWN`` entries."""
        places = spread_over(len(self._dataset), DRAWN)
        infos = [self._dataset.get_data_info(place) for place in places]
        return [
            Item(source, place, info['domain'], info['img_path'], info['img_path'])
            for place, info in zip(places, infos, strict=True)
        ]

    def image(self, item: Item) -> np.ndarray:
        """Draw the scene."""
        return self._dataset[item.place]['img']

    def labels(self, item: Item) -> np.ndarray:
        """Draw the scene."""
        return self._dataset[item.place]['gt_seg_map']


def reader_of(dataset: BaseDataset) -> Reader:
    """Choose how to fetch the pairs of a data set."""
    return SceneReader(dataset) if isinstance(dataset, DrawnScenes) else FileReader(dataset)


def spread_over(count: int, most: int) -> list[int]:
    """At most ``most`` places from 0 to ``count - 1``, evenly spread, both ends among them."""
    if count <= most:
        return list(range(count))
    return np.linspace(0, count - 1, most).round().astype(int).tolist()


def _plain_encoding(dataset: BaseDataset, label_map: dict[int, int] | None) -> LabelEncoding:
    """Numbers of the classes, as MMSegmentation's ``LoadAnnotations`` takes them."""
    classes = label_map or dataset.metainfo.get('classes')
    count = UNKNOWN - 1 if classes is None else len(classes)
    first = int(bool(getattr(dataset, 'reduce_zero_label', False)))
    ids = {k + first: k for k in range(count)} | ({0: IGNORE} if first else {})
    ids |= {getattr(dataset, 'ignore_index', IGNORE): IGNORE, IGNORE: IGNORE}
    return LabelEncoding(ids, 'These are the numbers of the classes of the data set')
