"""One pair looked at: decoded, measured, counted; what is wrong with it is told, not raised."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from rein.datasets.checking.readers import Item, Reader
from rein.datasets.classes import IGNORE
from rein.datasets.label_files import UNREADABLE, histogram, read_bytes


@dataclass
class Finding:
    """What was found in one pair.

    Args:
        size: (width, height) of the image, or of its label where it has no readable image.
        digest: SHA-256 of the image's size and pixels; None for one of a single colour.
        counts: (256,), int64, pixels of each class; 255 for none.
        problems: kinds and messages.
    """

    size: tuple[int, int] | None = None
    digest: bytes | None = None
    counts: np.ndarray | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)


def inspect_pair(
    readers: Sequence[Reader], num_classes: Sequence[int | None], item: Item
) -> Finding:
    """Look at one pair.

    Args:
        readers: of each data set.
        num_classes: of each data set, the least of what it and the model have; None: unknown.
        item: the pair.
    """
    reader, found = readers[item.source], Finding()
    image = labels = None
    try:
        image = reader.image(item)
    except UNREADABLE as error:
        found.problems.append(('image', _told(error, 'image', item.image)))
    if image is not None:
        found.size = image.shape[1::-1]
        if not _is_flat(image):
            found.digest = _digest(image)  # frames of one colour are alike without being copies
        else:
            colour = tuple(image[0, 0, ::-1].tolist())
            told = f'image {item.image} has the colour {colour} in all of its pixels'
            found.problems.append(('one-colour', told))
    if item.label is None:
        return found
    try:
        labels = reader.labels(item)
    except UNREADABLE as error:
        kind = 'numbers' if isinstance(error, ValueError) and _decodes(item.label) else 'label'
        found.problems.append((kind, _told(error, 'label', item.label)))
    if labels is not None:
        _compare(found, labels, item, num_classes[item.source])
    return found


def _compare(found: Finding, labels: np.ndarray, item: Item, num_classes: int | None) -> None:
    """Look at decoded labels, and at their size beside the image's."""
    size = labels.shape[1::-1]
    if found.size is not None and found.size != size:
        told = (
            f'image {item.image} is {found.size[0]}x{found.size[1]} but its label {item.label} is '
            f'{size[0]}x{size[1]} (width x height)'
        )
        found.problems.append(('size', told))
    found.size = found.size or size
    found.counts = histogram(labels)
    held = np.flatnonzero(found.counts[:IGNORE])
    if not len(held):
        told = f'label {item.label} has no class in any of its {labels.size} pixels'
        found.problems.append(('no-class', told))
    beyond = held[held >= num_classes] if num_classes is not None else held[:0]
    if len(beyond):
        told = (
            f'label {item.label} has the classes {", ".join(map(str, beyond))} in '
            f'{found.counts[beyond].sum()} pixels; there are {num_classes}: 0 to {num_classes - 1}'
        )
        found.problems.append(('class', told))


def _told(error: Exception, what: str, path: str) -> str:
    """Message of an error, with the file's name if it has none of its own."""
    return str(error) if path in str(error) else f'{what} {path} cannot be decoded ({error})'


def _digest(image: np.ndarray) -> bytes:
    found = hashlib.sha256(repr(image.shape).encode())
    found.update(np.ascontiguousarray(image))
    return found.digest()


def _is_flat(image: np.ndarray) -> bool:
    first = image[0, 0]
    return bool((image[0] == first).all() and (image == first).all())  # most end at the first row


def _decodes(path: str) -> bool:
    """Whether a file is a whole image, so that what it holds is what was refused."""
    try:
        with Image.open(io.BytesIO(read_bytes(path, 'label'))) as file:
            file.load()
    except UNREADABLE:
        return False
    return True
