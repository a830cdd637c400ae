"""The benchmark of a config, on the smallest one there is."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
STREETS = str(ROOT / 'configs/streets/rein.py')


@pytest.fixture
def table(monkeypatch, capsys):
    """Rows that the tool prints for its arguments."""
    spec = importlib.util.spec_from_file_location('benchmark', ROOT / 'tools/benchmark.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)

    def rows(*words):
        monkeypatch.setattr(sys, 'argv', ['benchmark.py', STREETS, '--iterations', '1', *words])
        module.main()
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
        return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]

    yield rows
    torch.set_num_threads(threads)


def test_a_training_iteration_is_divided_into_its_steps(table):
    titles, _, full, half = table('--size', '96', '--precision', 'fp32', 'bf16')
    assert titles[:2] == ['precision', 'backbone']
    assert (full[0], half[0]) == ('fp32', 'bf16')
    assert all(float(cell) > 0 for cell in full[1:])


def test_an_image_is_labelled_alike_whatever_the_number_of_windows(table):
    slide = ['model.test_cfg.mode=slide', 'model.test_cfg.crop_size=[96,192]']
    slide += ['model.test_cfg.stride=[96,96]']
    rows = table('--image', '96', '384', '--windows', '1', '3', '--cfg-options', *slide)
    titles, _, one, three = rows
    assert titles[5] == 'same labels'
    assert (one[1], three[1]) == ('1', '3')
    assert one[4:6] == ['1.00', '100.00 %']
    assert float(three[5].split()[0]) > 99.9
