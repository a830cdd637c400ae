"""Several processes: over NCCL with GPUs, over gloo without."""

import logging
import os
import sys

import torch
from mmengine.config import Config
from torch import distributed

from rein.runtime.settings import ConfigError, walk

FROM_TORCHRUN = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


def join_processes(config: Config, launcher: str) -> None:
    """Join the processes that torchrun started, and fit ``config`` to machines without a GPU.

    With GPUs MMEngine does all that is needed. Without, it would ask for one when it joins and
    again when it wraps the model, and synchronised batch norm does not run.

    Raises:
        ConfigError: not started by torchrun, or more processes than GPUs.
    """
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
    config.setdefault('env_cfg', {}).dist_cfg = dict(backend='gloo')
    wrapper = dict(config.get('model_wrapper_cfg') or {})
    config.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': config.get('find_unused_parameters', False),
        **wrapper,
        'device_ids': None,
    }
    config.pop('sync_bn', None)
    for _, node in list(walk(config)):
        if isinstance(node, dict) and node.get('type') == 'SyncBN':
            node['type'] = 'BN'


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
