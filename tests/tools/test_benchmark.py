"""The benchmark of a config, on the smallest one there is."""

import importlib.util
import json
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
    titles, _, full, half = table('--size', '96', '--precision', 'fp32', 'bf16', '--flops')
    assert titles[3:9] == ['body', 'adapter', 'head', 'loss', 'backward', 'optimizer']
    assert (full[1], half[1]) == ('fp32', 'bf16')
    assert all(float(full[k]) > 0 for k in (3, 4, 5, 7, 8))
    assert full[11] == '1.00 (1.00-1.00)'
    assert float(full[-2]) == float(half[-2]) > 0  # the same work
    assert 0 < float(full[-1].split()[0]) < 150


def test_an_image_is_labelled_alike_whatever_the_number_of_windows(table):
    slide = ['model.test_cfg.mode=slide', 'model.test_cfg.crop_size=[96,192]']
    slide += ['model.test_cfg.stride=[96,96]']
    rows = table('--image', '96', '384', '--windows', '1', '3', '--cfg-options', *slide)
    titles, _, one, three = rows
    assert titles[3:7] == ['body', 'adapter', 'head', 'windows']
    assert titles[-1] == 'same labels'
    assert (one[2], three[2]) == ('1', '3')
    assert one[-1] == '100.00 %'
    assert float(three[-1].split()[0]) > 99.9


def test_figures_stand_in_a_folder_too(table, tmp_path):
    table('--size', '96', '--against', STREETS, '--out', str(tmp_path))
    found = json.loads((tmp_path / 'benchmark.json').read_text())
    against, own = found['rows']
    assert against['times_as_fast'] == 1
    assert own['seconds'] == pytest.approx(sum(own['steps'].values()), rel=1e-6)
    assert own['gigabytes'] > 0 or not Path('/proc/self/clear_refs').exists()
    assert '| rein | fp32 |' in (tmp_path / 'benchmark.md').read_text()
    assert (tmp_path / 'benchmark.png').stat().st_size > 5000
