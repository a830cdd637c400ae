"""Strict comparison of a checkpoint's tensors with a model's, and what a misfit looks like."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from rein.checkpoints.comparison import misfits, shortened

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
    lines = misfits(state, own, optional.__contains__)
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
