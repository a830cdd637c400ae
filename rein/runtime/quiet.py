"""MMEngine's runner: a console that shows the run only, and models that are spread over processes.

The inventory is left to the log file.
"""

import logging
import warnings
from contextlib import AbstractContextManager, nullcontext

from mmengine.logging import MMLogger
from mmengine.runner import Runner

from rein.runtime.sharded import ShardedDataParallel, sharing_out, whole_optimizer

# What MMEngine lists at the start, some 600 lines: environment, config, order of the hooks.
INVENTORY = ('System environment:', 'Config:', 'Hooks will be executed in the following order:')


class QuietRunner(Runner):
    """A ``Runner`` whose console leaves out the inventory at the start; the log file has it.

    Checkpoints of a ``ShardedDataParallel`` are the files that one process would write.
    """

    def build_logger(self, log_level: int | str = 'INFO', **kwargs: object) -> MMLogger:
        """Build the logger as ``Runner`` does and hush its console."""
        # MMSegmentation's advice about sizes that follow from the images and the strides.
        warnings.filterwarnings('ignore', message='When align_corners=True, the output')
        # MMEngine's DDP says it so; PyTorch before 2.15 knows no other way.
        warnings.filterwarnings('ignore', message='`broadcast_buffers` is deprecated')
        logger = super().build_logger(log_level, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_no_inventory)
        logger.info(f'config, environment and everything logged: {self.log_dir}')
        return logger

    def _init_model_weights(self) -> None:
        if not self._sharded:  # else done before it was
            super()._init_model_weights()

    def load_checkpoint(self, *args: object, **kwargs: object) -> dict:
        """Load as ``Runner`` does; a model in shards takes its part of the whole tensors."""
        with self.whole_state(everywhere=True):
            return super().load_checkpoint(*args, **kwargs)

    def resume(self, *args: object, **kwargs: object) -> None:
        """Resume as ``Runner`` does; an optimizer in shards takes its part."""
        with sharing_out(self.optim_wrapper.optimizer) if self._sharded else nullcontext():
            super().resume(*args, **kwargs)

    def save_checkpoint(self, *args: object, **kwargs: object) -> None:
        """Save as ``Runner`` does; of shards, the whole tensors that they are parts of."""
        optimizer = self.optim_wrapper.optimizer
        with self.whole_state(), whole_optimizer(optimizer) if self._sharded else nullcontext():
            super().save_checkpoint(*args, **kwargs)

    def whole_state(self, *, everywhere: bool = False) -> AbstractContextManager:
        """A context in which ``state_dict()`` of the model has whole tensors, sharded or not.

        All processes must enter together.

        Args:
            everywhere: in all processes, not only in the main one.
        """
        return self.model.whole_model(everywhere=everywhere) if self._sharded else nullcontext()

    @property
    def _sharded(self) -> bool:
        return isinstance(self.model, ShardedDataParallel)


def _is_no_inventory(record: logging.LogRecord) -> bool:
    return not any(title in record.getMessage()[:200] for title in INVENTORY)
