"""Several runs at a time, with stand-ins for the tools."""

import fcntl
import json
import os

import pytest

from rein.report.runs import Run
from rein.report.scheduler import carry_out
from rein.runtime.settings import ConfigError

TRAIN = """
import json, os, pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
with open(folder / 'calls', 'a') as file:
    file.write(' '.join(['train', os.environ['OMP_NUM_THREADS'], os.environ['WHERE'],
                         *[a for a in sys.argv if a == '--resume']]) + '\\n')
if 'bad' in str(folder):
    sys.exit('error: there is no such thing')
(folder / 'iter_2.pth').write_text('')
"""
TEST = """
import pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])
with open(out.parent / 'calls', 'a') as file:
    file.write('test\\n')
out.write_text('{"metrics": {}}')
"""


@pytest.fixture
def place(tmp_path):
    tools = tmp_path / 'tools'
    tools.mkdir()
    (tools / 'train.py').write_text(TRAIN)
    (tools / 'test.py').write_text(TEST)
    config = tmp_path / 'row.py'
    config.write_text('train_cfg = dict(max_iters=2)\nmodel = dict(backbone=dict())\n')
    return tmp_path


def run_of(place, name, seed=0):
    return Run(place / 'row.py', seed, place / name)


def calls(run):
    return (run.folder / 'calls').read_text().splitlines()


def test_each_run_is_trained_and_then_tested_once(place):
    runs = [run_of(place, f'seed{seed}', seed) for seed in range(3)]
    for _ in range(2):  # the second time there is nothing left to do
        carry_out(runs, place / 'tools', 2, {'WHERE': 'here'})
    for run in runs:
        assert [line.split()[0] for line in calls(run)] == ['train', 'test']
        assert calls(run)[0].split()[2] == 'here'
        assert json.loads((run.folder / 'run.json').read_text())['seed'] == run.seed


def test_a_run_that_was_killed_goes_on_from_its_checkpoint(place):
    run = run_of(place, 'killed')
    run.folder.mkdir()
    (run.folder / 'last_checkpoint').write_text('iter_1.pth')
    carry_out([run], place / 'tools', 1, {'WHERE': 'here'})
    assert calls(run)[0].split()[-1] == '--resume'


def test_a_failed_command_is_told_with_the_end_of_what_it_said(place):
    with pytest.raises(ChildProcessError, match='exit code 1') as caught:
        carry_out([run_of(place, 'bad'), run_of(place, 'good')], place / 'tools', 1, {'WHERE': ''})
    assert 'error: there is no such thing' in str(caught.value)
    assert 'row, seed 0: "train"' in str(caught.value)
    assert not (place / 'good' / 'calls').exists()


def test_the_others_are_stopped_when_one_fails(place):
    slow = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[3])
if 'bad' in str(folder):
    while not (folder.parent / 'slow' / 'pid').exists():
        time.sleep(0.1)
    sys.exit(1)
(folder / 'part').write_text(str(os.getpid()))
(folder / 'part').rename(folder / 'pid')
time.sleep(60)
"""
    (place / 'tools' / 'train.py').write_text(slow)
    runs = [run_of(place, 'slow'), run_of(place, 'bad', 1)]
    with pytest.raises(ChildProcessError):
        carry_out(runs, place / 'tools', 2, {})
    with pytest.raises(ProcessLookupError):
        os.kill(int((place / 'slow' / 'pid').read_text()), 0)


def test_two_runs_for_one_folder_are_refused_before_anything_starts(place):
    runs = [run_of(place, 'first'), run_of(place, 'same'), run_of(place, 'same')]
    with pytest.raises(ConfigError, match=r'would both be written to .*same'):
        carry_out(runs, place / 'tools', 2, {'WHERE': ''})
    assert not (place / 'first' / 'calls').exists()


def test_a_folder_in_which_another_call_is_at_work_is_refused(place):
    run = run_of(place, 'taken')
    run.folder.mkdir()
    with open(run.folder / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match='another call is at work'):
            carry_out([run], place / 'tools', 1, {'WHERE': ''})
    carry_out([run], place / 'tools', 1, {'WHERE': ''})
    assert len(calls(run)) == 2


def test_no_runs_at_a_time_are_refused(place):
    with pytest.raises(ConfigError, match='jobs is 0'):
        carry_out([run_of(place, 'one')], place / 'tools', 0, {})
