"""Checkpoint files written whole or not at all, with a note of where they come from."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mmengine
import torch
from mmengine.config import Config
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

import rein
from rein.models.backbones.weight_files import WeightsError
from rein.runtime.files import sha256

NOTE = 'rein'  # the entry of a safetensors file's metadata that holds ours, as JSON


def meta_of(config: Config) -> dict:
    """What a checkpoint says of the config that it belongs to."""
    return {
        'cfg': config.pretty_text,
        'epoch': 0,
        'iter': 0,
        'mmengine_version': mmengine.__version__,
        'rein_version': rein.__version__,
    }


def origin(path: str) -> dict[str, str]:
    """Name and hash of a file that another one was made of."""
    return {'file': Path(path).name, 'sha256': sha256(path)}


def write_checkpoint(path: Path, state: Mapping[str, Tensor], notes: dict) -> None:
    """Write tensors and notes to a file named .safetensors, .pth or .pt.

    Raises:
        WeightsError: it has another name, or cannot be written.
    """
    if path.suffix == '.safetensors':
        text = json.dumps(notes, default=str)
        owned = {key: value.detach().clone().contiguous() for key, value in state.items()}
        with _whole(path) as partial:
            save_file(owned, partial, {'format': 'pt', NOTE: text})
            _sort_notes(partial)
    elif path.suffix in ('.pth', '.pt'):
        plain = {key: value.detach().clone() for key, value in state.items()}
        with _whole(path) as partial:
            torch.save({**notes, 'state_dict': plain}, partial)
    else:
        raise WeightsError(f'{path}: give an output file named .safetensors or .pth')


def _sort_notes(path: Path) -> None:
    """Sort the metadata of a safetensors file, which writes them in any order."""
    with path.open('rb+') as file:
        length = int.from_bytes(file.read(8), 'little')
        header = json.loads(file.read(length))
        header['__metadata__'] = dict(sorted(header['__metadata__'].items()))
        text = json.dumps(header, separators=(',', ':'), ensure_ascii=False).encode()
        file.seek(8)
        file.write(text.ljust(length))


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Give a file beside ``path`` to write to; it takes the place of ``path`` when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.name}.partial')
    try:
        yield partial
        with partial.open('rb+') as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (RuntimeError, SafetensorError) as error:  # how PyTorch and safetensors say OSError
        free = shutil.disk_usage(path.parent).free
        raise WeightsError(
            f'cannot write {path}: {error}; its disk has {free / 1e6:,.0f} MB free'
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def refuse_same(out: str, *inputs: str) -> None:
    """Refuse to write over a file that is read.

    Raises:
        WeightsError: it is one of them.
    """
    for path in inputs:
        if Path(out).resolve() == Path(path).resolve():
            raise WeightsError(f'{out} is the file to read; give another one to write')
