"""CLOUDS from a warm-up to pictures, all parts real and tiny: two stages, kills, offline labels."""

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
from rein.datasets.png import read_numbers
from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BODY = dict(img_size=64, embed_dim=32, depth=4, num_heads=2)
WARM_UP = """
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
train_cfg = dict(max_iters=2, val_interval=2)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=2))
"""
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


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, str(ROOT / f'tools/{name}.py'), *map(str, args)]


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
    return run(*command(name, *args))


def draw(folder: Path, size: tuple[int, int], count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.zeros(size, np.uint8)
    labels[size[0] // 2 :] = 2
    labels[size[0] // 2 - 4 : size[0] // 2 + 10, 20:50] = 1
    for kind in ('images', 'masks'):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        pixels = labels[..., None] * 60 + rng.integers(0, 60, (*size, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f'images/{number}.png')
        Image.fromarray(labels).save(folder / f'masks/{number}.png')


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """A folder with both stages trained: configs, images, weights and checkpoints."""
    folder = tmp_path_factory.mktemp('story')
    torch.manual_seed(0)
    body = timm.create_model('vit_tiny_patch16_224', num_classes=0, **BODY)
    torch.save(body.state_dict(), folder / 'body.pth')
    draw(folder / 'data', (72, 96), 4, 0)
    draw(folder / 'generated', (64, 64), 3, 1)
    names = dict(
        body=BODY,
        weights=str(folder / 'body.pth'),
        data=str(folder / 'data'),
        generated=str(folder / 'generated'),
        warm=str(folder / 'warm_up/iter_2.pth'),
    )
    for name, text in (('warm_up', WARM_UP), ('joint', JOINT), ('offline', OFFLINE)):
        (folder / f'{name}.py').write_text(text.format(**names))
    tool('train', folder / 'warm_up.py', '--work-dir', folder / 'warm_up')
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
    model = init_model(str(story / 'joint.py'), str(story / 'joint/iter_4.pth'), device='cpu')
    hits = total = 0
    for number in range(4):
        answer = inference_model(model, str(story / f'data/images/{number}.png'))
        labels = torch.from_numpy(np.array(Image.open(story / f'data/masks/{number}.png')))
        hits += int((answer.pred_sem_seg.data[0] == labels).sum())
        total += labels.numel()
    assert 100 * hits / total == pytest.approx(metrics['sketches/aAcc'], abs=0.01)


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
