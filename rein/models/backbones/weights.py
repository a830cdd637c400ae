"""Weights of a foundation model, from a file or a name, into a timm model: all or nothing."""

import logging
import re
from pathlib import Path
from typing import Literal

from mmengine.logging import print_log
from torch import Tensor, nn

from rein.checkpoints.comparison import misfits
from rein.models.backbones.downloads import find_weights
from rein.models.backbones.layouts import CLIP_BODIES
from rein.models.backbones.renaming import TAIL, Renamed, to_timm
from rein.models.backbones.resample import (
    RESAMPLINGS,
    apply_release_quirks,
    fit_sizes,
    is_clip,
)
from rein.models.backbones.weight_files import (
    WeightFile,
    WeightsError,
    open_weights,
    read_checkpoint,
)

__all__ = ['WeightsError', 'load_weights', 'read_checkpoint']


def load_weights(
    body: nn.Module, source: str, resample: Literal['bicubic', 'pseudo_inverse'] = 'bicubic'
) -> None:
    """Load a foundation model's weights into a timm model, strictly.

    Every tensor of the body must be in the file and every tensor of the file in the body, of the
    same size once patch and image size are fitted. Left out are, by name, other models in the
    file (a text tower, SAM's decoder) and parts behind the last block (heads, final norms, SAM's
    neck) that the other side lacks: no map is read from them.

    Args:
        body: a timm model, as ``timm.create_model(name, num_classes=0, ...)`` makes it.
        source: a file in the layout of its authors, of timm or of Rein, or a name to download
            (``find_weights`` says which names there are).
        resample: how to fit the patch kernel and the positions, see ``resample.py``:
            ``'bicubic'`` gives the bodies that Rein's released adapters were trained on,
            ``'pseudo_inverse'`` keeps the tokens closest to the original ones.

    Raises:
        WeightsError: the file is not there, damaged or unsafe, or does not fit; ``body`` is then
            as it was.
        ValueError: ``resample`` is neither of the two.
    """
    if resample not in RESAMPLINGS:
        raise ValueError(
            f'backbone.weights.resample is {resample!r}; use one of {tuple(RESAMPLINGS)}'
        )
    path = find_weights(source)
    fill_body(body, open_weights(path), path, resample)


def fill_body(
    body: nn.Module,
    file: WeightFile,
    path: Path,
    resample: Literal['bicubic', 'pseudo_inverse'] = 'bicubic',
) -> None:
    """Put what a weight file holds into a timm model, as ``load_weights`` does.

    Args:
        body: a timm model.
        file: what was read.
        path: where it came from; part of the errors.
        resample: as of ``load_weights``.

    Raises:
        WeightsError: the file does not fit; ``body`` is then as it was.
    """
    try:
        renamed = to_timm(file.tensors, body)
    except WeightsError as error:
        raise WeightsError(f'{path} cannot be loaded: {error}') from error
    state = fit_sizes(renamed.state, body, resample)
    if not renamed.own:
        state = apply_release_quirks(state, body, resample)
    complaints = misfits(state, body.state_dict(), TAIL.match, renamed.strangers)
    if complaints:
        raise WeightsError(
            '\n'.join([f'{path} does not fit {_name(body)}.', *complaints, _advice(renamed, body)])
        )
    if file.container == 'torchscript' and is_clip(body) and not _quick(body):
        print_log(
            f'{path.name} is an OpenAI CLIP, trained with QuickGELU, and {_name(body)} has '
            f'another activation; use {CLIP_BODIES[1024]!r} or the like',
            logger='current',
            level=logging.WARNING,
        )
    own = body.state_dict()
    body.load_state_dict({key: value for key, value in state.items() if key in own}, strict=False)


def _advice(renamed: Renamed, body: nn.Module) -> str:
    """Say what the file looks like, and which body takes it."""
    there, here = _size(renamed.state), _size(body.state_dict())
    text = f'The file looks like {renamed.layout.name}, {_told(there)}; '
    text += f'the body here is {_told(here)}.'
    fitting = renamed.layout.bodies.get(there[1])
    if fitting is not None:
        text += f' Such a file belongs into backbone.model={fitting!r}'
    return text


def _size(state: dict[str, Tensor]) -> tuple[int, int]:
    """Count the blocks and the width of a transformer's tensors; 0 where it is none."""
    blocks = [int(match[1]) for key in state if (match := re.match(r'blocks\.(\d+)\.', key))]
    kernel = state.get('patch_embed.proj.weight')
    return max(blocks, default=-1) + 1, 0 if kernel is None else kernel.shape[0]


def _told(size: tuple[int, int]) -> str:
    if not all(size):
        return 'no plain transformer'
    return f'a transformer of {size[0]} blocks of width {size[1]}'


def _name(body: nn.Module) -> str:
    config = getattr(body, 'pretrained_cfg', None) or {}
    return config.get('architecture') or type(body).__name__


def _quick(body: nn.Module) -> bool:
    return type(body.blocks[0].mlp.act).__name__.lower().startswith('quick')
