import importlib.util
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]


def test_steps_of_two_configs_are_timed_in_turn_and_compared(monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location('step', ROOT / 'tools/benchmark_step.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    configs = [str(ROOT / f'configs/streets/{name}.py') for name in ('resnet', 'resnet_blindnet')]
    settings = ['--size', '112', '--batch', '2', '--iterations', '1']
    monkeypatch.setattr(sys, 'argv', ['benchmark_step.py', *configs, *settings])
    threads = torch.get_num_threads()
    module.main()
    torch.set_num_threads(threads)
    lines = capsys.readouterr().out.splitlines()
    plain, blindnet = [line for line in lines if line.startswith('| /')]
    assert plain.startswith(f'| {configs[0]} |')
    assert plain.endswith('| 1.00 |')
    assert float(blindnet.split('|')[-2]) > 1
