"""Rare class sampling: images are drawn by a class that they show, rare classes more often."""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import Compose
from mmengine.logging import print_log
from mmseg.datasets.transforms.transforms import Resize
from mmseg.registry import DATASETS
from torch.utils.data import Dataset

from rein.datasets.preparation.manifest import BY_CLASS
from rein.datasets.sampling import AroundDataset
from rein.datasets.transforms import LoadImage, LoadLabels, MarkMargins

FIXED = (LoadImage, LoadLabels, MarkMargins, Resize)  # steps that draw no random numbers


def class_chances(pixels: Mapping[int, int], temperature: float) -> tuple[list[int], np.ndarray]:
    """How often a class is drawn: softmax of (1 - f) / T, f its share of the pixels.

    Args:
        pixels: of each class that occurs.
        temperature: T > 0; small ones prefer rare classes, large ones none.

    Returns:
        Classes from the rarest to the most frequent, and the probability of each.

    Raises:
        ValueError: no class occurs, or T is not above 0.

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887).
    """
    if not pixels or temperature <= 0:
        raise ValueError(
            f'{len(pixels)} classes at the temperature {temperature}; both must be > 0'
        )
    classes = sorted(pixels, key=lambda number: pixels[number])
    counts = np.array([pixels[number] for number in classes], float)
    weights = np.exp(-(counts - counts.min()) / counts.sum() / temperature)
    return classes, weights / weights.sum()


@DATASETS.register_module()
class RareClassDataset(AroundDataset):
    """A labelled data set whose samples are drawn by class; the number asked for plays no part.

    First a class, then evenly one of the images that show enough of it, then crops until one
    shows enough of it; the last one is taken if none does. What is drawn follows from NumPy's
    global numbers, which ``SeededDataset`` seeds for each sample. An image is decoded (and resized
    to one size, where its pipeline does so) once for all its crops.

    Args:
        dataset: the images with labels, or their config; its pipeline makes the crops.
        statistics: file that data_prep wrote beside the images, ``samples_with_class.json`` in
            their ``data_root`` by default.
        temperature: see ``class_chances``.
        least_pixels: an image shows a class by more pixels than these.
        crop_ratio: a crop by more than this times as many: 0.5 for crops of 512 of images at half
            their size, 2 for crops of 1024 of whole ones; 0 takes any crop.
        tries: further crops.
        lazy_init: read nothing before ``full_init``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, of another data set, or no image shows enough of any class; a
            number is out of its range; or the images' labels are not in files below one folder.

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887).
    """

    def __init__(
        self,
        dataset: Dataset | dict,
        statistics: str | None = None,
        temperature: float = 0.01,
        least_pixels: int = 3000,
        crop_ratio: float = 0.5,
        tries: int = 10,
        lazy_init: bool = False,  # noqa: FBT001, FBT002 - MMEngine's name
    ) -> None:
        if temperature <= 0 or min(least_pixels, crop_ratio, tries) < 0:
            raise ValueError(
                f'RareClassDataset: temperature={temperature}, least_pixels={least_pixels}, '
                f'crop_ratio={crop_ratio}, tries={tries}; the temperature is above 0, the others '
                'are 0 or more'
            )
        super().__init__(dataset, lazy=lazy_init)
        if getattr(self.dataset, 'data_root', None) is None or not hasattr(
            self.dataset, 'pipeline'
        ):
            raise ValueError(
                f'RareClassDataset.dataset is a {type(self.dataset).__name__}; use one whose '
                "labels are files below its data_root, such as dict(type='GTA5', ...)"
            )
        self.statistics = Path(statistics or Path(self.dataset.data_root, BY_CLASS))
        self.temperature, self.least_pixels = temperature, least_pixels
        self.crop_ratio, self.tries = crop_ratio, tries
        self._ready = False
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """List the images and the classes that they show, if that was put off."""
        if self._ready:
            return
        self.dataset.full_init()
        by_class = self._read()
        places = self._places()
        found = {
            number: [(places[file], n) for file, n in files if file in places]
            for number, files in by_class.items()
        }
        pixels = {number: sum(n for _, n in files) for number, files in found.items() if files}
        if not pixels:
            raise ValueError(
                f'{self.statistics} names no label of {type(self.dataset).__name__} in '
                f'{self.dataset.data_root}, but others, such as '
                f'{next((f for files in by_class.values() for f, _ in files), "none")}: write it '
                "again by the data set's program in data_prep"
            )
        self.images = {
            number: np.array([i for i, n in found[number] if n > self.least_pixels], int)
            for number in pixels
        }
        self.classes, self.chances = self._drawable(*class_chances(pixels, self.temperature))
        self._ready = True

    def _read(self) -> dict[int, list]:
        """Label files and pixels by class."""
        if not self.statistics.is_file():
            raise FileNotFoundError(
                f'there is no file {self.statistics} (in {Path.cwd()}), which rare class sampling '
                "reads; the data set's program in data_prep writes it"
            )
        try:
            stored = json.loads(self.statistics.read_bytes())
            return {int(k): [(str(f), int(n)) for f, n in files] for k, files in stored.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{self.statistics} is not of the form {{"class": [["label file", pixels], ...]}}: '
                f"{error}; write it again by the data set's program in data_prep"
            ) from error

    def _places(self) -> dict[str, int]:
        """Number of the image of each label file, by its path below the root."""
        root = self.dataset.data_root
        paths = [
            self.dataset.get_data_info(i).get('seg_map_path') for i in range(len(self.dataset))
        ]
        if None in paths:
            raise ValueError(
                f'RareClassDataset.dataset, a {type(self.dataset).__name__}, has images without '
                'labels in files; use one that has labels'
            )
        return {Path(os.path.relpath(path, root)).as_posix(): i for i, path in enumerate(paths)}

    def _drawable(
        self, classes: Sequence[int], chances: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Leave out classes that no image shows enough of; the reference stops there."""
        rare = [number for number in classes if not len(self.images[number])]
        if rare:
            print_log(
                f'rare class sampling: no image has more than {self.least_pixels} pixels of the '
                f'classes {rare}; they are not drawn',
                logger='current',
                level=logging.WARNING,
            )
        kept = [k for k, number in enumerate(classes) if len(self.images[number])]
        if not kept:
            raise ValueError(
                f'no image of {self.dataset.data_root} has more than {self.least_pixels} pixels of '
                'any class; set RareClassDataset.least_pixels lower'
            )
        return np.array(classes)[kept], chances[kept] / chances[kept].sum()

    def __getitem__(self, idx: int) -> dict:
        """A sample that shows a class which was drawn."""
        number = int(np.random.choice(self.classes, p=self.chances))
        image = int(np.random.choice(self.images[number]))
        draw = self._drawing(image)
        sample = draw()
        for _ in range(self.tries if self.crop_ratio else 0):
            labels = sample['data_samples'].gt_sem_seg.data
            if int((labels == number).sum()) > self.least_pixels * self.crop_ratio:
                break
            sample = draw()
        return sample

    def _drawing(self, image: int) -> Callable[[], dict]:
        """What gives a sample of an image at every call; steps that draw nothing run once."""
        steps = self.dataset.pipeline.transforms
        drawn = next((k for k, step in enumerate(steps) if type(step) not in FIXED), len(steps))
        loaded = Compose(steps[:drawn])(self.dataset.get_data_info(image))
        rest = Compose(steps[drawn:])
        return lambda: rest({key: _copied(value) for key, value in loaded.items()})


def _copied(value: object) -> object:
    """A copy of what a pipeline may change in place."""
    return value.copy() if isinstance(value, np.ndarray | list) else value
