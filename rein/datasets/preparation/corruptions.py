"""Images under the corruptions of ImageNet-C; can be stopped and run again.

The corruptions are those of the package ``imagecorruptions-imaug``, a maintained form of the one
by Hendrycks & Dietterich (arXiv:1903.12261) and Michaelis et al. (arXiv:1907.07484).
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np

from rein.datasets.driving import Cityscapes
from rein.datasets.preparation.images import place
from rein.datasets.preparation.manifest import left_out
from rein.datasets.preparation.recipe import LINK
from rein.datasets.transforms import read_image
from rein.runtime.files import replace_file
from rein.runtime.workers import spread

PACKAGE = 'imagecorruptions-imaug'
SPLIT = {'split': 'val'}


@dataclass(frozen=True)
class Corruption:
    """One image to corrupt, in one way.

    Args:
        key: of the image.
        source: its file.
        name: of the corruption.
        level: its severity, 1 to 5.
    """

    key: str
    source: str
    name: str
    level: int

    def target(self, out: Path) -> Path:
        """File of the corrupted image."""
        folder = f'leftImg8bit/{self.name}/{self.level}/val'
        return out / folder / f'{self.key}_leftImg8bit.png'

    @property
    def seed(self) -> int:
        """Of the random numbers; every image, corruption and level has its own."""
        return zlib.crc32(f'{self.key} {self.name} {self.level}'.encode())


def list_corruptions(root: Path, names: Sequence[str], levels: Sequence[int]) -> list[Corruption]:
    """Everything to write for the val images of Cityscapes below ``root``.

    Raises:
        FileNotFoundError: the images are not there.
        ValueError: Cityscapes was not prepared to its end.
    """
    images = Cityscapes.PREPARED.find_images(str(root), SPLIT)
    out = left_out(root, prepared=True)
    images = {
        key: path
        for key, path in images.items()
        if Path(path).relative_to(root).as_posix() not in out.pairs | out.alone
    }
    return [
        Corruption(key, path, name, level)
        for name in names
        for level in levels
        for key, path in images.items()
    ]


def write_corruptions(todo: Sequence[Corruption], out: Path, workers: int) -> Iterator[int]:
    """Write corrupted images; those that are there stay.

    Yields:
        Bytes written for each, 0 for one that was there.

    Raises:
        ModuleNotFoundError: the package with the corruptions is not installed.
        ValueError: an image is damaged.
    """
    package_version()
    yield from spread(partial(_write, out), todo, workers)


def link_labels(root: Path, out: Path) -> int:
    """Link the prepared labels of Cityscapes val below ``out``; returns their number.

    Raises:
        FileNotFoundError: there are none.
    """
    labels = Cityscapes.PREPARED.find_labels(str(root), SPLIT)
    if not labels:
        raise FileNotFoundError(
            f'{root}/gtFine/val holds no *_gtFine_labelTrainIds.png: make them with '
            f'python data_prep/cityscapes.py {root}'
        )
    for key, path in labels.items():
        place(
            path,
            out / Cityscapes.PREPARED.label_file(SPLIT, key),
            LINK,
            replaces=False,
            writes=True,
        )
    return len(labels)


def package_version() -> str:
    """Version of the package with the corruptions.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return version(PACKAGE)
    except PackageNotFoundError as error:
        raise ModuleNotFoundError(
            f'{PACKAGE} is not installed: pip install -e ".[corruptions]"'
        ) from error


def corrupt_image(image: np.ndarray, name: str, level: int, seed: int) -> np.ndarray:
    """Corrupt an image, the same way for the same seed.

    Args:
        image: (H, W, 3), uint8, red, green, blue; at least 32 pixels wide and high.
        name: of the corruption, one of ``rein.datasets.classes.CORRUPTIONS``.
        level: 1 to 5.
        seed: of its random numbers.
    """
    from imagecorruptions import corrupt

    np.random.seed(seed)
    # These two draw from generators of their own, unless they are given a seed.
    own = {'seed': seed} if name in ('impulse_noise', 'glass_blur') else {}
    return corrupt(image, severity=level, corruption_name=name, **own)


def _write(out: Path, todo: Corruption) -> int:
    target = todo.target(out)
    if target.is_file():
        return 0
    image = read_image(todo.source)[..., ::-1]
    corrupted = corrupt_image(np.ascontiguousarray(image), todo.name, todo.level, todo.seed)
    data = cv2.imencode('.png', np.ascontiguousarray(corrupted[..., ::-1]))[1].tobytes()
    replace_file(target, data)
    return len(data)
