"""Runs in processes of their own: killed, resumed, several at once, out of disk."""

import json
import random
import signal
import time

import pytest
import torch
from tiny_run import finish, losses, run_tool, write_run

from rein.hooks.checkpoint_files import read_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # each start imports for 10 seconds
SLOW_STEPS = """
import time
from rein.hooks import IterationSeedHook
plain = IterationSeedHook.before_train_iter
def slow(*args, **kwargs):
    time.sleep(0.1)
    plain(*args, **kwargs)
IterationSeedHook.before_train_iter = slow
"""
KILLED_AT_THE_THIRD_SAVE = """
import os, signal
from rein.hooks import atomic
saves = []
def sync(descriptor, plain=os.fsync):
    plain(descriptor)
    size = os.fstat(descriptor).st_size
    if size > 100_000:
        saves.append(size)
    if len(saves) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
atomic.os.fsync = sync
"""
FULL_AFTER_TWO_SAVES = """
import resource
from rein.hooks import AdapterCheckpointHook
plain = AdapterCheckpointHook._save_checkpoint_with_step
def save(self, runner, step, meta):
    if step > 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(1)[1]))
    plain(self, runner, step, meta)
AdapterCheckpointHook._save_checkpoint_with_step = save
"""


def same_weights(one, two):
    first, second = (read_checkpoint(path)['state_dict'] for path in (one, two))
    assert first.keys() == second.keys()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize('workers', [0, 2])
def test_a_run_killed_at_a_random_moment_and_resumed_equals_one_never_killed(tmp_path, workers):
    config = write_run(tmp_path)
    options = ['--cfg-options', f'train_dataloader.num_workers={workers}']
    whole = run_tool('train', config, '--work-dir', tmp_path / 'whole', *options)
    killed_dir = tmp_path / 'killed'
    killed = run_tool('train', config, '--work-dir', killed_dir, *options, code=SLOW_STEPS)
    while not losses(killed_dir) and killed.poll() is None:
        time.sleep(0.01)
    wait = random.uniform(0, 1.5)
    time.sleep(wait)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    reached = max(losses(killed_dir), default=0)
    assert killed.returncode == -signal.SIGKILL and reached < 12, 'it was not killed in time'
    finish(run_tool('train', config, '--work-dir', killed_dir, '--resume', *options))
    finish(whole)
    assert len(losses(tmp_path / 'whole')) == 12
    assert losses(killed_dir) == losses(tmp_path / 'whole'), f'killed at iteration {reached}'
    assert same_weights(killed_dir / 'iter_12.pth', tmp_path / 'whole' / 'iter_12.pth')


def test_a_kill_during_saving_costs_no_checkpoint(tmp_path):
    config = write_run(tmp_path)
    work_dir = tmp_path / 'work'
    killed = run_tool('train', config, '--work-dir', work_dir, code=KILLED_AT_THE_THIRD_SAVE)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert sorted(p.name for p in work_dir.glob('*.pth')) == ['iter_2.pth', 'iter_4.pth']
    assert (work_dir / '.iter_6.pth.partial').exists()
    printed = finish(run_tool('train', config, '--work-dir', work_dir, '--resume'))
    assert 'resumed epoch: 0, iter: 4' in printed
    left = sorted(p.name for p in work_dir.glob('*iter*') if not p.name.startswith('best_'))
    assert left == ['iter_10.pth', 'iter_12.pth']


def test_a_full_disk_ends_the_run_with_one_message_and_nothing_lost(tmp_path):
    config = write_run(tmp_path)
    work_dir = tmp_path / 'work'
    full = run_tool('train', config, '--work-dir', work_dir, code=FULL_AFTER_TWO_SAVES)
    printed = finish(full, code=2)
    assert 'Traceback' not in printed
    assert 'error: cannot save iteration 6: the disk is full: iter_6.pth needs' in printed
    assert sorted(p.name for p in work_dir.glob('*iter*')) == ['iter_2.pth', 'iter_4.pth']
    assert (work_dir / 'last_checkpoint').read_text().endswith('iter_4.pth')


def test_two_processes_train_resume_and_test_as_one_measures(tmp_path):
    config = write_run(tmp_path)
    ddp = {'processes': 2}
    two = ['--launcher', 'pytorch', '--work-dir']
    finish(run_tool('train', config, *two, tmp_path / 'whole', **ddp))
    short = ['--cfg-options', 'train_cfg.max_iters=6']
    finish(run_tool('train', config, *two, tmp_path / 'halves', *short, **ddp))
    finish(run_tool('train', config, *two, tmp_path / 'halves', '--resume', **ddp))
    assert losses(tmp_path / 'halves') == losses(tmp_path / 'whole')
    checkpoint = tmp_path / 'whole/iter_12.pth'
    assert same_weights(tmp_path / 'halves/iter_12.pth', checkpoint)
    numbers = []
    for count, extra in ((0, []), (2, ['--launcher', 'pytorch'])):
        out = tmp_path / f'{count}.json'
        finish(run_tool('test', config, checkpoint, '--out', out, *extra, processes=count))
        numbers.append(json.loads(out.read_text())['metrics'])
    assert numbers[0] == numbers[1]
    assert numbers[0]['dusk/mIoU'] > 0


def test_a_launcher_without_torchrun_says_how_to_start(tmp_path):
    printed = finish(run_tool('train', write_run(tmp_path), '--launcher', 'pytorch'), code=2)
    assert 'torchrun --nproc-per-node' in printed and 'Traceback' not in printed
