"""What is in a weight file, as a table."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from rein.checkpoints import blindnet_release
from rein.checkpoints.writing import NOTE
from rein.models.backbones.layouts import recognise
from rein.models.backbones.rein_release import describe_release, from_release, is_release
from rein.models.backbones.renaming import is_own_body, unwrapped
from rein.models.backbones.weight_files import open_weights
from rein.runtime.files import sha256

HEAD = ('group', 'tensors', 'parameters', 'dtype', 'MB')


@dataclass
class Group:
    """Tensors whose keys begin alike, counted."""

    tensors: int = 0
    parameters: int = 0
    size: int = 0
    dtypes: set[str] = field(default_factory=set)

    def add(self, tensor: Tensor) -> None:
        """Count a tensor in."""
        self.tensors += 1
        self.parameters += tensor.numel()
        self.size += tensor.numel() * tensor.element_size()
        self.dtypes.add(str(tensor.dtype).removeprefix('torch.'))

    def row(self, name: str) -> tuple[str, ...]:
        """Return the cells of the table: name, counts, dtypes, decimal megabytes."""
        dtypes = ' '.join(sorted(self.dtypes))
        return name, f'{self.tensors:,}', f'{self.parameters:,}', dtypes, f'{self.size / 1e6:,.2f}'


def summarize(path: str | Path) -> str:
    """Describe a weight file: what it looks like, its groups of tensors, what it says of itself.

    Args:
        path: any file that ``read_checkpoint`` reads.

    Returns:
        Lines of text: a table of groups with tensors, parameters, dtype and decimal megabytes.

    Raises:
        WeightsError: the file cannot be read.
    """
    file = open_weights(path)
    groups: dict[str, Group] = {}
    total = Group()
    for key, tensor in file.tensors.items():
        groups.setdefault(group_of(key), Group()).add(tensor)
        total.add(tensor)
    rows = [HEAD, *(group.row(name) for name, group in groups.items()), total.row('all')]
    return '\n'.join(
        [
            f'{path}: {guess(file.tensors)} ({file.container})',
            f'SHA-256 {sha256(path)}',
            '',
            *_table(rows),
            *_said(file.rest),
        ]
    )


def group_of(key: str) -> str:
    """Name the group of a key: its first two parts, up to the first number.

    ``'backbone.body.blocks.0.norm1.weight'`` -> ``'backbone.body'``, ``'blocks.0.x'`` ->
    ``'blocks'``.
    """
    parts = key.split('.')
    parts = parts[:-1] or parts
    number = next((i for i, part in enumerate(parts) if part.isdigit()), len(parts))
    return '.'.join(parts[: max(1, min(number, 2))])


def guess(state: Mapping[str, Tensor]) -> str:
    """Say what a file with such keys is."""
    if is_release(state):
        return f'a Rein release: {describe_release(from_release(state))}'
    if blindnet_release.is_release(state):
        return 'a release of BlindNet or RobustNet'
    if any(unwrapped(key).startswith('backbone.adapter.') for key in state):
        body = 'with' if any(is_own_body(key) for key in state) else 'without'
        inner = {unwrapped(key): value for key, value in state.items()}
        return f'a checkpoint of this package, {body} its body: {describe_release(inner)}'
    if any(unwrapped(key).startswith('decode_head.') for key in state):
        return 'a checkpoint of a segmentor without an adapter'
    return f'layout {recognise(key.removeprefix("backbone.") for key in state).name}'


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        '  '.join(
            cell.ljust(width) if column in (0, 3) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = '  '.join('-' * width for width in widths)
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _said(rest: Mapping[str, object]) -> list[str]:
    """Say in lines what a file says of itself."""
    notes = json.loads(rest[NOTE]) if isinstance(rest.get(NOTE), str) else rest
    meta, body = notes.get('meta'), notes.get('body')
    lines = ['']
    if isinstance(meta, Mapping):
        short = {k: v for k, v in meta.items() if isinstance(v, str | int | float) and k != 'cfg'}
        lines += [f'meta: {", ".join(f"{key}={value}" for key, value in short.items())}']
        for part, origin in (meta.get('converted_from') or {}).items():
            lines += [f'{part} from {origin["file"]}, SHA-256 {origin["sha256"]}']
    if isinstance(body, Mapping):
        lines += [f'trained on {body["model"]}, fingerprint {body["fingerprint"]}']
    beside = [str(key) for key in rest if key not in ('meta', 'body', NOTE, 'format')]
    if beside:
        lines += [f'beside the tensors: {", ".join(beside)}']
    return lines if len(lines) > 1 else []
