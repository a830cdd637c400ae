"""One image to a training: personalise, kill, make images in two processes, train on them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_story import ROOT, prepare, run, tool

from rein.generation.manifest import JOB, read_manifest
from rein.hooks.checkpoint_files import read_checkpoint

sys.path.insert(0, str(ROOT / 'tests/generation'))
sys.path.insert(0, str(ROOT / 'tools'))

import generate as program
import tiny_pipelines

pytestmark = pytest.mark.slow

JOINT = """
_base_ = './mine.py'
model = dict(_delete_=True, type='SelfTraining', segmentor={{{{_base_.model}}}})
train_dataloader = dict(
    batch_size=2, sampler=dict(type='FixedRatioSampler', ratio=(1, 1)),
    dataset=dict(dataset=dict(
        _delete_=True, type='SourceAndTarget',
        source={{{{_base_.train_dataloader.dataset.dataset}}}},
        target=dict(
            type='GeneratedDataset', data_root={images!r}, check='hashes',
            metainfo=dict(classes=('sky', 'car', 'road')),
            pipeline=[dict(type='LoadImage'), dict(type='RandomFlip', prob=0.5),
                      dict(type='TwoViews', original=[], restyled=[]),
                      dict(type='PackInputs')]))))
train_cfg = dict(max_iters=1, val_interval=1)
custom_hooks = [dict(type='TeacherHook', momentum=0.9, interval=1)]
"""


def generate(*words, processes=1):
    launch = ['-m', 'torch.distributed.run', '--nproc-per-node', processes, '--master-port', 29787]
    launch = launch if processes > 1 else []
    return run(sys.executable, *launch, ROOT / 'tools/generate.py', *words)


def here(*words):
    """Run the program in this process."""
    assert program.main([str(word) for word in words]) == 0


def images(folder, out):
    words = ['--model', folder / 'place/step_2', '--prompts', folder / 'prompts.jsonl']
    size = ['--size', 64, 64, '--steps', 2, '--batch', 2, '--count', 40]
    return ['images', *words, '--out', out, *size]


@pytest.fixture(scope='module')
def story(tmp_path_factory):
    """A folder with a personalised generator, prompts, and a set that one process made."""
    folder = tmp_path_factory.mktemp('story')
    tiny_pipelines.stable_diffusion(checked=False).save_pretrained(folder / 'pipe')
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(pixels).save(folder / 'target.png')
    words = ['--model', folder / 'pipe', '--images', folder / 'target.png', '--out']
    words += [folder / 'place', '--steps', 2, '--save-every', 1, '--samples', 1]
    generate('personalize', *words, '--crop', 64, '--resolution', 64, '--precision', 'bfloat16')
    recipe = ROOT / 'configs/generation/datum.yaml'
    here('prompts', '--recipe', recipe, '--out', folder / 'prompts.jsonl')
    here(*images(folder, folder / 'one'))
    return folder


def same(first: Path, second: Path) -> bool:
    lines = read_manifest(first).lines
    return len(lines) == 40 and lines == read_manifest(second).lines


def test_two_processes_share_a_job_and_make_the_same_images(story):
    told = generate(*images(story, story / 'two'), processes=2)
    assert 'images; to look at' in told
    assert same(story / 'one', story / 'two')
    for name in ('one', 'two'):
        here('check', story / name)


def test_a_job_that_was_killed_goes_on_with_the_same_images(story):
    command = [sys.executable, ROOT / 'tools/generate.py', *images(story, story / 'cut')]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen(list(map(str, command)), env=environment, stderr=subprocess.DEVNULL)
    there = story / 'cut/images'
    until = time.monotonic() + 120
    while time.monotonic() < until and not (there.is_dir() and len(list(there.iterdir())) > 6):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    made = len(list(there.glob('*.png')))
    assert 6 < made < 40
    assert (story / 'cut' / JOB).is_dir()
    generate(*images(story, story / 'cut'), processes=2)
    assert same(story / 'one', story / 'cut')
    assert len(list(there.iterdir())) == 40


def test_two_processes_personalise_together_and_go_on_exactly(story):
    base = [
        'personalize',
        '--model',
        story / 'pipe',
        '--images',
        story / 'target.png',
        '--crop',
        32,
    ]
    base += ['--resolution', 64, '--tuning', 'lora', '--samples', 0, '--save-every', 1]
    base += ['--accumulation', 2]
    generate(*base, '--steps', 2, '--out', story / 'both', processes=2)
    generate(*base, '--steps', 1, '--out', story / 'cut_both', processes=2)
    generate(*base, '--steps', 2, '--out', story / 'cut_both', processes=2)
    whole, cut = (
        (story / f'{name}/step_2/pytorch_lora_weights.safetensors').read_bytes()
        for name in ('both', 'cut_both')
    )
    assert whole == cut


def test_a_training_takes_a_step_on_the_images(story):
    prepare(story, 'mine.py')
    (story / 'joint.py').write_text(JOINT.format(images=str(story / 'one')))
    tool('train', story / 'joint.py', '--work-dir', story / 'run')
    assert read_checkpoint(story / 'run/iter_1.pth')['state_dict']['teacher.updates'] == 1
