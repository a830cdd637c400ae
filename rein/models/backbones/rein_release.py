"""Between the keys of Rein's released adapters and heads and those of this package.

The head has the same keys in both (``decode_head.*``), and so has ``merge``: its columns are
interleaved, (max, mean, last) for each channel, as the released code has them (the paper's
equation reads as if they were three blocks).
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# Within an adapter: the name in a release and the one here.
ADAPTER = {
    'scale': 'scale',
    'learnable_tokens': 'tokens',
    'learnable_tokens_a': 'tokens_a',
    'learnable_tokens_b': 'tokens_b',
    'mlp_token2feat': 'token_proj',
    'mlp_delta_f': 'delta_proj',
    'transform': 'queries.transform',
    'merge': 'queries.merge',
}
THEIRS = {ours: theirs for theirs, ours in ADAPTER.items()}
THEIR_ADAPTER = re.compile(r'backbone\.reins\.(\d+\.)?(\w+)(\.(?:weight|bias))?')
OUR_ADAPTER = re.compile(r'backbone\.adapter\.(\d+\.)?((?:queries\.)?\w+)(\.(?:weight|bias))?')
THEIR_PYRAMID = re.compile(r'backbone\.fpn([1-4])\.(?:(\d)\.)?(\w+)')
OUR_PYRAMID = re.compile(r'backbone\.pyramid\.levels\.([0-3])\.(\d)\.(\w+)')
BARE = '3'  # fpn3 is a norm by itself, where the others are sequences


def is_release(keys: Mapping[str, Tensor]) -> bool:
    """Tell whether these are the keys of a Rein release."""
    return any(key.startswith('backbone.reins.') for key in keys)


def from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a released adapter, pyramid and head to the keys of this package.

    An adapter without a learnable scale has the constant 1 in its place in the released code, so
    it gets that here. Other keys are passed on as they are.

    Args:
        state: ``backbone.reins.*``, ``backbone.fpn*``, ``decode_head.*``.

    Returns:
        ``backbone.adapter.*``, ``backbone.pyramid.*``, ``decode_head.*``.

    Raises:
        ValueError: a key of the adapter is none that a release has.
    """
    renamed = {_from_key(key): value for key, value in state.items()}
    for key in list(renamed):
        if re.fullmatch(r'backbone\.adapter\.(\d+\.)?tokens(_a)?', key):
            renamed.setdefault(f'{key.rpartition(".")[0]}.scale', torch.tensor(1.0))
    return renamed


def to_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename an adapter, pyramid and head of this package to the keys of a release.

    Raises:
        ValueError: a key of the adapter is none that a release has.
    """
    return {_to_key(key): value for key, value in state.items()}


def describe_release(state: Mapping[str, Tensor]) -> str:
    """Say what a release, under the keys of this package, was trained as; for error messages."""
    told = []
    for key, tokens in state.items():
        if found := re.fullmatch(r'backbone\.adapter\.(\d+\.)?tokens(_a)?', key):
            layers, length = tokens.shape[:2]
            low_rank = found[2] is not None
            width = state[f'{key[:-1]}b'].shape[2] if low_rank else tokens.shape[2]
            stage = f' of stage {found[1][:-1]}' if found[1] else ''
            told.append(
                f'{layers} adapted blocks{stage} of width {width}, token_length={length}, '
                f'rank={tokens.shape[2] if low_rank else None}'
            )
    queries = 'learned'
    if 'decode_head.querys2feat.weight' in state:
        queries = 'external'
    elif 'decode_head.query_embed.weight' not in state:
        queries = 'external_position'
    told.append(f'decode_head.queries={queries!r}')
    if 'decode_head.cls_embed.weight' in state:
        told.append(f'num_classes={len(state["decode_head.cls_embed.weight"]) - 1}')
    return '; '.join(told)


def _from_key(key: str) -> str:
    if found := THEIR_PYRAMID.fullmatch(key):
        level, index, rest = found.groups()
        return f'backbone.pyramid.levels.{int(level) - 1}.{index or 0}.{rest}'
    if not key.startswith('backbone.reins.'):
        return key
    found = THEIR_ADAPTER.fullmatch(key)
    if found is None or found[2] not in ADAPTER:
        raise ValueError(f'{key} is no key of a Rein release; its adapters have {list(ADAPTER)}')
    return f'backbone.adapter.{found[1] or ""}{ADAPTER[found[2]]}{found[3] or ""}'


def _to_key(key: str) -> str:
    if found := OUR_PYRAMID.fullmatch(key):
        level, index, rest = int(found[1]) + 1, found[2], found[3]
        return f'backbone.fpn{level}.{rest if str(level) == BARE else f"{index}.{rest}"}'
    if not key.startswith('backbone.adapter.'):
        return key
    found = OUR_ADAPTER.fullmatch(key)
    if found is None or found[2] not in THEIRS:
        raise ValueError(
            f'{key} has no counterpart in a Rein release, which holds a ReinAdapter with '
            f'{list(THEIRS)}'
        )
    return f'backbone.reins.{found[1] or ""}{THEIRS[found[2]]}{found[3] or ""}'
