"""The benchmark of reading and augmenting, on a few small images."""

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from rein.datasets.streetscenes.as_gta5 import write_gta5

ROOT = Path(__file__).resolve().parents[2]
SMALL = ('--size', '96', '48', '--count', '2', '--rounds', '1')


@pytest.fixture
def tool(monkeypatch):
    """The program, without pictures that happen to lie beside the checkout."""
    spec = importlib.util.spec_from_file_location('data', ROOT / 'tools/benchmark_data.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'PICTURES', ROOT / 'nowhere')
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield module
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def test_a_pipeline_gives_the_samples_of_mmsegmentations_same_steps(tool, tmp_path, capsys):
    config, out = str(ROOT / 'configs/rein/dinov2_gta2city.py'), tmp_path / 'figures.json'
    assert tool.main([config, *SMALL, '--out', str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('2 drawn scenes of 96x48')
    report = json.loads(out.read_text())
    ours, same, default = report['configs'][config]
    assert [row['same_samples'] for row in (ours, same, default)] == [True, True, False]
    assert ours['ratio'] == [1, 1, 1]
    assert list(ours['steps'])[1] == 'LoadImage'
    assert list(same['steps'])[1] == list(default['steps'])[1] == 'LoadImageFromFile'
    for row in (ours, same, default):
        line = next(line for line in printed.splitlines() if line.startswith(f'| {row["name"]} |'))
        assert line.split('|')[2].strip() == f'{row["samples_per_second"]:.1f}'


def test_pictures_of_ones_own_are_brought_to_the_size(tool, tmp_path, capsys):
    red = np.zeros((10, 20, 3), np.uint8)
    red[..., 0] = 200
    Image.fromarray(red).save(tmp_path / 'red.jpg', quality=100)
    for number in write_gta5(tmp_path / 'gta', 3, (40, 30), tool.pictures(tmp_path)):
        pixels = cv2.imread(str(tmp_path / f'gta/images/{number - 1:05d}.png'))
        assert pixels.shape == (30, 40, 3)
        assert abs(int(pixels[5, 5, 2]) - 200) < 4
    assert Image.open(tmp_path / 'gta/labels/00002.png').mode == 'P'


def test_what_cannot_be_measured_is_named(tool, tmp_path):
    with pytest.raises(tool.ConfigError, match=rf'--images {tmp_path}: no \.png'):
        tool.main([*SMALL, '--images', str(tmp_path)])
    (tmp_path / 'a.png').write_bytes(b'no picture')
    with pytest.raises(ValueError, match=r'picture .*a\.png cannot be read'):
        tool.main([*SMALL, '--images', str(tmp_path)])
    drawn = str(ROOT / 'configs/streets/pretrain_tiny.py')
    with pytest.raises(tool.ConfigError, match=r'pretrain_tiny\.py: no data set .* LoadLabels'):
        tool.main([drawn, *SMALL])


def test_numbers_of_images_and_rounds_are_at_least_one(tool, capsys):
    with pytest.raises(SystemExit):
        tool.main(['--rounds', '0'])
    assert '--rounds 0 must be 1 or more' in capsys.readouterr().err
