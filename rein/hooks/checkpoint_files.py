"""Checkpoint files on disk: reading them safely, and finding the last good one."""

import pickle
import re
from pathlib import Path

import torch
from mmengine.runner.checkpoint import get_torch_safe_globals

from rein.hooks.strict import CheckpointError

STEP = re.compile(r'(?:iter|epoch)_(\d+)\.pth$')
# How PyTorch says that a file asks for a class or function that is no plain data.
CULPRIT = re.compile(r'GLOBAL ([\w.]+)|Unsupported (?:global|class):? ?(?:GLOBAL )?([\w.]+)')


def read_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint on the CPU without running any code that is in it.

    MMEngine reads a file with ``weights_only=True`` too, but when that fails it runs what is in
    the file. To read a file here first, and to go on only if that worked, keeps it from doing so.

    Raises:
        CheckpointError: no such file; cut short or damaged; or it holds more than data.
    """
    path = Path(path)
    if '://' in str(path) or not path.is_file():
        raise CheckpointError(
            f'there is no file {path}; give the path of a checkpoint on this machine'
        )
    try:
        with torch.serialization.safe_globals(get_torch_safe_globals()):
            checkpoint = _load(path)
    except pickle.UnpicklingError as error:
        if not CULPRIT.search(str(error)):
            raise CheckpointError(_damaged(path)) from error
        raise CheckpointError(
            f'{path} holds more than tensors and plain data ({_culprit(error)}), so that reading '
            'it would run code from the file. If you trust its source, load it once with '
            "torch.load(..., weights_only=False) and save its 'state_dict' alone with torch.save"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise CheckpointError(_damaged(path)) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'{path} holds a {type(checkpoint).__name__}, not a checkpoint (a dict)'
        )
    return checkpoint


def _load(path: Path) -> object:
    """Map a file into memory; read it whole where its (old) format cannot be mapped."""
    with path.open('rb') as file:
        mappable = file.read(4) == b'PK\x03\x04'
    return torch.load(path, map_location='cpu', weights_only=True, mmap=mappable)


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Find what to resume a run from: what ``last_checkpoint`` names, or else the newest file.

    A folder that was moved is no obstacle: the name is then looked for in ``work_dir``.
    """
    work_dir = Path(work_dir)
    note = work_dir / 'last_checkpoint'
    if note.is_file():
        named = Path(note.read_text().strip())
        for path in (named, work_dir / named.name):
            if path.is_file():
                return path
    found = checkpoints_in(work_dir)
    return found[-1] if found else None


def checkpoints_in(folder: str | Path) -> list[Path]:
    """``iter_N.pth`` and ``epoch_N.pth`` of a folder, oldest first."""
    found = [
        (int(m[1]), path) for path in Path(folder).glob('*.pth') if (m := STEP.match(path.name))
    ]
    return [path for _, path in sorted(found)]


def _damaged(path: Path) -> str:
    good = [other for other in checkpoints_in(path.parent) if other != path and _whole(other)]
    way_out = f'the last good one beside it is {good[-1]}' if good else 'no good one is beside it'
    return (
        f'{path} is damaged or cut short ({path.stat().st_size:,} bytes), or no PyTorch '
        f'checkpoint at all; {way_out}'
    )


def _whole(path: Path) -> bool:
    try:
        with torch.serialization.safe_globals(get_torch_safe_globals()):
            return isinstance(_load(path), dict)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError):
        return False


def _culprit(error: Exception) -> str:
    return next(part for part in CULPRIT.search(str(error)).groups() if part)
