"""Errors that a user can mend, told in one message; all others as Python tells them."""

import errno
import os
import re
import sys
import traceback
from pathlib import Path
from types import TracebackType

import torch
from mmengine.config import Config

from rein.runtime.settings import explain_unknown_key, explain_unknown_type

# PyTorch's report of a user's error in a worker process, whatever class it comes back as.
WORKER = re.compile(r'Caught (\w*(?:ValueError|OSError|NotFoundError|ImageError|ImportError)) in ')

# What helps where a GPU has no room for a training step.
MORE_ROOM = (
    'recompute activations (model.backbone.with_cp=True, '
    'model.decode_head.pixel_decoder.with_cp=True), train with --amp, on smaller crops, or with a '
    'smaller train_dataloader.batch_size and as many more optim_wrapper.accumulative_counts'
)

USER_ERROR = 2
STOPPED = 130


class Guard:
    """Turn an error of the user's into one message and an exit code.

    A file that is missing, a config that names what does not exist, labels that do not fit: for
    such an error the message is what helps, and the traceback goes to ``error.txt`` in the work
    dir. An error of the program's own passes through with its traceback.

    Args:
        debug: let everything through.
        stopped: what goes on with the work after Ctrl-C.
    """

    def __init__(
        self, *, debug: bool, stopped: str = '--resume goes on from the last checkpoint'
    ) -> None:
        self.debug = debug
        self.stopped = stopped
        self.config: Config | None = None
        self.code = 0

    def __enter__(self) -> 'Guard':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or self.debug:
            return False
        if isinstance(error, KeyboardInterrupt):
            sys.stderr.write(f'\nstopped; {self.stopped}\n')
            self.code = STOPPED
            return True
        message = explain(error, self.config)
        if message is None:
            return False
        rank = os.environ.get('RANK')
        who = f'[process {rank}] ' if rank is not None else ''
        sys.stderr.write(f'\n{who}error: {message}\n{self._keep(error)}')
        self.code = USER_ERROR
        return True

    def _keep(self, error: BaseException) -> str:
        """Write the traceback beside the logs; returns a line that says where."""
        hint = '(--debug shows where it comes from)\n'
        work_dir = None if self.config is None else self.config.get('work_dir')
        if work_dir is None or not Path(work_dir).is_dir():
            return hint
        path = Path(work_dir, 'error.txt')
        try:
            path.write_text(''.join(traceback.format_exception(error)))
        except OSError:
            return hint
        return f'(where it comes from: {path}, or --debug)\n'


def explain(error: BaseException, config: Config | None) -> str | None:
    """Say in one message what a user did; None for an error of the program's own."""
    config = Config() if config is None else config
    if isinstance(error, TypeError | KeyError):
        unknown = explain_unknown_key if isinstance(error, TypeError) else explain_unknown_type
        return unknown(config, error)
    if isinstance(error, torch.OutOfMemoryError):
        return (
            f'the GPU has no room. In training: {MORE_ROOM}. In testing: '
            'model.test_cfg.keep_scores=False, a smaller window_batch, --amp'
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
        return f'{error.strerror}; the checkpoints written so far are whole'
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return error.strerror
    if isinstance(error, ValueError | OSError | ImportError | MemoryError) or WORKER.match(
        str(error)
    ):
        return from_worker(str(error)) or type(error).__name__
    return None


def from_worker(message: str) -> str:
    """Take the error itself out of what a data loading worker reports (traceback and all)."""
    found = WORKER.match(message)
    if found is None:
        return message
    kind = found[1]
    return re.split(rf'^(?:[\w.]+\.)?{kind}: ', message, flags=re.M)[-1].strip()
