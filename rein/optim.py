"""Which parameters are optimised, and with which learning rate and decay."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

# What MMEngine notes in a group about how it came to its values; no part of the values.
BOOKKEEPING = ('params', 'lr_mult', 'decay_mult')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TrainableOptimConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor for a model of which most never trains.

    ``paramwise_cfg`` means what it means in MMEngine: the longest of the ``custom_keys`` that is
    a part of a parameter's full name decides, and only then ``norm_decay_mult`` and the other
    rules by kind of layer. Two things differ. Frozen parameters are left out, so that they cost
    neither memory nor decay. Parameters of equal settings form one group (usually two or three
    in all, where MMEngine makes one for each tensor), so that AdamW updates them at once.

    Raises:
        ValueError: nothing in the model trains.
    """

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer and its wrapper for ``model`` (or the model inside a DDP wrapper)."""
        model = model.module if hasattr(model, 'module') else model
        groups = self._groups(model)
        if not groups:
            raise ValueError(
                'nothing in the model trains; set model.backbone.train to "adapter" or "all", or '
                'use a decode_head that has parameters'
            )
        logger = MMLogger.get_current_instance()
        for group in groups:
            numbers = sum(param.numel() for param in group['params'])
            settings = {k: v for k, v in group.items() if k != 'params'}
            logger.info(
                f'optimised: {numbers:,} numbers in {len(group["params"])} tensors, {settings}'
            )
        optimizer = OPTIMIZERS.build({**self.optimizer_cfg, 'params': groups})
        wrapper = {'type': 'OptimWrapper', **self.optim_wrapper_cfg}
        return OPTIM_WRAPPERS.build(wrapper, default_args={'optimizer': optimizer})

    def _groups(self, model: nn.Module) -> list[dict]:
        """Return one group for each combination of settings, in the order of the parameters."""
        single: list[dict] = []
        with _silent_about_each_parameter():
            self.add_params(single, model)
        merged: dict[tuple, dict] = {}
        seen = set()
        for group in single:
            (param,) = group['params']
            if not param.requires_grad or id(param) in seen:
                continue
            seen.add(id(param))
            settings = {k: v for k, v in group.items() if k not in BOOKKEEPING}
            for key, base in (('lr', self.base_lr), ('weight_decay', self.base_wd)):
                if base is not None:
                    settings.setdefault(key, base)
            key = tuple(sorted((k, repr(v)) for k, v in settings.items()))
            merged.setdefault(key, {'params': [], **settings})['params'].append(param)
        return list(merged.values())


@contextmanager
def _silent_about_each_parameter() -> Iterator[None]:
    """Drop MMEngine's line for every parameter, about a thousand for a ViT-L."""

    def about_one(record: logging.LogRecord) -> bool:
        message = record.getMessage()
        return not (message.startswith('paramwise_options') or 'is skipped since' in message)

    logger = MMLogger.get_current_instance()
    logger.addFilter(about_one)
    try:
        yield
    finally:
        logger.removeFilter(about_one)
