"""PyTorch files read without running any code that is in them."""

import pickle
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals

# How PyTorch says that a file asks for a class or function that is no plain data.
WANTED = re.compile(r'GLOBAL ([\w.]+)|Unsupported (?:global|class):? ?(?:GLOBAL )?([\w.]+)')


class DamagedFileError(ValueError):
    """A file is cut short, damaged, or no PyTorch file at all."""


class UnsafeFileError(ValueError):
    """A file holds more than data; ``wanted`` is the class or function it asks for."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f'reading it would run {wanted} from the file')
        self.wanted = wanted


def load_plain(path: Path, harmless: Sequence[type] = ()) -> object:
    """Read a PyTorch file onto the CPU, mapped into memory where its format allows.

    MMEngine reads with ``weights_only=True`` too, but when that fails it runs what is in the
    file; this never does.

    Args:
        path: of the file.
        harmless: further classes that may be in it, beside tensors, plain data and the few
            classes that MMEngine's own checkpoints hold.

    Raises:
        DamagedFileError: the file cannot be decoded.
        UnsafeFileError: it holds more than data.
    """
    try:
        with torch.serialization.safe_globals([*get_torch_safe_globals(), *harmless]):
            mappable = zipfile.is_zipfile(path)
            return torch.load(path, map_location='cpu', weights_only=True, mmap=mappable)
    except pickle.UnpicklingError as error:
        if found := WANTED.search(str(error)):
            raise UnsafeFileError(next(part for part in found.groups() if part)) from error
        raise DamagedFileError(str(error)) from error
    except (RuntimeError, EOFError, ValueError, KeyError, IndexError, OSError) as error:
        raise DamagedFileError(str(error)) from error
