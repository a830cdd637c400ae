"""Our tools in several processes of this machine, over gloo and without their start."""

import os
import socket
import sys
from pathlib import Path

import torch
from mmseg.visualization import SegLocalVisualizer
from torch import multiprocessing

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
from tiny_run import losses as losses
from tiny_run import write_run as write_run

from rein import cli

# No random numbers but those of samples, no statistics of a batch, and a loss that is a mean
# over as many pixels in every process: two processes can then equal one.
MODEL = """
_base_ = ['./tiny.py']
model = dict(
    backbone=dict(out_indices=[3], pyramid=dict(scales=(1,)),
                  adapter=dict(queries=None, scale=0.5)),
    decode_head=dict(
        _delete_=True, type='SETRUPHead', num_classes=3, channels=16, in_index=0, num_convs=1,
        up_scale=2, norm_cfg=dict(type='GN', num_groups=2), dropout_ratio=0.0,
        loss_decode=dict(type='CrossEntropyLoss')))
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, eps=1e-3),
    clip_grad=dict(max_norm=0.5, norm_type=2))
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2, save_best=None))
"""
# Recomputing changes no number, and is what one would do beside sharding.
WRAPPED = """
_base_ = [{small!r}, {base!r}]
model = dict(backbone=dict(with_cp=True))
"""
FULL = """
_base_ = ['./small.py']
model = dict(backbone=dict(train='all', adapter=None))
"""
BASES = Path(__file__).resolve().parents[2] / 'configs/_base_/distributed'


def write_configs(folder: Path) -> None:
    """Write images and configs to a folder: small and full, and each with DDP and FSDP."""
    write_run(folder, images=5)
    (folder / 'small.py').write_text(MODEL)
    (folder / 'full.py').write_text(FULL)
    for name in ('small', 'full'):
        for kind in ('ddp', 'fsdp'):
            text = WRAPPED.format(small=f'./{name}.py', base=str(BASES / f'{kind}.py'))
            (folder / f'{name}_{kind}.py').write_text(text)


def _work(rank: int, function: object, arguments: tuple, port: int, count: int) -> None:
    torch.set_num_threads(1)
    # A fork has what runs of other tests left: with their visualizer it writes into their logs.
    SegLocalVisualizer._instance_dict.clear()
    os.environ.update(
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(count),
    )
    code = function(*arguments)
    if code:
        raise RuntimeError(f'process {rank} ended with {code}')


def in_processes(function: object, *arguments: object, count: int = 2) -> None:
    """Call a function in several forked processes, with the environment of torchrun.

    They start at once, since everything is imported. What one raises is raised here.
    """
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    multiprocessing.start_processes(
        _work, (function, arguments, port, count), nprocs=count, start_method='fork'
    )


def train(config: Path, work_dir: Path, *options: str, count: int = 2) -> Path:
    """Train by our command line in so many processes; returns the last checkpoint."""
    words = [str(config), '--work-dir', str(work_dir), *options]
    if count == 1:
        in_processes(cli.train, words, count=1)
    else:
        in_processes(cli.train, [*words, '--launcher', 'pytorch'], count=count)
    return work_dir / 'iter_4.pth'
