"""The program data_prep/class_tiles.py, from a config to the file that it names."""

import importlib.util
from pathlib import Path

import pytest
import tiny_run

from rein.datasets.class_tiles import ClassTiles

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def main():
    spec = importlib.util.spec_from_file_location('tiles', ROOT / 'data_prep/class_tiles.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_a_config_without_such_samples_is_told(tmp_path, main, capsys):
    config = tiny_run.write_run(tmp_path)
    assert main([str(config)]) == 2
    assert (
        "train_dataloader.dataset has no dict(type='ClassUniformDataset'" in capsys.readouterr().err
    )


def test_points_of_every_image_go_to_the_file_that_the_config_names(tmp_path, main, capsys):
    config = tiny_run.write_run(tmp_path)
    file = tmp_path / 'data' / 'tiles.json'
    text = (
        config.read_text()
        + f"""
inner = train_dataloader['dataset']['dataset']
train_dataloader['dataset']['dataset'] = dict(
    type='ClassUniformDataset', tiles={str(file)!r}, tile=32, dataset=inner)
del inner
"""
    )
    config.write_text(text)
    assert main([str(config), '--workers', '1']) == 0
    assert '5 images, points of each class:' in capsys.readouterr().out
    tiles = ClassTiles.read(file)
    assert len(tiles.points) == 5
    assert all(set(points) <= {0, 1, 2} for points in tiles.points.values())
