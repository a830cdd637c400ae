"""A tiny Rein on sketches of a street, and the tools run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import timm
import torch
from mmseg.apis import inference_model, init_model
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BODY = dict(img_size=64, embed_dim=32, depth=4, num_heads=2)
CONFIG = """
_base_ = ['rein::_base_/models/rein_mask2former.py', 'rein::_base_/schedules/poly_40k.py',
          'rein::_base_/runtime/default.py']
model = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(
        model='vit_tiny_patch16_224', model_args=dict(dynamic_img_size=True, **{body!r}),
        weights=dict(source={weights!r}), adapter=dict(token_length=8, rank=4,
                                                       queries=dict(dims=32))),
    decode_head=dict(
        num_classes=3, num_queries=8, feat_channels=32, out_channels=32,
        pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=32),
        transformer_decoder=dict(num_layers=2, num_heads=2, ffn_channels=32),
        loss_args=dict(num_points=256)),
    test_cfg=dict(crop_size=(64, 64), stride=(32, 32), window_batch=4))
test_pipeline = [dict(type='LoadImage'), dict(type='PackInputs')]
folder = dict(type='SegmentationFolder', data_root={data!r}, classes=('sky', 'car', 'road'))
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='ReplaySampler'),
    dataset=dict(type='SeededDataset', dataset=dict(
        pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'),
                  dict(type='RandomCrop', crop_size=(64, 64)), dict(type='RandomFlip', prob=0.5),
                  dict(type='PackInputs')], **folder)))
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, domain='sketches',
                 pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'),
                           dict(type='PackInputs')], **folder))
test_dataloader = val_dataloader
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
"""


def run(*words: object) -> str:
    """Run a program to its end; returns what it printed."""
    process = subprocess.run(
        [str(word) for word in words],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:]
    return process.stdout


def tool(name: str, *args: object) -> str:
    """Run one of the tools to its end; returns what it printed."""
    return run(sys.executable, ROOT / f'tools/{name}.py', *args)


def draw(folder: Path, size: tuple[int, int], count: int, seed: int) -> None:
    """Sketches of a road, a car and the sky, with masks."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(size, np.uint8)
    labels[size[0] // 2 + 4 :] = 2
    labels[size[0] // 2 : size[0] // 2 + 14, 20:50] = 1
    for kind in ('images', 'masks'):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        pixels = labels[..., None] * 60 + rng.integers(0, 60, (*size, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'images/{number}.png')
        Image.fromarray(labels).save(folder / f'masks/{number}.png')


def prepare(folder: Path, name: str) -> None:
    """Sketches, a body of random weights, and the config ``name``."""
    torch.manual_seed(0)
    body = timm.create_model('vit_tiny_patch16_224', num_classes=0, **BODY)
    torch.save(body.state_dict(), folder / 'body.pth')
    draw(folder / 'data', (72, 96), 4, 0)
    (folder / name).write_text(
        CONFIG.format(body=BODY, weights=str(folder / 'body.pth'), data=str(folder / 'data'))
    )


def accuracy(config: Path, checkpoint: Path, folder: Path) -> float:
    """Percent of the sketches' pixels that are right, asked by MMSegmentation's own API."""
    model = init_model(str(config), str(checkpoint), device='cpu')
    hits = total = 0
    for image in sorted((folder / 'images').iterdir()):
        answer = inference_model(model, str(image))
        labels = torch.from_numpy(np.array(Image.open(folder / 'masks' / image.name)))
        hits += int((answer.pred_sem_seg.data[0] == labels).sum())
        total += labels.numel()
    return 100 * hits / total
