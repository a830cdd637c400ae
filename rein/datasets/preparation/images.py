"""Images looked at without decoding them, and put where the data set wants them."""

import os
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from rein.datasets.label_files import UNREADABLE, broken, ends_well
from rein.datasets.preparation.recipe import LINK
from rein.runtime.files import PART

_ORIENTATION = 0x0112  # of EXIF
_ON_ITS_SIDE = (5, 6, 7, 8)
_HEAD, _TAIL = 16, 64  # bytes


@dataclass(frozen=True)
class Look:
    """What is seen of an image without decoding it.

    Args:
        size: (width, height) with the turn that the camera wrote into the file (EXIF).
        turned: whether width and height change places by it.
        mark: size and hash of the last bytes of the file, in which PNG has a checksum of the
            pixels: another image has another mark.
    """

    size: tuple[int, int]
    turned: bool
    mark: str


def look_at(path: str) -> Look:
    """Look at an image's header and its last bytes.

    Only an image that does not end with the mark of its format is decoded: what stands behind
    the mark is harmless, a missing end is not.

    Raises:
        ValueError: it is not an image, or its end is missing.
    """
    try:
        with open(path, 'rb') as file, Image.open(file) as image:
            width, height = image.size
            turned = _orientation(image) in _ON_ITS_SIDE
            head, tail, length = _ends(file)
            if not ends_well(head, tail):
                image.load()
    except UNREADABLE as error:
        raise broken(path, 'image', error) from error
    size = (height, width) if turned else (width, height)
    return Look(size, turned, f'{length}-{zlib.crc32(tail):08x}')


def place(source: str, target: Path, how: str, *, replaces: bool, writes: bool) -> None:
    """Link or copy a file to where it is to be; what is there already and the same stays.

    Args:
        source: the file.
        target: where to.
        how: ``LINK`` or ``COPY``.
        replaces: whether to write over another file that stands there.
        writes: False only looks whether another file stands there.

    Raises:
        FileExistsError: another file stands there.
    """
    if target.is_symlink() or target.exists():
        if _is_same(Path(source), target, how):
            return
        if not replaces:
            raise FileExistsError(
                f'{target} is there already and is not that of the release: remove it, or write '
                'over it and its like with --replace'
            )
    if not writes:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    if how == LINK:
        part.symlink_to(Path(source).resolve())
    else:
        shutil.copy2(source, part)
    os.replace(part, target)


def is_placed(source: str, target: Path, how: str) -> bool:
    """Whether a file stands where it was linked or copied to; of a copy the size is compared."""
    if not target.exists() or target.is_symlink() != (how == LINK):
        return False
    return os.path.samefile(source, target) or (
        how != LINK and os.path.getsize(source) == target.stat().st_size
    )


def _orientation(image: Image.Image) -> object:
    """What EXIF says, where OpenCV, which reads the image later, would heed it."""
    if image.format in ('JPEG', 'MPO') or 'exif' in image.info:
        return image.getexif().get(_ORIENTATION)
    return None


def _ends(file: BinaryIO) -> tuple[bytes, bytes, int]:
    """First and last bytes of a file, and its length; its place stays where it was."""
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _TAIL))
    tail = file.read()
    file.seek(place)
    return head, tail, length


def _is_same(source: Path, target: Path, how: str) -> bool:
    """Whether a file stands where it is to be linked or copied to, byte by byte."""
    if not is_placed(str(source), target, how):
        return False
    return (
        how == LINK
        or os.path.samefile(source, target)
        or (source.read_bytes() == target.read_bytes())
    )
