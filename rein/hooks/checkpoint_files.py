"""Checkpoint files on disk: reading them safely, and finding the last good one."""

import re
from pathlib import Path

from rein.checkpoints.safe_files import DamagedFileError, UnsafeFileError, load_plain
from rein.hooks.strict import CheckpointError

STEP = re.compile(r'(?:iter|epoch)_(\d+)\.pth$')


def read_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint on the CPU without running any code that is in it.

    Raises:
        CheckpointError: no such file; cut short or damaged; or it holds more than data.
    """
    path = Path(path)
    if '://' in str(path) or not path.is_file():
        raise CheckpointError(
            f'there is no file {path}; give the path of a checkpoint on this machine'
        )
    try:
        checkpoint = load_plain(path)
    except UnsafeFileError as error:
        raise CheckpointError(
            f'{path} holds more than tensors and plain data ({error.wanted}), so that reading '
            'it would run code from the file. If you trust its source, load it once with '
            "torch.load(..., weights_only=False) and save its 'state_dict' alone with torch.save"
        ) from error
    except DamagedFileError as error:
        raise CheckpointError(_damaged(path)) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'{path} holds a {type(checkpoint).__name__}, not a checkpoint (a dict)'
        )
    return checkpoint


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
        return isinstance(load_plain(path), dict)
    except (DamagedFileError, UnsafeFileError):
        return False
