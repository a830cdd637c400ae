"""What several processes send to each other in a training iteration, and what that costs."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from mmengine.config import Config
from mmengine.dist import utils as mmengine_processes
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from torch import Tensor, distributed, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel

from rein.benchmarks.inputs import random_samples, without_weights
from rein.runtime.distributed import without_synchronised_norms

# Who works: one process alone; all, each for itself; all, with gradients averaged.
ALONE, APART, TOGETHER = 'alone', 'apart', 'together'
MODES = (ALONE, APART, TOGETHER)


def trained_bytes(model: nn.Module) -> int:
    """Bytes of the gradients of all that trains: what DDP averages in an iteration."""
    return sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)


def ring_bytes(size: int, processes: int) -> float:
    """Bytes that each process sends (and receives) to sum ``size`` bytes over a ring.

    A ring passes on 1/n of the data 2 (n - 1) times: n - 1 times to sum, n - 1 to hand out sums.
    """
    return 2 * (processes - 1) / processes * size


def hiding_batch(sent: float, bandwidth: float, backward: float) -> float:
    """Images a process needs so that its backward pass takes as long as its network.

    DDP sends the gradients of the last layers while those of the first are worked out. From this
    batch on only the last bucket, latencies and what contends for memory still cost time.

    Args:
        sent: bytes that each process sends in an iteration.
        bandwidth: bytes a second, of each process in one direction.
        backward: seconds of the backward pass for one image.
    """
    return sent / bandwidth / backward


class CountedBytes:
    """Counts the bytes of gradients that a DDP model averages, in this process.

    Attributes:
        total: bytes handed over so far.
    """

    def __init__(self, model: DistributedDataParallel) -> None:
        self.total = 0
        model.register_comm_hook(self, CountedBytes.reduce)

    @staticmethod
    def reduce(
        self: 'CountedBytes', bucket: distributed.GradBucket
    ) -> torch.futures.Future[Tensor]:
        """Count a bucket, then average it as DDP does without a hook."""
        self.total += bucket.buffer().nbytes
        return allreduce_hook(None, bucket)


class ScalingBench:
    """One process of several that train copies of a model of random weights on random images.

    Every process makes one; the process group is there by then.

    Args:
        config: with ``model`` and ``optim_wrapper``.
        size: height and width of the images.
        batch: images of each process.
        device: where this process computes.
    """

    def __init__(
        self, config: Config, *, size: tuple[int, int], batch: int, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        settings = without_weights(config.model)
        without_synchronised_norms(settings)  # alone there is nobody to synchronise with
        self.device, self.batch = device, batch
        self.model: nn.Module = MODELS.build(settings).to(device).train()
        with warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='`broadcast_buffers` is deprecated')
            self.copies = DistributedDataParallel(
                self.model, broadcast_buffers=False, gradient_as_bucket_view=True
            )
        self.counted = CountedBytes(self.copies)
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper).optimizer
        self.images = torch.randn(batch, 3, *size, device=device)
        self.samples = random_samples(batch, size, self.model.num_classes, device)
        for _ in range(2):  # DDP settles its buckets after the first
            self.iteration(TOGETHER, torch.float32)

    def iteration(self, mode: str, dtype: torch.dtype) -> None:
        """Train one iteration; gradients are averaged where ``mode`` says so."""
        autocast = torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32)
        with nullcontext() if mode == TOGETHER else self._apart():
            with autocast:
                losses = self.copies(self.images, self.samples, mode='loss')
            self.model.parse_losses(losses)[0].backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Within, neither DDP nor a loss that asks MMEngine for other processes waits for them."""
        told = mmengine_processes.is_distributed
        mmengine_processes.is_distributed = lambda: False
        try:
            with self.copies.no_sync():
                yield
        finally:
            mmengine_processes.is_distributed = told

    def images_per_second(self, mode: str, iterations: int, dtype: torch.dtype) -> float:
        """Images a second of all processes that work in ``mode``, from start to end of the last.

        All processes must call it; who does not work waits.
        """
        distributed.barrier()
        start = time.perf_counter()
        if mode != ALONE or distributed.get_rank() == 0:
            for _ in range(iterations):
                self.iteration(mode, dtype)
            if self.device.type == 'cuda':
                torch.cuda.synchronize(self.device)
        distributed.barrier()
        working = 1 if mode == ALONE else distributed.get_world_size()
        return working * self.batch * iterations / (time.perf_counter() - start)

    def bytes_per_iteration(self) -> int:
        """Bytes of gradients averaged in one iteration, counted as DDP hands them over."""
        before = self.counted.total
        self.iteration(TOGETHER, torch.float32)
        return self.counted.total - before


def measure(
    bench: ScalingBench, *, rounds: int, iterations: int, dtype: torch.dtype
) -> dict[str, list[float]]:
    """Images a second in each mode, ``rounds`` times in turn, so that all meet the same machine."""
    found: dict[str, list[float]] = {mode: [] for mode in MODES}
    for _ in range(rounds):
        for mode in MODES:
            found[mode].append(bench.images_per_second(mode, iterations, dtype))
    return found
