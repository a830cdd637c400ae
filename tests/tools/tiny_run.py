"""A whole run small enough for a test: images, a config of real parts, and how to start it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SIZE = 64

CONFIG = """
_base_ = [{model!r}, {runtime!r}, {schedule!r}]
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(
        model='vit_tiny_patch16_224', out_indices=[0, 1, 2, 3],
        model_args=dict(img_size=64, embed_dim=32, depth=4, num_heads=2),
        adapter=dict(token_length=8, rank=4, queries=dict(dims=32))),
    decode_head=dict(
        num_classes=3, num_queries=8, feat_channels=32, out_channels=32,
        pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=32),
        transformer_decoder=dict(num_layers=3, num_heads=2, ffn_channels=32),
        loss_args=dict(num_points=64)),
    test_cfg=dict(_delete_=True, mode='whole'))
load = [dict(type='LoadImage'), dict(type='LoadLabels')]
folder = dict(type='SegmentationFolder', data_root={data!r}, classes=('sky', 'car', 'road'),
              palette=[[70, 130, 180], [0, 0, 142], [128, 64, 128]])
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='ReplaySampler'),
    dataset=dict(type='SeededDataset', dataset=dict(
        domain='day', **folder,
        pipeline=[*load, dict(type='RandomFlip', prob=0.5), dict(type='PhotoMetricDistortion'),
                  dict(type='PackInputs')])))
tested = dict(test_mode=True, pipeline=[*load, dict(type='PackInputs')], **folder)
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=[
        dict(domain='day', **tested), dict(domain='dusk', **tested)]))
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=1e-2))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, begin=0, end=12, by_epoch=False)]
train_cfg = dict(max_iters=12, val_interval=6)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2, max_keep_ckpts=2))
log_processor = dict(window_size=1, num_digits=17)
"""


def write_run(folder: Path, images: int = 5) -> Path:
    """Write images and a config to a folder; returns the config's path."""
    data = folder / 'data'
    rng = np.random.default_rng(0)
    for kind in ('images', 'masks'):
        (data / kind).mkdir(parents=True)
    for number in range(images):
        labels = np.zeros((SIZE, SIZE), np.uint8)
        labels[SIZE // 2 :] = 2
        row, column = rng.integers(8, 40, 2)
        labels[row : row + 16, column : column + 16] = 1
        labels[0] = 255
        colours = np.array([[90, 140, 220], [200, 30, 30], [100, 100, 100]], np.uint8)
        image = colours[np.minimum(labels, 2)].astype(int) + rng.integers(-30, 30, (SIZE, SIZE, 3))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(data / f'images/{number}.png')
        Image.fromarray(labels).save(data / f'masks/{number}.png')
    config = folder / 'tiny.py'
    bases = ROOT / 'configs/_base_'
    config.write_text(
        CONFIG.format(
            model=str(bases / 'models/rein_mask2former.py'),
            runtime=str(bases / 'runtime/default.py'),
            schedule=str(bases / 'schedules/poly_40k.py'),
            data=str(data),
        )
    )
    return config


def run_tool(name: str, *args: object, processes: int = 0, code: str = '') -> subprocess.Popen:
    """Start a tool in a process of its own.

    Args:
        name: ``'train'`` or ``'test'``.
        *args: of the tool.
        processes: start so many by torchrun; 0 starts one without it.
        code: Python to run in the process before the tool.
    """
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
    command = [sys.executable]
    if processes:
        command += ['-m', 'torch.distributed.run', '--standalone', f'--nproc-per-node={processes}']
    if code:
        code += f'\nfrom rein.cli import {name}\nsys.exit({name}(sys.argv[1:]))'
        command += ['-c', f'import sys\n{code}']
    else:
        command.append(str(ROOT / f'tools/{name}.py'))
    return subprocess.Popen(
        [*command, *map(str, args)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen, code: int = 0) -> str:
    """Wait for a tool, check its exit code and return what it printed."""
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == code, printed[-6000:]
    return printed


def losses(work_dir: Path) -> dict[int, dict]:
    """What was logged for each iteration, less times and memory; of a repeated one, the last."""
    found = {}
    for path in sorted(work_dir.glob('*/vis_data/*.json')):
        if path.name == 'scalars.json':
            continue
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            if 'loss' in entry:
                step = entry['step']
                found[step] = {k: v for k, v in entry.items() if 'time' not in k and k != 'memory'}
    return found
