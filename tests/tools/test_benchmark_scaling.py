"""The table of one process and several, and how the tool wants to be started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    import benchmark_scaling

    return benchmark_scaling


def test_ratios_are_taken_turn_by_turn(tool):
    # The second turn met a machine half as fast.
    found = {'alone': [10.0, 5.0, 10.0], 'apart': [20.0, 10.0, 20.0], 'together': [15.0, 8.0, 16.0]}
    *_, alone, apart, together = tool.rows(found, 2)
    assert alone == '| 1 alone | 10 | 5 to 10 | 1.00 (1.00 to 1.00) | 100% |'
    assert apart == '| 2 apart | 20 | 10 to 20 | 2.00 (2.00 to 2.00) | 100% |'
    assert together == '| 2 together (DDP) | 15 | 8 to 16 | 1.60 (1.50 to 1.60) | 80% |'


def test_started_alone_it_says_how_to_start(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['benchmark_scaling.py', 'configs/streets/rein.py'])
    with pytest.raises(SystemExit):
        tool.parse()
    assert 'torchrun --nproc-per-node 2 tools/benchmark_scaling.py' in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_take_turns_with_one():
    words = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2']
    words += [str(ROOT / 'tools/benchmark_scaling.py'), str(ROOT / 'configs/streets/rein.py')]
    words += ['--size', '96', '192', '--batch', '1', '--rounds', '1', '--iterations', '1']
    run = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    assert '642,896 bytes counted, 642,896 of parameters that train' in run.stdout
    assert len([line for line in run.stdout.splitlines() if line.startswith('| ')]) == 4
