"""The model that a runner trains, whatever DDP puts around it."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn


def bare_model(runner: Runner) -> nn.Module:
    """Return the model without its wrapper for several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
