"""Where a data set keeps its images and labels, and which label belongs to which image."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.logging import MMLogger

from rein.datasets.label_files import LabelEncoding

IMAGE_ENDINGS = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')
LISTED = 5  # so many names of files stand in an error


@dataclass(frozen=True)
class Layout:
    """One form that a data set comes in.

    An image and its label share a *key*: the path below their folder without prefix and ending,
    such as ``aachen/aachen_000000_000019``.

    Args:
        images: folder of the images below the root; ``{split}`` and ``{condition}`` are filled in.
        image_endings: of the file names, the ending that marks the key's end.
        labels: folder of the labels, likewise.
        label_endings: likewise.
        encoding: what the numbers in the label files mean.
        image_prefix: of the file names.
        label_prefix: of the file names.
        not_labels: endings of other files that stand among the labels.
    """

    images: str
    image_endings: tuple[str, ...]
    labels: str
    label_endings: tuple[str, ...]
    encoding: LabelEncoding
    image_prefix: str = ''
    label_prefix: str = ''
    not_labels: tuple[str, ...] = ()

    def find_images(self, root: str, names: Mapping[str, str]) -> dict[str, str]:
        """Path of each image by key; ``names`` fills in the folder."""
        folder = Path(root, self.images.format(**names))
        return find_files(folder, self.image_prefix, self.image_endings)

    def find_labels(self, root: str, names: Mapping[str, str]) -> dict[str, str]:
        """Path of each label by key."""
        folder = Path(root, self.labels.format(**names))
        return find_files(folder, self.label_prefix, self.label_endings, self.not_labels)

    def image_file(self, names: Mapping[str, str], key: str, ending: str) -> str:
        """Path below the root of the image with a key.

        Args:
            names: fill in the folder.
            key: of the image.
            ending: of the file as it is; kept where this layout allows it in any form.
        """
        fitting = [e for e in self.image_endings if e.lower().endswith(ending.lower())]
        name = _prefixed(key, self.image_prefix, (fitting or self.image_endings)[0])
        return f'{self.images.format(**names)}/{name}'

    def label_file(self, names: Mapping[str, str], key: str) -> str:
        """Path below the root of the label with a key; ``names`` fills in the folder."""
        name = _prefixed(key, self.label_prefix, self.label_endings[0])
        return f'{self.labels.format(**names)}/{name}'

    def key_of(self, name: str) -> str:
        """Key of an image by its path below the image folder; a key stays as it is."""
        return _key(name, self.image_prefix, self.image_endings) or name


def find_files(
    folder: Path, prefix: str, endings: Sequence[str], other: Sequence[str] = ()
) -> dict[str, str]:
    """Find the files of a folder and its sub-folders by the form of their names.

    Args:
        folder: to look in; links are followed.
        prefix: with which the names begin.
        endings: one of which ends the names, in any case of letters.
        other: endings of files to pass over.

    Returns:
        Path by key, in the order of the keys.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: two files have the same key.
    """
    if not folder.is_dir():
        there = next((p for p in folder.parents if p.is_dir()), Path())
        holds = _some(sorted(p.name for p in there.iterdir() if p.name[0] != '.')) or 'nothing'
        raise FileNotFoundError(
            f'there is no folder {folder}; of its path there is {there.resolve()}, which holds '
            f'{holds}. data_root is relative to the folder that the program is started in; '
            'docs/datasets.md has the layout of each data set'
        )
    found: dict[str, str] = {}
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _leads_back(parent, name)]
        below = os.path.relpath(parent, folder)
        for name in names:
            if name.startswith('.'):
                continue  # what systems leave, such as "._00001.png"
            if other and name.lower().endswith(tuple(e.lower() for e in other)):
                continue
            key = _key(name, prefix, endings)
            if key is None:
                continue
            key = key if below == '.' else f'{below}/{key}'.replace(os.sep, '/')
            path = os.path.join(parent, name)
            if key in found:
                first, second = sorted((found[key], path))
                raise ValueError(f'{first} and {second} would be one image; remove one of them')
            found[key] = path
    return dict(sorted(found.items()))


def images_below(folder: Path) -> dict[str, str]:
    """Path of every image below a folder by its key.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        ValueError: two images have the same key.
    """
    found = find_files(Path(folder), '', IMAGE_ENDINGS)
    if not found:
        raise FileNotFoundError(f'there is no image ({", ".join(IMAGE_ENDINGS)}) below {folder}')
    return found


def _leads_back(parent: str, name: str) -> bool:
    """Whether a folder is a link to one that it lies in, so that there would be no end."""
    path = os.path.join(parent, name)
    if not os.path.islink(path):
        return False
    return Path(parent).resolve().is_relative_to(Path(path).resolve())


def _prefixed(key: str, prefix: str, ending: str) -> str:
    """Name of the file with a key; the prefix belongs to the last part of the path."""
    folder, slash, last = key.rpartition('/')
    return f'{folder}{slash}{prefix}{last}{ending}'


def _key(name: str, prefix: str, endings: Sequence[str]) -> str | None:
    """Path without the prefix and ending of its last part; None if it does not have that form."""
    folder, slash, last = name.rpartition('/')
    if not last.startswith(prefix):
        return None
    for ending in sorted(endings, key=len, reverse=True):
        if last.lower().endswith(ending.lower()) and len(last) > len(prefix) + len(ending):
            return folder + slash + last[len(prefix) : -len(ending)]
    return None


def choose(images: Mapping[str, str], wanted: Iterable[str], source: str) -> dict[str, str]:
    """Take the listed images, in the order of their keys.

    Raises:
        ValueError: a listed image is not there, or the list is empty.
    """
    keys = set(wanted)
    missing = sorted(keys - images.keys())
    if missing or not keys:
        known = next(iter(images), 'none')
        raise ValueError(
            f'{source} lists {len(keys)} images, of which {len(missing)} are not there: '
            f'{_some(missing)}; it takes the paths below the image folder, with or without their '
            f'ending, such as {known}'
        )
    return {key: path for key, path in images.items() if key in keys}


def pair(
    images: Mapping[str, str],
    labels: Mapping[str, str],
    unpaired: str,
    mend: str,
) -> dict[str, tuple[str, str]]:
    """Pair images and labels by key.

    Args:
        images: path by key.
        labels: path by key.
        unpaired: 'error', or 'skip' to leave out what has no partner and say so in the log.
        mend: what to do about images that have no label; part of the error.

    Raises:
        FileNotFoundError: something has no partner.
    """
    alone = sorted(images[key] for key in images.keys() - labels.keys())
    orphans = sorted(labels[key] for key in labels.keys() - images.keys())
    problems = []
    if alone:
        problems.append(f'{len(alone)} of {len(images)} images have no label: {_some(alone)}')
    if orphans:
        problems.append(f'{len(orphans)} of {len(labels)} labels have no image: {_some(orphans)}')
    paired = {key: (path, labels[key]) for key, path in images.items() if key in labels}
    if problems and (unpaired == 'error' or not paired):
        raise FileNotFoundError(
            f'{"; ".join(problems)}. {mend} Or choose images by split_file, or leave out what has '
            "no partner by unpaired='skip'"
        )
    if problems:
        MMLogger.get_current_instance().warning(f'left out: {"; ".join(problems)}')
    return paired


def _some(paths: Sequence[str]) -> str:
    shown = ', '.join(paths[:LISTED])
    return shown if len(paths) <= LISTED else f'{shown}, ...'
