"""The benchmark of a generator of real size runs each kind of work."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools'))

import benchmark_generation

pytestmark = pytest.mark.slow


@pytest.mark.parametrize('work', ['images', 'lora'])
def test_a_piece_of_work_is_timed(work, capsys):
    words = [work, '--size', '64', '--repeat', '1', '--steps', '1', '--device', 'cpu']
    assert benchmark_generation.main(words) == 0
    told = capsys.readouterr().out
    assert re.fullmatch(
        rf'{work}, 64x64, batch 1, on CPU, \d+ threads: [\d.]+ s each '
        r'\(fastest [\d.]+\); [\d.]+ GiB at the most\n',
        told,
    )
