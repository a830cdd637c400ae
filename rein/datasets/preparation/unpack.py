"""Archives of a release unpacked; can be stopped and run again."""

import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from rein.runtime.files import PART


def packed_size(archives: Sequence[Path]) -> int:
    """Sum of the unpacked sizes of all files in ZIP archives, bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a ZIP archive, or cut off.
    """
    return sum(member.file_size for path in archives for member in _members(path))


def unpack(archives: Sequence[Path], folder: Path) -> Iterator[int]:
    """Unpack ZIP archives into a folder; files that are there in their full size stay.

    Args:
        archives: the files.
        folder: where to.

    Yields:
        Size of each file as it is done, bytes.

    Raises:
        ValueError: an archive is damaged, or holds a file that would lie outside of the folder.
    """
    for path in archives:
        members = _members(path)
        with zipfile.ZipFile(path) as archive:
            for member in members:
                _unpack_one(path, archive, member, folder)
                yield member.file_size


def _members(path: Path) -> list[zipfile.ZipInfo]:
    if not path.is_file():
        raise FileNotFoundError(f'there is no archive {path}')
    try:
        with zipfile.ZipFile(path) as archive:
            return [member for member in archive.infolist() if not member.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(
            f'{path} is not a whole ZIP archive ({error}): fetch it again; other kinds (rar, tar) '
            'are to be unpacked with their own programs'
        ) from error


def _unpack_one(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path
) -> None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or '..' in name.parts:
        raise ValueError(f'{path} holds {member.filename}, which would lie outside of {folder}')
    target = folder / name
    if target.is_file() and target.stat().st_size == member.file_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    try:
        with archive.open(member) as source, part.open('wb') as file:
            shutil.copyfileobj(source, file, 2**20)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        part.unlink(missing_ok=True)
        raise ValueError(
            f'{member.filename} in {path} is damaged ({error}): fetch it again'
        ) from error
    os.replace(part, target)
