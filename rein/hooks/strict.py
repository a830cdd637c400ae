"""Strict comparison of a checkpoint's tensors with a model's, and what a misfit looks like."""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

SHOWN = 6

# What a file is, by a piece of one of its keys, and where such a file belongs.
LOOKS_LIKE = (
    (
        'backbone.reins.',
        'a Rein release that was not converted; run tools/convert_checkpoint.py rein CONFIG '
        '--backbone BACKBONE.pth --rein-and-head THIS_FILE --out OUT.pth',
    ),
    ('reins.', 'a part of a Rein release; see tools/convert_checkpoint.py rein --help'),
    ('image_encoder.', 'the weights of SAM; they belong in model.backbone.weights'),
    ('visual.', 'the weights of CLIP; they belong in model.backbone.weights'),
    ('blocks.0.', 'the weights of a bare backbone; they belong in model.backbone.weights'),
    ('stages.0.', 'the weights of a bare backbone; they belong in model.backbone.weights'),
    ('layer1.0.', 'the weights of a bare backbone; they belong in model.backbone.weights'),
    ('encoder.layer', 'the weights of a bare backbone; they belong in model.backbone.weights'),
)


class CheckpointError(ValueError):
    """A checkpoint file cannot be read, or is not one for this model."""


def key_complaints(
    state: Mapping[str, object], own: Mapping[str, Tensor], frozen: Sequence[str]
) -> list[str]:
    """Compare the tensors of a file with those of a model.

    Args:
        state: the file's tensors by key.
        own: the model's, all of them.
        frozen: the keys of ``own`` that may all be absent from the file (but not some of them).

    Returns:
        What is wrong, a line each, and in the end what the file looks like; empty if it fits.
    """
    optional = set() if any(key in state for key in frozen) else set(frozen)
    missing = [
        key
        for key in own
        if key not in state and key not in optional and not key.endswith('num_batches_tracked')
    ]
    unexpected = [key for key in state if key not in own]
    misshapen = [
        f'{key} {_shape(state[key])} in the file, {_shape(own[key])} in the model'
        for key in own
        if key in state and _shape(state[key]) != _shape(own[key])
    ]
    found = [
        ('missing in the file', missing),
        ('in the file but not in the model', unexpected),
        ('of another size', misshapen),
    ]
    lines = [f'  {len(keys)} {what}: {shortened(keys)}' for what, keys in found if keys]
    if lines:
        lines.append(f'It looks like {looks_like(state)}.')
    return lines


def looks_like(state: Mapping[str, object]) -> str:
    """Say what kind of file has such keys."""
    keys = [str(key) for key in state]
    for piece, what in LOOKS_LIKE:
        at_start = piece not in ('backbone.reins.', 'reins.')
        if any(key.startswith(piece) if at_start else piece in key for key in keys):
            return what
    if any(key.startswith(('backbone.', 'decode_head.')) for key in keys):
        return 'a checkpoint of another config; test and resume with the config it was trained by'
    return f'no segmentation checkpoint; its keys begin with {shortened(keys)}'


def shortened(items: Iterable[str]) -> str:
    """Return the first few items, and how many more there are."""
    items = [str(item) for item in items]
    more = f' and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return ', '.join(items[:SHOWN]) + more


def _shape(value: object) -> object:
    return tuple(value.shape) if hasattr(value, 'shape') else type(value).__name__
