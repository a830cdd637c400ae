"""Images looked at without decoding them, and put where the data set wants them."""

import os
import shutil
from pathlib import Path

from PIL import Image

from rein.datasets.label_files import UNREADABLE, broken
from rein.datasets.preparation.recipe import LINK
from rein.runtime.files import PART

_ORIENTATION = 0x0112  # of EXIF; from 5 to 8 the picture lies on its side
_END_MARKS = {'JPEG': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}


def upright_size(path: str) -> tuple[tuple[int, int], bool]:
    """Size of an image as it is seen, from its header and its last bytes.

    Args:
        path: of the image.

    Returns:
        (width, height) with the turn that the camera wrote into the file (EXIF), and whether
        width and height change places by it.

    Raises:
        ValueError: it is not an image, or its end is missing.
    """
    try:
        with open(path, 'rb') as file, Image.open(file) as image:
            width, height = image.size
            mark = _END_MARKS.get(image.format or '')
            turned = image.format == 'JPEG' and image.getexif().get(_ORIENTATION, 1) >= 5
            if mark is not None:
                file.seek(-min(64, os.fstat(file.fileno()).st_size), os.SEEK_END)
                tail = file.read()
    except UNREADABLE as error:
        raise broken(path, 'image', error) from error
    if mark is not None and mark not in tail:
        raise broken(path, 'image', 'its end is missing')
    return ((height, width) if turned else (width, height)), turned


def place(source: str, target: Path, how: str, replaces: bool) -> None:  # noqa: FBT001
    """Link or copy a file to where it is to be; what is there already and the same stays.

    Args:
        source: the file.
        target: where to.
        how: ``LINK`` or ``COPY``.
        replaces: whether to write over another file that stands there.

    Raises:
        FileExistsError: another file stands there.
    """
    if target.is_symlink() or target.exists():
        if target.exists() and _same(Path(source), target):
            return
        if not replaces:
            raise FileExistsError(
                f'{target} is there already and is not {source}: remove it, or write over it and '
                'its like with --replace'
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    if how == LINK:
        part.symlink_to(Path(source).resolve())
    else:
        shutil.copy2(source, part)
    os.replace(part, target)


def _same(source: Path, target: Path) -> bool:
    if os.path.samefile(source, target):
        return True
    return source.stat().st_size == target.stat().st_size and (
        source.read_bytes() == target.read_bytes()
    )
