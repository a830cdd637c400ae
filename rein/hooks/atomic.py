"""Files that are either whole or not there."""

import errno
import os
import shutil
from pathlib import Path

from mmengine.fileio import register_backend
from mmengine.fileio.backends import LocalBackend

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: str | os.PathLike, data: bytes) -> None:
    """Write ``data`` to ``path`` so that a kill or a full disk leaves what was there before.

    The bytes go to ``.<name>.partial`` in the same folder, to the disk, and only then take the
    place of ``path``. The partial file of a killed write is overwritten by the next one.

    Raises:
        OSError: the disk is full, or the write failed in another way; the partial file is gone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.partial')
    try:
        with partial.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(path.parent).free
        raise OSError(
            error.errno,
            f'the disk is full: {path.name} needs {_size(len(data))} and {path.parent} has '
            f'{_size(free)} free',
        ) from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last through a power cut, where the system can."""
    if not hasattr(os, 'O_DIRECTORY'):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _size(count: int) -> str:
    return f'{count / 1e6:,.1f} MB'


class AtomicBackend(LocalBackend):
    """MMEngine's local file backend with writes that are whole or not there.

    In configs: ``backend_args=dict(backend='atomic')``.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes atomically."""
        write_atomically(filepath, obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text atomically."""
        write_atomically(filepath, obj.encode(encoding))


register_backend('atomic', AtomicBackend, force=True)
