"""The programs of the drawn streets: the benchmark, and the training of the tiny model."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image
from safetensors import safe_open

import rein  # noqa: F401
from rein.runtime.settings import load_config

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / 'checkpoints/tiny_streets.safetensors'


def tool(name):
    spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / f'tools/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name, *arguments):
    """Run a tool to its end, as from the repository's root; returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / f'tools/{name}.py'), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'CAMVID_ROOT': 'left out'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def body_of(weights, train='none'):
    init_default_scope('mmseg')
    settings = load_config(str(ROOT / 'configs/streets/frozen.py'), {}).model.backbone
    settings.update(train=train, weights=dict(source=str(weights)))
    return MODELS.build(settings).body


def test_the_tracked_weights_fit_the_rows_and_are_small():
    assert WEIGHTS.stat().st_size <= 5_000_000
    state = body_of(WEIGHTS).state_dict()
    with safe_open(WEIGHTS, 'pt') as file:
        for key in file.keys():  # noqa: SIM118
            assert file.get_tensor(key).dtype == torch.float16
            assert torch.equal(state[key], file.get_tensor(key).float()), key
    assert sum(value.numel() for value in state.values()) == 1_251_200


def test_the_tracked_weights_say_how_they_were_made():
    with safe_open(WEIGHTS, 'pt') as file:
        meta = json.loads(file.metadata()['rein'])['meta']
    assert meta['command'].startswith('python tools/pretrain_tiny.py --iterations')
    assert 'style wild' in meta['data']
    assert 'labels materials' in meta['data']
    assert {'minutes', 'date', 'processor', 'torch'} <= set(meta)


def test_settings_of_a_sweep_are_read_as_numbers_where_they_are_numbers():
    settings = tool('benchmark_streets').settings
    assert settings(['a.lr=1e-3,2', 'b=None', 'c=x']) == {
        'a.lr': [1e-3, 2],
        'b': [None],
        'c': ['x'],
    }
    with pytest.raises(ValueError, match=r"KEY=V1,V2, such as .* not 'lr'"):
        settings(['lr'])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--rows', 'freezing'], '--rows freezing: it is none of scratch, full, frozen, rein'),
        (['--val', '0'], '--val is 0'),
        (['--jobs', '-1'], '--jobs is -1'),
        (['--camvid', 'nowhere'], 'there is no folder nowhere/day'),
    ],
)
def test_what_the_benchmark_cannot_do_is_said_before_it_draws(arguments, message, tmp_path, capsys):
    out = tmp_path / 'out'
    assert tool('benchmark_streets').main(['--out', str(out), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_what_the_pre_training_cannot_do_is_said_before_it_trains(tmp_path, capsys):
    main = tool('pretrain_tiny').main
    work = ['--work-dir', str(tmp_path / 'w')]
    assert main(['--out', str(tmp_path / 'w.bin'), *work]) == 2
    assert 'give a file named .safetensors' in capsys.readouterr().err
    assert main(['--iterations', '3', *work]) == 2
    assert '--iterations is 3; use at least 16' in capsys.readouterr().err
    assert not (tmp_path / 'w').exists()


@pytest.mark.slow
@pytest.mark.timeout(900)  # a dozen programs, each of which imports PyTorch
def test_the_benchmark_from_drawing_to_the_page_and_once_more(tmp_path):
    out = tmp_path / 'streets'
    arguments = ('--out', out, '--rows', 'frozen', 'rein', '--seeds', '0', '--jobs', '2')
    arguments += ('--iterations', '16', '--train', '8', '--val', '2')
    printed = run('benchmark_streets', *arguments)
    results = json.loads((out / 'results.json').read_text())
    assert list(results['rows']) == ['frozen', 'rein']
    # A head of 256 + 73,856 + 36,992 + 1,235; Rein's tokens (6 x 32 x 16 and 6 x 16 x 128), two
    # linear layers of 16,512 and a scale.
    assert results['rows']['frozen']['trained'] == 112_339
    assert results['rows']['rein']['trained'] == 112_339 + 3_072 + 12_288 + 33_024 + 1
    assert set(results['rows']['rein']['metrics'][0]) >= {'game/mIoU', 'palette/mIoU', 'mean_mIoU'}
    assert (out / 'table.md').read_text().strip() in printed
    for name in ('bars', 'curves', 'grid'):
        with Image.open(out / f'{name}.png') as picture:
            assert min(picture.size) > 300
    page = (out / 'index.html').read_text()
    assert page.count('data:image/png;base64,') == 3
    assert 'frozen + Rein' in page
    before = (out / 'rein/seed0/metrics.json').stat().st_mtime_ns
    assert (out / 'table.md').read_text() in run('benchmark_streets', *arguments)
    assert (out / 'rein/seed0/metrics.json').stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_sweep_validates_on_wild_scenes_and_tests_nothing(tmp_path):
    out = tmp_path / 'streets'
    arguments = ['--out', out, '--rows', 'frozen', '--iterations', '16', '--train', '8']
    sweep = ['--val', '1', '--sweep', 'optim_wrapper.optimizer.lr=1e-3,1e-2']
    printed = run('benchmark_streets', *arguments, *sweep)
    lines = [line for line in printed.splitlines() if 'row=frozen' in line]
    scores = [float(line.split()[0]) for line in lines]
    assert len(lines) == 2
    assert scores == sorted(scores, reverse=True)
    assert list(out.rglob('metrics.json')) == []


@pytest.mark.slow
def test_the_tiny_model_is_trained_on_and_its_body_written(tmp_path):
    files = [tmp_path / name for name in ('two.safetensors', 'again.safetensors')]
    arguments = ('--work-dir', tmp_path / 'w', '--batch', '1', '--iterations', '16')
    for file in files:
        printed = run('pretrain_tiny', *arguments, '--out', file)
        assert '1,251,200 parameters, 2.5 MB' in printed
    assert files[0].read_bytes() == files[1].read_bytes()
    assert torch.isfinite(body_of(files[0]).pos_embed).all()
    with safe_open(files[0], 'pt') as file:
        meta = json.loads(file.metadata()['rein'])['meta']
    assert meta['data'].startswith('16 scenes of style wild from seed 2000000000')
