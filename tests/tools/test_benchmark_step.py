import importlib.util
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


def table(monkeypatch, capsys, *words):
    """Rows that the tool prints."""
    spec = importlib.util.spec_from_file_location('step', ROOT / 'tools/benchmark_step.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, 'argv', ['benchmark_step.py', *words])
    threads = torch.get_num_threads()
    module.main()
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    return [[cell.strip() for cell in line.split('|')] for line in lines if line.startswith('| /')]


def test_steps_of_two_configs_are_timed_in_turn_and_compared(monkeypatch, capsys):
    configs = [str(ROOT / f'configs/streets/{name}.py') for name in ('resnet', 'resnet_blindnet')]
    settings = ['--size', '112', '--batch', '2', '--iterations', '1']
    plain, blindnet = table(monkeypatch, capsys, *configs, *settings)
    assert plain[1] == configs[0]
    assert plain[3] == '1.00'
    assert float(blindnet[3]) > 1


def test_adaptation_has_images_without_labels_and_changes_may_be_named(monkeypatch, capsys):
    uda = str(ROOT / 'configs/streets/uda.py')
    turn = f'{uda}@model.passes.backward=sequential@train_dataloader.batch_size=4'
    lines = table(monkeypatch, capsys, uda, turn, '--batch', '4', '--iterations', '1', '--memory')
    assert [line[1] for line in lines] == [uda, turn]
    assert all(float(line[4]) > 0 for line in lines)  # GiB
