"""Seconds of parts of a model, the memory they need, and the most that a machine gives."""

import ctypes
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

GIB = 2**30
STATUS, CLEAR = Path('/proc/self/status'), Path('/proc/self/clear_refs')


class Stopwatch:
    """Seconds of named spans: CPU time of the process, or on a GPU between events.

    CPU time of one thread holds still on a shared machine where wall time does not. Events are
    recorded without waiting, and read when all is done.

    Args:
        device: where the work runs.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._spans: list[tuple[str, object, object]] = []

    def _mark(self) -> object:
        if self.device.type != 'cuda':
            return time.process_time()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time what runs within, under a name; spans of one name add up."""
        start = self._mark()
        yield
        self._spans.append((name, start, self._mark()))

    @contextmanager
    def watching(self, parts: Mapping[str, list[nn.Module]]) -> Iterator[None]:
        """Time every call of modules, within, under the names given."""
        with ExitStack() as stack:
            for name, modules in parts.items():
                for module in modules:
                    started: list[object] = []
                    handles = (
                        module.register_forward_pre_hook(
                            lambda *_, started=started: started.append(self._mark())
                        ),
                        module.register_forward_hook(
                            lambda *_, started=started, name=name: self._spans.append(
                                (name, started.pop(), self._mark())
                            )
                        ),
                    )
                    for handle in handles:
                        stack.callback(handle.remove)
            yield

    def seconds(self) -> dict[str, float]:
        """Seconds of each name so far; waits for the device."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        found: dict[str, float] = {}
        for name, start, end in self._spans:
            cuda = self.device.type == 'cuda'
            taken = start.elapsed_time(end) / 1000 if cuda else end - start
            found[name] = found.get(name, 0.0) + taken
        return found


@dataclass
class Peak:
    """What ``memory_peak`` found."""

    gigabytes: float = 0.0


@contextmanager
def memory_peak(device: torch.device) -> Iterator[Peak]:
    """Most memory in use at once within, above what was before, GiB.

    Of the GPU's allocator, or else of the whole process, which Linux alone can tell (0 elsewhere).
    """
    peak = Peak()
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield peak
        peak.gigabytes = (torch.cuda.max_memory_allocated(device) - before) / GIB
    elif CLEAR.exists():
        libc = ctypes.CDLL(None)
        if hasattr(libc, 'malloc_trim'):
            libc.malloc_trim(0)  # what was freed, but not given back yet
        CLEAR.write_text('5')  # forget the high-water mark
        before = _status('VmRSS')
        yield peak
        peak.gigabytes = max(_status('VmHWM') - before, 0) / 2**20
    else:
        yield peak


def _status(key: str) -> int:
    """A number of /proc/self/status, KiB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1])


def matmul_ceiling(device: torch.device, dtype: torch.dtype, rounds: int = 5) -> float:
    """FLOP/s of a large product of square matrices: the most that this machine gives."""
    side = 8192 if device.type == 'cuda' else 2048
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    fastest = float('inf')
    for _ in range(rounds):
        watch = Stopwatch(device)
        with watch.span('product'):
            a @ b
        fastest = min(fastest, watch.seconds()['product'])
    return 2 * side**3 / fastest


def peak_gigabytes(device: torch.device) -> float:
    """Most memory that was in use at once, GiB: of the GPU, or else of the whole process."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device) / GIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
