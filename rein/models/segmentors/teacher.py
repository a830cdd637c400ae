"""A moving average of what trains in a segmentor, without a copy of what does not."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from rein.hooks.fingerprint import frozen_state_keys

STATISTICS = ('running', 'batch')


class Teacher(nn.Module):
    """Averages of a student's trained tensors; they run through the student's own modules.

    Averaged are parameters that train and, of modules that are not frozen, the floating-point
    state (statistics of batch norms); counters are copied. The frozen body is the student's. All
    of it is buffers, so that it is in every checkpoint, but trains nowhere.

    Args:
        student: the segmentor. It is not kept: every call gets it.

    Attributes:
        updates: how often the averages changed since they were first copied; 0 before that.

    Source: Tarvainen and Valpola, NeurIPS 2017 (arXiv:1703.01780).
    """

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.names = list(trained_state(student))
        for name, tensor in trained_state(student).items():
            _hold(self, name.split('.'), tensor.detach().clone())
        self.register_buffer('updates', torch.zeros((), dtype=torch.long))

    def tensors(self) -> dict[str, Tensor]:
        """The averages, by the names that their tensors have in the student."""
        mine = dict(self.named_buffers())
        return {name: mine[name] for name in self.names}

    @torch.no_grad()
    def copy(self, student: nn.Module) -> None:
        """Take over the student as it is."""
        for mine, theirs in self._pairs(student):
            mine.copy_(theirs)
        self.updates.fill_(1)

    @torch.no_grad()
    def average(self, student: nn.Module, momentum: float) -> None:
        """Move towards the student: momentum * teacher + (1 - momentum) * student."""
        floating = []
        for mine, theirs in self._pairs(student):
            if mine.is_floating_point():
                floating.append((mine, theirs))
            else:
                mine.copy_(theirs)
        ours, new = map(list, zip(*floating, strict=True))
        torch._foreach_mul_(ours, momentum)
        torch._foreach_add_(ours, new, alpha=1 - momentum)
        self.updates += 1

    def _pairs(self, student: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        theirs = trained_state(student)
        for name, mine in self.tensors().items():
            yield mine, theirs[name].detach()

    @torch.no_grad()
    def ask(
        self, student: nn.Module, method: str, *args: object, statistics: str = 'running'
    ) -> object:
        """Call a method of the student, with these tensors in it and in evaluation mode.

        Args:
            student: whose modules run.
            method: to call.
            *args: of it.
            statistics: of batch norms that train: 'running', the averaged ones, or 'batch', those
                of the images that it is called with.
        """
        modes = {module: module.training for module in student.modules()}
        student.eval()
        if statistics == 'batch':
            for module, mode in modes.items():
                module.training = mode and isinstance(module, _BatchNorm)
        held = {f'student.{name}': tensor for name, tensor in self.tensors().items()}
        try:
            return functional_call(_Asked(student, method), held, args)
        finally:
            for module, mode in modes.items():
                module.training = mode


class _Asked(nn.Module):
    """A module whose forward pass is a method of another one."""

    def __init__(self, student: nn.Module, method: str) -> None:
        super().__init__()
        self.student, self.method = student, method

    def forward(self, *args: object) -> object:
        return getattr(self.student, self.method)(*args)


def trained_state(student: nn.Module) -> dict[str, Tensor]:
    """Parameters that train, and the state beside them, by name; shared ones once."""
    state = student.state_dict(keep_vars=True)
    frozen = set(frozen_state_keys(student))
    found: dict[str, Tensor] = {}
    seen = set()
    for name, tensor in state.items():
        fixed = isinstance(tensor, nn.Parameter) and not tensor.requires_grad
        if name in frozen or fixed or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        found[name] = tensor
    return found


def _hold(module: nn.Module, path: list[str], tensor: Tensor) -> None:
    """Register a buffer under a dotted name, with empty modules for its folders."""
    *folders, name = path
    for folder in folders:
        if folder not in module._modules:
            module.add_module(folder, nn.Module())
        module = module._modules[folder]
    module.register_buffer(name, tensor)
