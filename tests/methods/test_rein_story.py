"""Rein from weights to pictures, all parts real and tiny: train, save, resume, test, predict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from mmseg.apis import inference_model, init_model
from PIL import Image

import rein  # noqa: F401
from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = pytest.mark.slow

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


def tool(name: str, *args: object) -> str:
    """Run one of the tools to its end; returns what it printed."""
    process = subprocess.run(
        [sys.executable, str(ROOT / f'tools/{name}.py'), *map(str, args)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:]
    return process.stdout


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """A folder after the first two iterations: config, images, weights and a checkpoint."""
    folder = tmp_path_factory.mktemp('story')
    torch.manual_seed(0)
    body = timm.create_model('vit_tiny_patch16_224', num_classes=0, **BODY)
    torch.save(body.state_dict(), folder / 'body.pth')
    rng = np.random.default_rng(0)
    labels = np.zeros((72, 96), np.uint8)
    labels[40:] = 2
    labels[36:50, 20:50] = 1
    for kind in ('images', 'masks'):
        (folder / f'data/{kind}').mkdir(parents=True)
    for number in range(4):
        pixels = labels[..., None] * 60 + rng.integers(0, 60, (72, 96, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'data/images/{number}.png')
        Image.fromarray(labels).save(folder / f'data/masks/{number}.png')
    (folder / 'story.py').write_text(
        CONFIG.format(
            body=BODY,
            weights=str(folder / 'body.pth'),
            data=str(folder / 'data'),
        )
    )
    stop = ['--cfg-options', 'train_cfg.max_iters=2']
    tool('train', folder / 'story.py', '--work-dir', folder / 'work', *stop)
    return folder


def test_a_checkpoint_holds_what_was_trained_and_not_the_body(story):
    state = read_checkpoint(story / 'work/iter_2.pth')['state_dict']
    assert not any(key.startswith('backbone.body.') for key in state)
    assert {'backbone.adapter.tokens_a', 'decode_head.querys2feat.weight'} <= set(state)
    assert state['backbone.adapter.tokens_b'].shape == (4, 4, 32)


def test_resumed_tested_and_asked_the_model_gives_one_answer(story):
    work = story / 'work'
    printed = tool('train', story / 'story.py', '--work-dir', work, '--resume')
    assert 'resumed epoch: 0, iter: 2' in printed
    first, last = (read_checkpoint(work / f'iter_{k}.pth')['state_dict'] for k in (2, 4))
    assert not torch.equal(first['backbone.adapter.tokens_a'], last['backbone.adapter.tokens_a'])

    out, shown = story / 'metrics.json', story / 'shown'
    tool('test', story / 'story.py', work / 'iter_4.pth', '--out', out, '--show-dir', shown)
    metrics = json.loads(out.read_text())['metrics']
    assert metrics['mean_mIoU'] == metrics['sketches/mIoU']
    assert len(list((shown / 'sketches').glob('*.jpg'))) == 4

    # MMSegmentation's own API must see the same model.
    model = init_model(str(story / 'story.py'), str(work / 'iter_4.pth'), device='cpu')
    hits = total = 0
    for number in range(4):
        answer = inference_model(model, str(story / f'data/images/{number}.png'))
        labels = torch.from_numpy(np.array(Image.open(story / f'data/masks/{number}.png')))
        hits += int((answer.pred_sem_seg.data[0] == labels).sum())
        total += labels.numel()
    assert 100 * hits / total == pytest.approx(metrics['sketches/aAcc'], abs=0.01)
