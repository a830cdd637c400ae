"""A training step that does not fit into memory, repeated with less of it."""

import logging
from contextlib import suppress

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from rein.runtime.failures import MORE_ROOM


def recompute(model: nn.Module) -> bool:
    """Let backbone and pixel decoder recompute their activations in the backward pass.

    Returns:
        Whether anything changed: False where they do already, or cannot.
    """
    before = _recomputing(model)
    body = getattr(model.backbone, 'body', None)
    if hasattr(body, 'set_grad_checkpointing'):
        with suppress(AssertionError):  # how timm's models say that they cannot
            body.set_grad_checkpointing(enable=True)
    for part in (*model.backbone.modules(), *model.decode_head.modules()):
        if 'with_cp' in vars(part):
            part.with_cp = True
    return _recomputing(model) != before


def _recomputing(model: nn.Module) -> list[object]:
    names = ('grad_checkpointing', 'with_cp')
    return [vars(part)[name] for part in model.modules() for name in names if name in vars(part)]


class MemoryBackoff:
    """For a segmentor: where a step runs out of GPU memory, take it again with less.

    The first time, activations are recomputed from then on, which changes no number; the step is
    repeated with the same random numbers. What cannot be repeated ends in an error that says what
    helps: gradients of earlier batches that are accumulated, batch norms that have counted the
    batch, an optimizer that has begun to update. Under DDP no process may repeat by itself.
    """

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """As MMEngine's models do.

        Raises:
            MemoryError: there is no room, and nothing that could be saved.
        """
        held = any(parameter.grad is not None for parameter in self.parameters())
        done, numbers = optim_wrapper._inner_count, _random_state(self)
        while True:
            try:
                return super().train_step(data, optim_wrapper)
            except torch.OutOfMemoryError as error:
                if held or optim_wrapper._inner_count != done or _counts_batches(self):
                    raise MemoryError(f'no room for a training step; {MORE_ROOM}') from error
                if not recompute(self):
                    raise MemoryError(
                        f'no room for a training step, and no more of this model can be '
                        f'recomputed; {MORE_ROOM}'
                    ) from error
            print_log(
                'no room on the GPU for a training step: activations are recomputed from here on, '
                'which takes about a third more time (with_cp=True, where backbone and head have '
                'it, starts so)',
                logger='current',
                level=logging.WARNING,
            )
            optim_wrapper.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            _set_random_state(self, numbers)


def _counts_batches(model: nn.Module) -> bool:
    return any(
        part.training and part.track_running_stats
        for part in model.modules()
        if isinstance(part, _NormBase)
    )


def _random_state(model: nn.Module) -> list[object]:
    state = [torch.get_rng_state(), np.random.get_state()]
    device = next(model.parameters()).device
    return [*state, torch.cuda.get_rng_state(device)] if device.type == 'cuda' else state


def _set_random_state(model: nn.Module, state: list[object]) -> None:
    torch.set_rng_state(state[0])
    np.random.set_state(state[1])
    if len(state) > 2:
        torch.cuda.set_rng_state(state[2], next(model.parameters()).device)
