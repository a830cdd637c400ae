"""How many sliding windows go through a model at a time."""

import logging
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from mmengine.logging import print_log
from torch import Tensor

GIB = 2**30
FREE_PART = 0.8  # of the memory that is free, what windows may take


class WindowBatch:
    """A number of windows: as many as asked for, as memory has room for, or fewer after all.

    Args:
        wanted: windows, or ``'auto'``: on a GPU as many as ``memory`` has room for, measured
            with one window; on a CPU one, where more save no time.
        memory: GiB that the windows may take above what the model holds; by default most of what
            is free.
    """

    def __init__(self, wanted: int | Literal['auto'] = 1, memory: float | None = None) -> None:
        self.wanted, self.memory = wanted, memory
        self._most: int | None = None  # after memory ran out
        self._each: dict[object, int] = {}  # bytes of a window

    def asks_as(self, other: 'WindowBatch') -> bool:
        """Whether another one was asked for the same."""
        return (self.wanted, self.memory) == (other.wanted, other.memory)

    def number(self, window: Tensor, predict: Callable[[Tensor], object]) -> int:
        """How many windows like this one (1, 3, h, w) to predict at a time.

        Args:
            window: the first one; measured where it has to be.
            predict: what makes scores of windows.
        """
        number = self.wanted
        if number == 'auto':
            number = self._room(window, predict) if window.device.type == 'cuda' else 1
        return number if self._most is None else min(number, self._most)

    def _room(self, window: Tensor, predict: Callable[[Tensor], object]) -> int:
        device = window.device
        key = (tuple(window.shape), torch.is_autocast_enabled('cuda'))
        if key not in self._each:
            predict(window)  # libraries take what they keep
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
            predict(window)
            self._each[key] = max(torch.cuda.max_memory_allocated(device) - before, 1)
        if self.memory is not None:
            room = self.memory * GIB
        else:
            free, _ = torch.cuda.mem_get_info(device)
            cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            room = FREE_PART * (free + cached)
        return max(int(room / self._each[key]), 1)

    def shrink(self, number: int, error: torch.OutOfMemoryError) -> int:
        """Half the windows after memory ran out with ``number`` of them; says so.

        Raises:
            MemoryError: it was a single window.
        """
        if number == 1:
            raise MemoryError(
                'the GPU has no room for a single window: use a smaller model.test_cfg.crop_size, '
                '--amp, or a GPU with more memory'
            ) from error
        self._most = number // 2
        torch.cuda.empty_cache()
        print_log(
            f'no room on the GPU for {number} windows at a time: going on with {self._most} '
            f'(model.test_cfg.window_batch={self._most} starts so)',
            logger='current',
            level=logging.WARNING,
        )
        return self._most


def window_batch_of(test_cfg: Mapping) -> WindowBatch:
    """From ``window_batch`` and ``window_memory`` of a ``test_cfg``."""
    return WindowBatch(test_cfg.get('window_batch', 1), test_cfg.get('window_memory'))
