"""Many files that can be made again: whole or not there, without waiting for the disk."""

import hashlib
import os
from pathlib import Path

PART = '.part'  # ending of a file that is being written


def replace_file(path: str | os.PathLike, content: bytes) -> None:
    """Write a file at once: it has all its content or is as it was before.

    The folder is made when needed. Unlike ``rein.hooks.atomic.write_atomically`` this does not
    wait until the disk has the bytes, so it is for files that a program can make again.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    part.write_bytes(content)
    os.replace(part, path)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with Path(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
