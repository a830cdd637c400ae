"""CLOUDS from a warm-up to pictures, all parts real and tiny: two stages, kills, offline labels."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_story import ROOT, accuracy, draw, prepare, run, tool

import rein  # noqa: F401
from rein.datasets.png import read_numbers
from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = pytest.mark.slow

JOINT = """
_base_ = './warm_up.py'
model = dict(
    _delete_=True, type='SelfTraining', segmentor={{{{_base_.model}}}},
    refiner=dict(type='SamRefiner', least=40, model=dict(
        type='ScriptedSam',
        datasets=[dict(type='SegmentationFolder', data_root={generated!r},
                       classes=('sky', 'car', 'road'))])))
generated = dict(type='SegmentationFolder', data_root={generated!r}, masks=None,
                 classes=('sky', 'car', 'road'))
train_dataloader = dict(
    batch_size=3,
    sampler=dict(type='FixedRatioSampler', ratio=(2, 1)),
    dataset=dict(dataset=dict(
        _delete_=True, type='SourceAndTarget',
        source={{{{_base_.train_dataloader.dataset.dataset}}}},
        target=dict(
            pipeline=[dict(type='LoadImage'), dict(type='RandomFlip', prob=0.5),
                      dict(type='TwoViews', original=[],
                           restyled=[dict(type='PhotoMetricDistortion')]),
                      dict(type='PackInputs')], **generated))))
train_cfg = dict(max_iters=4, val_interval=4)
custom_hooks = [dict(type='TeacherHook', momentum=0.9, interval=1)]
load_from = {warm!r}
"""
OFFLINE = """
_base_ = './joint.py'
train_dataloader = dict(
    num_workers=1, persistent_workers=True,
    dataset=dict(dataset=dict(
        target=dict(_delete_=True, type='PseudoLabelled', data_root={generated!r},
                    classes=('sky', 'car', 'road'),
                    pipeline=[dict(type='LoadImage'), dict(type='LoadLabels'),
                              dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')]))))
custom_hooks = [
    dict(type='TeacherHook', momentum=0.9, interval=1),
    dict(type='PseudoLabelHook', data_root={generated!r}, interval=3, workers=0)]
"""


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """A folder with both stages trained: configs, images, weights and checkpoints."""
    folder = tmp_path_factory.mktemp('story')
    prepare(folder, 'warm_up.py')
    draw(folder / 'generated', (64, 64), 3, 1)
    names = {'generated': str(folder / 'generated'), 'warm': str(folder / 'warm_up/iter_2.pth')}
    for name, text in (('joint', JOINT), ('offline', OFFLINE)):
        (folder / f'{name}.py').write_text(text.format(**names))
    stop = ['--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=2']
    tool('train', folder / 'warm_up.py', '--work-dir', folder / 'warm_up', *stop)
    tool('train', folder / 'joint.py', '--work-dir', folder / 'joint')
    return folder


def state(path: Path) -> dict:
    return read_checkpoint(path)['state_dict']


def test_the_joint_stage_begins_with_the_warm_up_and_keeps_a_teacher(story):
    joint, warm = state(story / 'joint/iter_4.pth'), state(story / 'warm_up/iter_2.pth')
    assert not any('backbone.body.' in name for name in joint)
    name = 'decode_head.cls_embed.weight'
    student, teacher = joint[f'segmentor.{name}'], joint[f'teacher.{name}']
    assert joint['teacher.updates'] == 4
    assert 0 < (teacher - warm[name]).norm() < (student - warm[name]).norm()


def test_a_run_that_was_killed_goes_on_exactly(story):
    stop = ['--cfg-options', 'train_cfg.max_iters=2']
    tool('train', story / 'joint.py', '--work-dir', story / 'cut', *stop)
    assert 'resumed epoch: 0, iter: 2' in tool(
        'train', story / 'joint.py', '--work-dir', story / 'cut', '--resume'
    )
    whole, cut = state(story / 'joint/iter_4.pth'), state(story / 'cut/iter_4.pth')
    assert whole.keys() == cut.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, cut[name]), name


def test_tested_and_asked_the_model_gives_one_answer(story):
    out = story / 'metrics.json'
    tool('test', story / 'joint.py', story / 'joint/iter_4.pth', '--out', out)
    metrics = json.loads(out.read_text())['metrics']
    found = accuracy(story / 'joint.py', story / 'joint/iter_4.pth', story / 'data')
    assert found == pytest.approx(metrics['sketches/aAcc'], abs=0.01)


def test_labels_made_before_are_trained_on_like_any_others(story):
    made = tool(
        'pseudo_label',
        *(story / 'joint.py', story / 'warm_up/iter_2.pth', story / 'generated/images'),
        *('--out', story / 'labels', '--truth', story / 'generated/masks'),
        *('--show', story / 'shown'),
    )
    assert '| refined |' in made
    assert len(list((story / 'shown').glob('*.jpg'))) == 3
    labels = read_numbers((story / 'labels/labels/0.png').read_bytes())
    assert set(np.unique(labels)) <= {0, 1, 2, 255}


def test_labels_made_in_rounds_survive_a_kill(story):
    tool('train', story / 'offline.py', '--work-dir', story / 'offline')
    rounds = story / 'generated/pseudo_labels'
    assert sorted(p.name.rsplit('_', 1)[0] for p in rounds.iterdir() if p.is_dir()) == [
        'iter_0',
        'iter_3',
    ]
    stop = ['--cfg-options', 'train_cfg.max_iters=2']
    tool('train', story / 'offline.py', '--work-dir', story / 'offline_cut', *stop)
    tool('train', story / 'offline.py', '--work-dir', story / 'offline_cut', '--resume')
    assert len(list(rounds.iterdir())) == 3  # the same two rounds, and which one is read
    whole, cut = (state(story / f'{name}/iter_4.pth') for name in ('offline', 'offline_cut'))
    for name, tensor in whole.items():
        assert torch.equal(tensor, cut[name]), name


def test_two_processes_train_together(story):
    launch = [sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node', 2]
    launch += ['--master-port', 29751]
    words = [story / 'joint.py', '--work-dir', story / 'two', '--launcher', 'pytorch']
    run(*launch, ROOT / 'tools/train.py', *words)
    both = state(story / 'two/iter_4.pth')
    assert both['teacher.updates'] == 4
