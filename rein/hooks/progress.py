"""Log lines that come often enough on a slow machine and not too often on a fast one."""

import time

from mmengine.hooks import LoggerHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class TimedLoggerHook(LoggerHook):
    """MMEngine's ``LoggerHook`` that also speaks up when it was silent for a while.

    One iteration takes 0.2 seconds on a GPU and 20 on a laptop's CPU: counted in iterations
    alone, a line (with the time left) comes too often on the one or too late on the other.

    Args:
        seconds: the longest silence, in training, validation and testing.
        **kwargs: as of MMEngine's ``LoggerHook``.
    """

    def __init__(self, *, seconds: float = 30.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds
        self._last = time.monotonic()

    def before_train(self, runner: Runner) -> None:
        """Start counting."""
        self._last = time.monotonic()

    def before_val_epoch(self, runner: Runner) -> None:
        """Start counting."""
        self._last = time.monotonic()

    def before_test_epoch(self, runner: Runner) -> None:
        """Start counting."""
        self._last = time.monotonic()

    def every_n_inner_iters(self, batch_idx: int, n: int) -> bool:
        """Whether a line is due: at every n-th iteration, or after ``seconds`` of silence."""
        now = time.monotonic()
        due = super().every_n_inner_iters(batch_idx, n) or now - self._last >= self.seconds
        if due:
            self._last = now
        return due
