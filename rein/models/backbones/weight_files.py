"""Weight files of other projects, read without running any code that is in them."""

import argparse
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from rein.checkpoints.safe_files import DamagedFileError, UnsafeFileError, load_plain

# Where projects keep the tensors in a file that holds more; averaged weights come first.
WRAPPERS = ('state_dict_ema', 'model_ema', 'state_dict', 'model', 'teacher', 'module')
WORKERS = re.compile(r'^(?:module\.|_orig_mod\.)+')


class WeightsError(ValueError):
    """A weight file is missing, damaged, unsafe, or not one for this body."""


@dataclass
class WeightFile:
    """What a weight file holds.

    Attributes:
        tensors: by key, without the prefixes that DDP and ``torch.compile`` add.
        container: ``'safetensors'``, ``'torchscript'`` or ``'torch'``.
        rest: all else in the file by its top-level key: meta data, optimizer state, ...
    """

    tensors: dict[str, Tensor]
    container: str
    rest: dict = field(default_factory=dict)


def read_checkpoint(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a weight file onto the CPU.

    Args:
        path: a ``.safetensors`` file, a PyTorch file (``.pth``, ``.pt``, ``.bin``) or a
            TorchScript archive; the content decides, not the name.

    Returns:
        The tensors by key, as the file has them: wrappers such as ``state_dict``, ``model`` and
        ``teacher``, and the prefixes ``module.`` and ``_orig_mod.`` are taken off.

    Raises:
        WeightsError: no such file; damaged; holds more than data; or holds no tensors.
    """
    return open_weights(path).tensors


def open_weights(path: str | Path) -> WeightFile:
    """Read a weight file as ``read_checkpoint`` does, with what else is in it."""
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f'there is no file {path}')
    container = _container(path)
    if container == 'safetensors':
        tensors, rest = _read_safetensors(path)
    elif container == 'torchscript':
        tensors, rest = _read_torchscript(path), {}
    else:
        tensors, rest = _unwrap(_read_torch(path), {})
    loose = {key: value for key, value in tensors.items() if not isinstance(value, Tensor)}
    found = {
        WORKERS.sub('', str(key)): value
        for key, value in tensors.items()
        if isinstance(value, Tensor)
    }
    if not found:
        raise WeightsError(f'{path} holds no tensors; its top-level keys are {list(loose)[:8]}')
    return WeightFile(found, container, {**rest, **loose})


def _container(path: Path) -> str:
    """Say what kind of file it is, by its first bytes; refuse what is no weight file."""
    with path.open('rb') as file:
        head = file.read(64)
    if head[8:9] == b'{' or path.suffix == '.safetensors':
        return 'safetensors'
    if head.lstrip().startswith((b'<', b'{', b'version https://git-lfs')):
        raise WeightsError(
            f'{path} is a text file, not weights: a web page or a Git LFS pointer that was '
            'saved in their place (a login or a licence to accept, perhaps); download it again'
        )
    if head.startswith(b'PK\x03\x04'):
        try:
            names = zipfile.ZipFile(path).namelist()
        except zipfile.BadZipFile as error:
            raise WeightsError(_damaged(path)) from error
        if any(name.endswith('.npy') for name in names):
            raise WeightsError(
                f'{path} is a NumPy archive (JAX weights); use the same weights in timm layout, '
                "by their timm name in backbone.weights.source or as timm's model.safetensors"
            )
        if any(name.endswith('/constants.pkl') for name in names):
            return 'torchscript'
    return 'torch'


def _read_safetensors(path: Path) -> tuple[dict, dict]:
    try:
        with safe_open(path, 'pt') as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(_damaged(path)) from error


def _read_torchscript(path: Path) -> dict:
    """Read the parameters of a TorchScript archive; its code is parsed, never called."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='.*torch.jit.load.*deprecated')
            return dict(torch.jit.load(path, map_location='cpu').state_dict())
    except (RuntimeError, ValueError, OSError) as error:
        raise WeightsError(_damaged(path)) from error


def _read_torch(path: Path) -> object:
    try:
        return load_plain(path, [argparse.Namespace])
    except UnsafeFileError as error:
        raise WeightsError(_unsafe(path, error.wanted)) from error
    except DamagedFileError as error:
        raise WeightsError(_damaged(path)) from error


def _unwrap(stored: object, rest: dict) -> tuple[dict, dict]:
    """Go down to the dict that holds the tensors, collecting what lies beside it."""
    if not isinstance(stored, Mapping):
        return {}, {**rest, 'content': type(stored).__name__}
    for key in WRAPPERS:
        if isinstance(stored.get(key), Mapping):
            beside = {name: value for name, value in stored.items() if name != key}
            return _unwrap(stored[key], {**rest, **beside})
    return dict(stored), rest


def _damaged(path: Path) -> str:
    return (
        f'{path} is damaged or cut short ({path.stat().st_size:,} bytes), or no weight file at '
        'all; compare its size and SHA-256 with checkpoints/README.md and download it again'
    )


def _unsafe(path: Path, name: str) -> str:
    return (
        f'{path} holds more than tensors: reading it would run {name} from the file, which is '
        'refused. If you trust its source, take the tensors out on a machine that can be lost:\n'
        '    import torch; from safetensors.torch import save_file\n'
        f"    stored = torch.load('{path.name}', map_location='cpu', weights_only=False)\n"
        "    state = stored.get('state_dict', stored)  # or 'model', 'teacher'\n"
        '    save_file({k: v.clone() for k, v in state.items() if torch.is_tensor(v)}, '
        f"'{path.stem}.safetensors')\n"
        'and use the .safetensors file here'
    )
