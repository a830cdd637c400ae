"""Comparing the tensors of a file with those of a module."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from torch import Tensor

SHOWN = 6


def misfits(
    state: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    optional: Callable[[str], bool],
    strangers: Sequence[str] = (),
) -> list[str]:
    """Say what keeps the tensors of a file from being those of a module.

    Args:
        state: the file's tensors, by the module's keys.
        own: the module's.
        optional: tells a key that the file need not have. Counters of batch norms, which no
            frozen body uses, are never needed.
        strangers: keys of the file known before to be none of the module's.

    Returns:
        A line for each kind of misfit; empty if file and module agree.
    """
    missing = [
        key
        for key in own
        if key not in state and not key.endswith('num_batches_tracked') and not optional(key)
    ]
    unexpected = [*strangers, *(key for key in state if key not in own)]
    misshapen = [
        f'{key} {_shape(state[key])} in the file, {_shape(own[key])} here'
        for key in own
        if key in state and _shape(state[key]) != _shape(own[key])
    ]
    found = (
        ('missing in the file', missing),
        ('in the file but not in the model', unexpected),
        ('of another size', misshapen),
    )
    return [f'  {len(keys)} {what}: {shortened(keys)}' for what, keys in found if keys]


def shortened(items: Iterable[str]) -> str:
    """Return the first few items, and how many more there are."""
    items = [str(item) for item in items]
    more = f' and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return ', '.join(items[:SHOWN]) + more


def _shape(value: object) -> object:
    """Shape of a tensor; of anything else (a file may hold what it likes) its type."""
    return tuple(value.shape) if hasattr(value, 'shape') else type(value).__name__
