"""BlindNet and ISW, all parts real and tiny: tiles, train, save, resume, test, predict."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.apis import inference_model, init_model
from PIL import Image

import rein  # noqa: F401
from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
_base_ = ['rein::_base_/models/{base}.py', 'rein::_base_/schedules/sgd_poly_40k.py',
          'rein::_base_/runtime/default.py']
segmentor = dict(
    data_preprocessor=dict(size=(64, 64)),
    backbone=dict(depth=18, stem_channels=8, base_channels=8, weights=None),
    decode_head=dict(num_classes=3, channels=16, c1_channels=8, dilations=(2, 3)),
    auxiliary_head=dict(num_classes=3, channels=8))
model = dict(segmentor=segmentor, losses=dict({losses}))
classes = ('sky', 'car', 'road')
views = dict(type='TwoViews', original=[dict(type='GaussianBlur')],
             restyled=[dict(type='ColorJitter', brightness=0.8, hue=0.3)])
load = [dict(type='LoadImage'), dict(type='LoadLabels')]
folder = dict(type='SegmentationFolder', data_root={data!r}, classes=classes)
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='ReplaySampler'),
    dataset=dict(type='SeededDataset', dataset=dict(
        type='ClassUniformDataset', tiles={tiles!r}, tile=32, dataset=dict(
            pipeline=[*load, dict(type='ScaleAndCrop', size=64, scale=(0.7, 1.5)),
                      dict(type='RandomFlip', prob=0.5), views, dict(type='PackInputs')],
            **folder))))
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(test_mode=True, domain='sketches', pipeline=[*load, dict(type='PackInputs')],
                 **folder))
test_dataloader = val_dataloader
test_pipeline = [dict(type='LoadImage'), dict(type='PackInputs')]
val_evaluator = dict(type='DomainIoUMetric')
test_evaluator = val_evaluator
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
"""
BLINDNET = """contrast=dict(
    sites=dict(_delete_=True, **{'backbone[0]': 8, 'decode_head.joined': 24,
                                 'decode_head.fusion': 16}),
    dims=8, terms=dict(cwcl=dict(classes=4, samples=8), sdcl=dict(patches=4)))"""
ISW = """
custom_hooks = [dict(
    type='WhiteningMasksHook', begin=1, images=4, trials=1, pipeline=[
        dict(type='LoadImage'), dict(type='TwoViews', original=[], restyled=[
            dict(type='ColorJitter', brightness=0.8, contrast=0.8, hue=0.3)]),
        dict(type='PackInputs')])]
"""


def run(*command: object) -> str:
    """Run one of the programs to its end; returns what it printed."""
    process = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:]
    return process.stdout


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with six images, configs of both methods, and the class tiles."""
    folder = tmp_path_factory.mktemp('story')
    rng = np.random.default_rng(0)
    for kind in ('images', 'masks'):
        (folder / f'data/{kind}').mkdir(parents=True)
    for number in range(6):
        labels = np.zeros((72, 96), np.uint8)
        labels[40:] = 2
        column = rng.integers(0, 60)
        labels[36:50, column : column + 30] = 1
        pixels = labels[..., None] * 60 + rng.integers(0, 60, (72, 96, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'data/images/{number}.png')
        Image.fromarray(labels).save(folder / f'data/masks/{number}.png')
    for name, base, losses, more in (
        ('blindnet', 'blindnet_r50', BLINDNET, ''),
        ('isw', 'isw_r50', 'isw=dict(clusters=2)', ISW),
    ):
        text = CONFIG.replace('{losses}', losses).replace('{base}', base) + more
        text = text.replace('{data!r}', repr(str(folder / 'data')))
        text = text.replace('{tiles!r}', repr(str(folder / 'data/class_tiles.json')))
        (folder / f'{name}.py').write_text(text)
    printed = run('data_prep/class_tiles.py', folder / 'blindnet.py', '--workers', 1)
    assert '6 images, points of each class' in printed
    return folder


def train(folder, name, work, *more):
    return run('tools/train.py', folder / f'{name}.py', '--work-dir', folder / work, *more)


def state(folder, work, iteration):
    return read_checkpoint(folder / work / f'iter_{iteration}.pth')['state_dict']


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize('name', ['blindnet', 'isw'])
def test_stopped_and_resumed_it_ends_as_if_it_had_run_through(folder, name):
    train(folder, name, f'{name}_through')
    first = train(folder, name, f'{name}_twice', '--cfg-options', 'train_cfg.max_iters=2')
    second = train(folder, name, f'{name}_twice', '--resume')
    assert 'resumed epoch: 0, iter: 2' in second
    through, twice = (state(folder, f'{name}_{kind}', 4) for kind in ('through', 'twice'))
    assert equal(through, twice)
    assert not equal(through, state(folder, f'{name}_twice', 2))
    if name == 'isw':
        assert 'measuring styles' in first
        assert 'measuring styles' not in second
        assert through['losses.isw.trials'] == 1
        assert through['losses.isw.chosen_0'].any()
    else:
        assert 'contrast.loss_cwcl' in first
        assert 'losses.contrast.projections.2.2.weight' in through


def test_tested_and_asked_the_model_gives_one_answer(folder):
    train(folder, 'blindnet', 'work')
    config, checkpoint = folder / 'blindnet.py', folder / 'work/iter_4.pth'
    out, shown = folder / 'metrics.json', folder / 'shown'
    run('tools/test.py', config, checkpoint, '--out', out, '--show-dir', shown)
    metrics = json.loads(out.read_text())['metrics']
    assert metrics['mean_mIoU'] == metrics['sketches/mIoU']
    assert len(list((shown / 'sketches').glob('*.jpg'))) == 6

    # MMSegmentation's own API must see the same model.
    model = init_model(str(config), str(checkpoint), device='cpu')
    hits = total = 0
    for number in range(6):
        answer = inference_model(model, str(folder / f'data/images/{number}.png'))
        labels = torch.from_numpy(np.array(Image.open(folder / f'data/masks/{number}.png')))
        hits += int((answer.pred_sem_seg.data[0] == labels).sum())
        total += labels.numel()
    assert 100 * hits / total == pytest.approx(metrics['sketches/aAcc'], abs=0.01)
