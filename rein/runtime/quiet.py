"""MMEngine's runner with a console that shows the run and leaves the inventory to the log file."""

import logging
import warnings

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# What MMEngine lists at the start, some 600 lines: environment, config, order of the hooks.
INVENTORY = ('System environment:', 'Config:', 'Hooks will be executed in the following order:')


class QuietRunner(Runner):
    """A ``Runner`` whose console leaves out the inventory at the start; the log file has it."""

    def build_logger(self, log_level: int | str = 'INFO', **kwargs: object) -> MMLogger:
        """Build the logger as ``Runner`` does and hush its console."""
        # MMSegmentation's advice about sizes that follow from the images and the strides.
        warnings.filterwarnings('ignore', message='When align_corners=True, the output')
        logger = super().build_logger(log_level, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_no_inventory)
        logger.info(f'config, environment and everything logged: {self.log_dir}')
        return logger


def _is_no_inventory(record: logging.LogRecord) -> bool:
    return not any(title in record.getMessage()[:200] for title in INVENTORY)
