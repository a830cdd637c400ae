"""Label maps that images are generated from, as pictures for a ControlNet and as labels beside."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from rein.datasets.classes import CLASSES, IGNORE, PALETTE, TRAIN_IDS
from rein.datasets.label_files import LabelEncoding
from rein.datasets.layout import find_files
from rein.runtime.files import sha256

# Colours of ADE20K, by which the published ControlNets for segmentation know classes. It has no
# rider and no train, which stand here as person and bus.
ADE20K = {
    'road': (140, 140, 140),
    'sidewalk': (235, 255, 7),
    'building': (180, 120, 120),
    'wall': (120, 120, 120),
    'fence': (255, 184, 6),
    'pole': (51, 0, 255),
    'traffic light': (41, 0, 255),
    'traffic sign': (255, 5, 153),
    'vegetation': (4, 200, 3),
    'terrain': (4, 250, 7),
    'sky': (6, 230, 230),
    'person': (150, 5, 61),
    'rider': (150, 5, 61),
    'car': (0, 102, 200),
    'truck': (255, 0, 20),
    'bus': (255, 0, 245),
    'train': (255, 0, 245),
    'motorcycle': (163, 0, 255),
    'bicycle': (255, 245, 0),
}
COLOURS: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    'cityscapes': dict(zip(CLASSES, PALETTE, strict=True)),
    'ade20k': ADE20K,
}


@dataclass(frozen=True)
class LabelMaps:
    """A folder of label maps, train ids in PNG files; image j is made from map j mod their number.

    Args:
        folder: of the maps, with any sub-folders.
        colours: by which the ControlNet knows classes, 'cityscapes' or 'ade20k'; where there is
            no class it sees black.

    Raises:
        ValueError: no such colours, or no maps.
        FileNotFoundError: there is no such folder.
    """

    folder: Path
    colours: str = 'cityscapes'

    def __post_init__(self) -> None:
        if self.colours not in COLOURS:
            raise ValueError(f'label colours {self.colours!r}: use {" or ".join(COLOURS)}')
        if not self.files:
            raise ValueError(f'there is no label map (*.png) below {self.folder}')

    @cached_property
    def files(self) -> list[str]:
        """Paths of the maps, in their order."""
        return list(find_files(Path(self.folder), '', ('.png',)).values())

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the maps' names and contents."""
        found = hashlib.sha256()
        for path in self.files:
            name = Path(path).relative_to(self.folder).as_posix()
            found.update(f'{name} {sha256(path)}\n'.encode())
        return found.hexdigest()

    def source(self, number: int) -> str:
        """Name of the map that an image is made from."""
        path = Path(self.files[number % len(self.files)])
        return path.relative_to(self.folder).as_posix()

    def labels(self, number: int, size: tuple[int, int]) -> np.ndarray:
        """Labels (H, W), uint8, of an image of a size (width, height).

        The map is cut in its middle to the form of the image, and the nearest number taken.

        Raises:
            ValueError: the map is damaged, or holds other numbers than train ids.
        """
        numbers = ENCODING.read(self.files[number % len(self.files)])
        height, width = numbers.shape
        scale = min(width / size[0], height / size[1])
        wide, high = round(size[0] * scale), round(size[1] * scale)
        left, top = (width - wide) // 2, (height - high) // 2
        cut = Image.fromarray(numbers[top : top + high, left : left + wide])
        return np.asarray(cut.resize(size, Image.Resampling.NEAREST))

    def picture(self, labels: np.ndarray) -> Image.Image:
        """Colours of labels (H, W)."""
        table = np.zeros((256, 3), np.uint8)
        table[: len(CLASSES)] = [COLOURS[self.colours][name] for name in CLASSES]
        table[IGNORE] = 0
        return Image.fromarray(table[labels])


ENCODING = LabelEncoding(TRAIN_IDS, 'Labels to generate from are train ids, as data_prep writes')
