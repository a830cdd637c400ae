"""Gradients of several losses, worked out one after the other to save memory."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

ORDERS = ('joint', 'sequential')


class SequentialLosses:
    """Losses by name whose gradients are known before the step asks for them.

    Each part's gradients are worked out as it comes, and what its forward pass kept is free again
    before the next part runs. ``result`` hands them out as if nothing had happened: the sum of its
    losses is differentiable, so that DDP, clipping and accumulation see what they always see.

    Args:
        parameters: those that train.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = [p for p in parameters if p.requires_grad]
        self.gradients: list[Tensor | None] = [None] * len(self.parameters)
        self.losses: dict = {}

    def add(self, losses: dict) -> None:
        """Take losses by name; those with ``loss`` in it are differentiated.

        Raises:
            ValueError: autocast runs in float16, whose gradients vanish without a scale, or parts
                of the network are checkpointed in a way that does not go with it.
        """
        total = sum(_mean(value) for name, value in losses.items() if 'loss' in name)
        device = self.parameters[0].device.type
        if torch.is_autocast_enabled(device) and (
            torch.get_autocast_dtype(device) == torch.float16
        ):
            raise ValueError(
                "backward='sequential' has no scale of losses, which float16 needs; set "
                "optim_wrapper.dtype='bfloat16', or backward='joint'"
            )
        if isinstance(total, Tensor) and total.requires_grad:
            found = self._of(total)
            for place, gradient in enumerate(found):
                if gradient is None:
                    continue
                known = self.gradients[place]
                # Not in place: two parameters may have one tensor as their gradient.
                self.gradients[place] = gradient if known is None else known + gradient
        self.losses |= {name: _detached(value) for name, value in losses.items()}

    def _of(self, total: Tensor) -> Sequence[Tensor | None]:
        try:
            with torch.autocast(total.device.type, enabled=False):
                return torch.autograd.grad(total, self.parameters, allow_unused=True)
        except RuntimeError as error:
            if 'use_reentrant' not in str(error):
                raise
            raise ValueError(
                "backward='sequential' does not go with this backbone's with_cp=True, which is of "
                "PyTorch's older kind of checkpointing; set one of them back"
            ) from error

    def result(self) -> dict:
        """All losses; the gradients hang on the first one."""
        known = [
            (p, g) for p, g in zip(self.parameters, self.gradients, strict=True) if g is not None
        ]
        first = next((name for name in self.losses if 'loss' in name), None)
        if first is None or not known:
            return self.losses
        parameters, gradients = zip(*known, strict=True)
        value = _mean(self.losses[first])
        return {**self.losses, first: _Known.apply(value, gradients, *parameters)}


class _Known(torch.autograd.Function):
    """A number with gradients that are known."""

    @staticmethod
    def forward(
        ctx: object, value: Tensor, gradients: Sequence[Tensor], *parameters: Tensor
    ) -> Tensor:
        ctx.gradients = gradients
        return value.clone()

    @staticmethod
    def backward(ctx: object, factor: Tensor) -> tuple:
        return None, None, *(gradient * factor for gradient in ctx.gradients)


def _mean(value: Tensor | list) -> Tensor:
    """What MMEngine adds up of a loss."""
    return value.mean() if isinstance(value, Tensor) else sum(each.mean() for each in value)


def _detached(value: Tensor | list) -> Tensor | list:
    return value.detach() if isinstance(value, Tensor) else [each.detach() for each in value]
