"""Mixed precision in bfloat16, on CPU and GPU, for training and for testing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.runner import TestLoop, ValLoop
from mmseg.registry import LOOPS, OPTIM_WRAPPERS
from torch import nn


def bf16_autocast() -> torch.autocast:
    """Return a context in which matrix products and convolutions run in bfloat16."""
    return torch.autocast(get_device(), torch.bfloat16)


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """MMEngine's ``OptimWrapper`` with the forward pass and the losses in bfloat16 autocast.

    bfloat16 has the range of float32, so there is no loss scaler. Unlike MMEngine's
    ``AmpOptimWrapper`` it works on a CPU too. Weights, gradients and optimizer stay in float32.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass of ``model`` in bfloat16."""
        with super().optim_context(model), bf16_autocast():
            yield


class _Bf16Steps:
    """Let a loop's model predict in bfloat16.

    MMEngine's ``fp16=True`` of these loops means float16 on a GPU, whose range the foundation
    models exceed; the metric and the hooks are better left out of the context altogether.
    """

    step: str

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Predict, measure and draw one batch."""
        name = self.step.removesuffix('_step')
        self.runner.call_hook(f'before_{name}_iter', batch_idx=idx, data_batch=data_batch)
        with bf16_autocast():
            outputs = getattr(self.runner.model, self.step)(data_batch)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            f'after_{name}_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )


@LOOPS.register_module()
class Bf16ValLoop(_Bf16Steps, ValLoop):
    """MMEngine's ``ValLoop`` with the predictions in bfloat16."""

    step = 'val_step'


@LOOPS.register_module()
class Bf16TestLoop(_Bf16Steps, TestLoop):
    """MMEngine's ``TestLoop`` with the predictions in bfloat16."""

    step = 'test_step'
