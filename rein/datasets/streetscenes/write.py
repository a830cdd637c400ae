"""Writes drawn scenes as a data set in the layout of Cityscapes; can be stopped and run again.

``OUT/<style>/leftImg8bit/<split>/streets/streets_000000_leftImg8bit.png`` and
``OUT/<style>/gtFine/<split>/streets/streets_000000_gtFine_labelTrainIds.png``, beside them
``OUT/<style>/manifest.json``. Every style of an OUT shows the same scenes.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from rein.datasets.streetscenes.picture import check, render
from rein.datasets.streetscenes.styles import STYLES
from rein.runtime.claims import differences
from rein.runtime.files import PART, replace_file
from rein.runtime.workers import spread

TOWN = 'streets'
MOST = 1_000_000  # scenes of one split; each data set seed owns two such ranges of scene seeds
FORMAT = 1  # raise it when the same settings begin to give other files


@dataclass(frozen=True)
class Settings:
    """What decides every byte of one style's labels.

    Args:
        style: one of ``STYLES``.
        train: number of training scenes.
        val: number of validation scenes.
        size: (width, height) in pixels.
        seed: of the data set; data sets of different seeds share no scene.

    Raises:
        ValueError: a setting that nothing can be drawn with.
    """

    style: str
    train: int
    val: int
    size: tuple[int, int]
    seed: int

    def __post_init__(self) -> None:
        """Checks the settings."""
        if self.style not in STYLES:
            raise ValueError(f'style is {self.style!r}; use one of {", ".join(STYLES)}')
        check(self.seed, self.size)
        for split in ('train', 'val'):
            count = getattr(self, split)
            if not 0 <= count <= MOST:
                raise ValueError(f'{split} is {count}; use a number of scenes from 0 to {MOST}')

    def scenes(self) -> list[tuple[str, int, int]]:
        """Split, number and scene seed of every pair of files; the splits share no scene."""
        first = 2 * MOST * self.seed
        train = [('train', i, first + i) for i in range(self.train)]
        return train + [('val', i, first + MOST + i) for i in range(self.val)]

    def manifest(self) -> dict:
        """Settings and versions as the manifest holds them before all is written."""
        settings = dict(asdict(self), size=list(self.size), format=FORMAT)
        versions = dict(opencv=cv2.__version__, numpy=np.__version__)
        return dict(settings=settings, versions=versions, complete=False)


def write_style(out: Path, settings: Settings, workers: int) -> Iterator[int]:
    """Writes one style below ``out``; what a stopped run left there is kept.

    Args:
        out: folder of all styles.
        settings: what to write.
        workers: number of processes.

    Yields:
        Number of scenes that are there so far.

    Raises:
        ValueError: the style's folder holds other scenes, or labels that were changed since.
    """
    root = Path(out) / settings.style
    manifest = _claim(root, settings)
    write = partial(write_pair, root, settings.style, settings.size)
    scenes = settings.scenes()
    hashes: dict[str, list[str]] = dict(train=[], val=[])
    pairs = zip(scenes, spread(write, scenes, workers), strict=True)
    for done, ((split, _, _), digest) in enumerate(pairs, start=1):
        hashes[split].append(digest)
        yield done
    digests = {k: hashlib.sha256(''.join(v).encode()).hexdigest() for k, v in hashes.items()}
    if manifest['complete'] and manifest['labels_sha256'] != digests:
        raise ValueError(f'labels in {root} are not those that were written; remove the folder')
    whole = dict(manifest, complete=True, labels_sha256=digests)
    replace_file(root / 'manifest.json', _encode(whole))


def write_pair(root: Path, style: str, size: tuple[int, int], scene: tuple[str, int, int]) -> str:
    """Writes the image and the labels of a scene unless both are there.

    Returns:
        SHA-256 of the labels' bytes, in hexadecimal.
    """
    split, number, seed = scene
    image_file, label_file = pair_files(root, split, number)
    if image_file.is_file() and label_file.is_file():
        labels = cv2.imread(str(label_file), cv2.IMREAD_UNCHANGED)
    else:
        image, labels = render(seed, style, size)
        for path, pixels in ((label_file, labels), (image_file, image[..., ::-1])):
            replace_file(path, cv2.imencode('.png', pixels)[1].tobytes())
    return hashlib.sha256(np.ascontiguousarray(labels)).hexdigest()


def pair_files(root: Path, split: str, number: int) -> tuple[Path, Path]:
    """Where the image and the labels of a scene lie."""
    stem = f'{TOWN}_{number:06d}'
    image = root / 'leftImg8bit' / split / TOWN / f'{stem}_leftImg8bit.png'
    return image, root / 'gtFine' / split / TOWN / f'{stem}_gtFine_labelTrainIds.png'


def _claim(root: Path, settings: Settings) -> dict:
    """Makes the folder this data set's own, or finds that it already is; returns its manifest."""
    path, mine = root / 'manifest.json', settings.manifest()
    if not path.is_file():
        if root.is_dir() and any(f.suffix != PART for f in root.iterdir()):
            raise ValueError(f'{root} is not empty and holds no manifest.json; use another OUT')
        replace_file(path, _encode(mine))
        return mine
    try:
        found = json.loads(path.read_text())
        there, _ = found['settings'], found['complete']
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no manifest of street scenes; use another OUT') from error
    differ = differences(there, mine['settings'])
    if differ:
        raise ValueError(
            f'{root} holds another data set: {"; ".join(differ)}. '
            f'Use the same settings, another OUT, or remove the folder'
        )
    return found


def _encode(manifest: dict) -> bytes:
    return (json.dumps(manifest, indent=2) + '\n').encode()
