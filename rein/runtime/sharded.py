"""A model spread over processes: parameters, gradients and optimizer in shards (FSDP)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapper
from mmengine.registry import MODEL_WRAPPERS
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, Replicate, distribute_tensor
from torch.optim import Optimizer


@MODEL_WRAPPERS.register_module()
class ShardedDataParallel(nn.Module):
    """Data parallel training that keeps of every parameter only a part in each process.

    Each process learns from images of its own, and gradients are averaged, as in DDP. But between
    uses a process holds 1/n of the parameters, of their gradients and of the optimizer's state:
    a unit is put together right before it computes. Frozen parameters are shards too. The
    numbers are those of DDP up to the order of sums; checkpoints are the files of one process.

    PyTorch's ``fully_shard`` (FSDP2) does the work, over NCCL or gloo. MMEngine's own
    ``MMFullyShardedDataParallel`` does not run without a GPU, and MMEngine's plain runner would
    save one process's shards as if they were the model.

    Args:
        module: the model. Its weights are initialised here, since shards cannot be.
        units: regular expression that finds the names of modules that are put together one at
            a time; by default the blocks of timm's transformers and ConvNeXt. The rest of the
            model is one unit. Only modules that are called, never read from outside, will do.

    Raises:
        ValueError: there is a teacher in the model, or no module of the name ``units``.
    """

    def __init__(self, module: nn.Module, units: str = r'\bblocks\.\d+$') -> None:
        super().__init__()
        if hasattr(module, 'begin_teaching'):
            raise ValueError(
                f'model_wrapper_cfg.type ShardedDataParallel cannot share out the teacher of '
                f'{type(module).__name__}; use configs/_base_/distributed/ddp.py'
            )
        found = [part for name, part in module.named_modules() if re.search(units, name)]
        if not found:
            raise ValueError(
                f'model_wrapper_cfg.units: the model has no module that {units!r} finds; give '
                'the names of its largest repeated parts, such as "layer[1-4]$" for a ResNet'
            )
        _initialise(module)
        device = next(module.parameters()).device.type
        mesh = init_device_mesh(device, (distributed.get_world_size(),))
        scalars = _share_scalars(module, mesh)
        for part in [*found, module]:
            fully_shard(part, mesh=mesh, ignored_params=scalars)
        module.register_load_state_dict_pre_hook(_take_own_parts)
        self.module = module

    def forward(self, *args: object, **kwargs: object) -> object:
        """Call the model."""
        return self.module(*args, **kwargs)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Learn from a batch, as the model itself does."""
        return self.module.train_step(data, optim_wrapper)

    def val_step(self, data: dict) -> list:
        """Predict a batch, as the model itself does."""
        return self.module.val_step(data)

    def test_step(self, data: dict) -> list:
        """Predict a batch, as the model itself does."""
        return self.module.test_step(data)

    @contextmanager
    def whole_model(self, *, everywhere: bool) -> Iterator[None]:
        """Within, ``state_dict()`` of the model has whole tensors, on the CPU.

        All processes must enter together.

        Args:
            everywhere: in all processes, not only in the main one.
        """
        state = _gathered(self.module.state_dict(), keep=everywhere or is_main_process())

        def insert(_: nn.Module, found: dict, prefix: str, __: dict) -> None:
            found.update({prefix + key: value for key, value in state.items()})

        handle = self.module.register_state_dict_post_hook(insert)
        try:
            yield
        finally:
            handle.remove()


@contextmanager
def whole_optimizer(optimizer: Optimizer) -> Iterator[None]:
    """Within, ``optimizer.state_dict()`` has whole tensors in the main process.

    All processes must enter together.
    """
    state = optimizer.state_dict()
    keep = is_main_process()
    state['state'] = {n: _gathered(held, keep=keep) for n, held in state['state'].items()}
    handle = optimizer.register_state_dict_post_hook(lambda *_: state)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def sharing_out(optimizer: Optimizer) -> Iterator[None]:
    """Within, ``optimizer.load_state_dict()`` takes its own part of whole tensors."""
    handle = optimizer.register_load_state_dict_pre_hook(_take_own_state)
    try:
        yield
    finally:
        handle.remove()


def _initialise(module: nn.Module) -> None:
    """Initialise as MMEngine's runner does, before there are shards; process 0 decides."""
    if hasattr(module, 'init_weights'):
        module.init_weights()
    for tensor in module.state_dict().values():
        distributed.broadcast(tensor, 0)


def _share_scalars(module: nn.Module, mesh: DeviceMesh) -> set[nn.Parameter]:
    """Make scalar parameters, which cannot be cut, the same in all processes.

    Returns:
        The scalars, for ``fully_shard`` to leave alone.
    """
    scalars = [
        (owner, name, parameter)
        for owner in module.modules()
        for name, parameter in owner.named_parameters(recurse=False)
        if not parameter.ndim
    ]
    trained = [
        SharedScalar(owner, name, mesh) for owner, name, held in scalars if held.requires_grad
    ]

    def show(*_: object) -> None:
        for scalar in trained:
            scalar.show()

    module.register_forward_pre_hook(show)
    frozen = {parameter for *_, parameter in scalars if not parameter.requires_grad}
    return frozen | {scalar.parameter for scalar in trained}


class SharedScalar:
    """A scalar parameter that every process has, among parameters of which it has a part.

    The optimizer and the norm of gradients take no mixture of plain tensors and shards, so the
    parameter is a ``DTensor``. The forward pass sees a plain view of it in its place, whose
    gradient is averaged over the processes.
    """

    def __init__(self, owner: nn.Module, name: str, mesh: DeviceMesh) -> None:
        shared = distribute_tensor(getattr(owner, name).data, mesh, [Replicate()])
        self.owner, self.name, self.group = owner, name, mesh.get_group()
        self.parameter = nn.Parameter(shared)
        setattr(owner, name, self.parameter)

    def show(self) -> None:
        """Put a new view in the parameter's place, for a forward pass and its backward pass."""
        view = self.parameter.to_local()
        if view.requires_grad:
            view.register_hook(partial(_averaged, group=self.group))
        vars(self.owner)[self.name] = view  # found before the parameter of that name


def _averaged(gradient: Tensor, group: distributed.ProcessGroup) -> Tensor:
    total = gradient.clone()
    distributed.all_reduce(total, group=group)
    return total / group.size()


def _gathered(state: Mapping, *, keep: bool) -> dict:
    """Put the shards of a state dict together, in its order; all that is kept is on the CPU."""
    whole = {}
    for key, value in state.items():
        if isinstance(value, DTensor):
            tensor = value.full_tensor()
            if keep:
                whole[key] = tensor.detach().cpu()
        else:
            whole[key] = value
    return whole


def _part_like(own: Tensor, value: Tensor) -> Tensor:
    """This process's part of a whole tensor; all of it where there are no parts."""
    if not isinstance(own, DTensor):  # a frozen scalar
        return value
    value = value.to(own.device)
    return distribute_tensor(value, own.device_mesh, own.placements, src_data_rank=None)


def _take_own_parts(module: nn.Module, state: dict, prefix: str, *_: object) -> None:
    """Let a model of shards load whole tensors."""
    for part in module.modules():
        if isinstance(part, FSDPModule):
            part.reshard()  # after a prediction some are still put together
    for key, own in module.named_parameters(remove_duplicate=False):
        value = state.get(prefix + key)
        if value is not None and not isinstance(value, DTensor) and value.shape == own.shape:
            state[prefix + key] = _part_like(own, value)


def _take_own_state(optimizer: Optimizer, saved: dict) -> dict:
    """Let an optimizer of shards load whole tensors."""
    numbers = [n for group in saved['param_groups'] for n in group['params']]
    parameters = [p for group in optimizer.param_groups for p in group['params']]
    own = dict(zip(numbers, parameters, strict=True))
    state = {}
    for number, held in saved['state'].items():
        state[number] = {
            name: _part_like(own[number], value)
            if name != 'step' and isinstance(value, Tensor)
            else value
            for name, value in held.items()
        }
    return {**saved, 'state': state}
