"""Several processes: over NCCL with GPUs, over gloo without."""

import logging
import os
import sys
from collections.abc import Mapping

import torch
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from torch import distributed

from rein.runtime.settings import ConfigError, did_you_mean, walk

FROM_TORCHRUN = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
DDP = 'MMDistributedDataParallel'
SHARDED = 'ShardedDataParallel'


def join_processes(config: Config, launcher: str) -> None:
    """Join the processes that torchrun started, and fit ``config`` to machines without a GPU.

    With GPUs MMEngine does all that is needed. Without, it would ask for one when it joins and
    again when it wraps the model, and synchronised batch norm does not run.

    Raises:
        ConfigError: not started by torchrun, more processes than GPUs, or a ``model_wrapper_cfg``
            that cannot be had.
    """
    _check_wrapper(config)
    if launcher == 'none':
        return
    missing = [name for name in FROM_TORCHRUN if name not in os.environ]
    if missing:
        raise ConfigError(
            f'--launcher pytorch, but {", ".join(missing)} are not set; start with: '
            'torchrun --nproc-per-node N tools/train.py CONFIG --launcher pytorch'
        )
    if torch.cuda.is_available():
        local, gpus = int(os.environ['LOCAL_RANK']), torch.cuda.device_count()
        if local >= gpus:
            raise ConfigError(
                f'more processes than the {gpus} GPU(s) here; use torchrun --nproc-per-node {gpus}'
            )
        return
    distributed.init_process_group('gloo')
    config.env_cfg = {**(config.get('env_cfg') or {}), 'dist_cfg': dict(backend='gloo')}
    wrapper = dict(config.get('model_wrapper_cfg') or {})
    if wrapper.get('type', DDP) == DDP:
        config.model_wrapper_cfg = {
            'type': DDP,
            'broadcast_buffers': False,
            'find_unused_parameters': config.get('find_unused_parameters', False),
            **wrapper,
            'device_ids': None,
        }
    config.pop('sync_bn', None)
    without_synchronised_norms(config)


def without_synchronised_norms(config: Mapping) -> None:
    """Let synchronised batch norms of a config, which need a GPU, be plain ones."""
    for _, node in list(walk(config)):
        if isinstance(node, dict) and node.get('type') == 'SyncBN':
            node['type'] = 'BN'


def require_processes(config: Config, launcher: str) -> None:
    """Refuse to train in one process what is to be spread over several.

    To test alone what was trained so is no matter: a model is then not wrapped.

    Raises:
        ConfigError: there is one process, and ``model_wrapper_cfg`` asks for shards.
    """
    alone = launcher == 'none' or os.environ.get('WORLD_SIZE') == '1'
    if alone and (config.get('model_wrapper_cfg') or {}).get('type') == SHARDED:
        raise ConfigError(
            f'model_wrapper_cfg.type {SHARDED} spreads a model over processes, and this is one; '
            'start with: torchrun --nproc-per-node N tools/train.py CONFIG --launcher pytorch, '
            'or add --cfg-options model_wrapper_cfg=None'
        )


def _check_wrapper(config: Config) -> None:
    wrapper = config.get('model_wrapper_cfg') or {}
    kind = wrapper.get('type', DDP)
    if not isinstance(kind, str):
        return
    if kind == 'MMFullyShardedDataParallel':
        raise ConfigError(
            f'model_wrapper_cfg.type {kind} would save the shards of one process as the model; '
            f'use {SHARDED}: configs/_base_/distributed/fsdp.py'
        )
    if MODEL_WRAPPERS.get(kind) is None:
        raise ConfigError(
            f'model_wrapper_cfg.type: there is no {kind!r}; inherit one of '
            'configs/_base_/distributed/ (ddp.py, fsdp.py)'
            + did_you_mean(kind, [*MODEL_WRAPPERS.module_dict])
        )


def leave_processes(code: int) -> None:
    """End this process with ``code`` if it is one of several; else do nothing.

    Everything is written by then. Python's own way out takes gloo's threads down while they may
    still hold on to Python objects, and now and then aborts a process that finished its work (one
    run in a dozen, on a busy machine).
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    if code == 0:
        distributed.barrier()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
