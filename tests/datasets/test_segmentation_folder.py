from pathlib import Path

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from rein.datasets import SegmentationFolder

DOCS = Path(__file__).resolve().parents[2] / 'docs/datasets.md'
READ = [dict(type='LoadImage'), dict(type='LoadLabels')]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def test_two_folders_and_a_list_of_classes_are_a_data_set(tmp_path):
    tiny.write_image(tmp_path / 'mine/images/a/1.jpeg', (1, 3))
    tiny.write_image(tmp_path / 'mine/images/b/1.PNG', (1, 3))
    for name in ('a/1.png', 'b/1.png'):
        tiny.write_labels(tmp_path / 'mine/masks' / name, [[0, 1, 255]])
    dataset = SegmentationFolder(
        data_root=tmp_path / 'mine', classes=['street', 'grass'], pipeline=READ
    )
    assert len(dataset) == 2
    assert dataset.metainfo['classes'] == ('street', 'grass')
    assert len(dataset.metainfo['palette']) == 2
    assert dataset[0]['gt_seg_map'].tolist() == [[0, 1, 255]]
    assert dataset[0]['domain'] == 'mine'


def test_numbers_in_the_masks_can_be_given_by_name_from_a_config_file(tmp_path):
    tiny.write_image(tmp_path / 'images/1.png', (1, 3))
    tiny.write_labels(tmp_path / 'labels/1_mask.png', [[0, 128, 255]])
    config = tmp_path / 'config.py'
    config.write_text(
        f"""
dataset = dict(
    type='SegmentationFolder', data_root={str(tmp_path)!r}, masks='labels',
    mask_ending='_mask.png', classes=('grass', 'street'), palette=((0, 255, 0), (90, 90, 90)),
    ids={{0: 255, 128: 'street', 255: 0}}, domain='yard',
    pipeline=[dict(type='LoadImage'), dict(type='LoadLabels')])
"""
    )
    Config.fromstring(Config.fromfile(config).pretty_text, '.py')
    sample = DATASETS.build(Config.fromfile(config).dataset)[0]
    assert sample['gt_seg_map'].tolist() == [[255, 1, 0]]
    assert sample['domain'] == 'yard'


def test_images_without_masks_can_be_listed(tmp_path):
    tiny.write_image(tmp_path / 'images/1.png')
    assert 'seg_map_path' not in SegmentationFolder(data_root=tmp_path, masks=None)[0]


def test_the_driving_classes_are_the_default(tmp_path):
    tiny.write_image(tmp_path / 'images/1.png')
    tiny.write_labels(tmp_path / 'masks/1.png')
    dataset = SegmentationFolder(data_root=tmp_path, pipeline=READ)
    assert dataset.metainfo['palette'][0] == (128, 64, 128)
    assert np.array_equal(np.unique(dataset[0]['gt_seg_map']), np.arange(19))


def test_a_number_beyond_the_classes_says_which_keys_to_set(tmp_path):
    tiny.write_image(tmp_path / 'images/1.png', (1, 2))
    tiny.write_labels(tmp_path / 'masks/1.png', [[0, 2]])
    dataset = SegmentationFolder(data_root=tmp_path, classes=['a', 'b'], pipeline=READ)
    with pytest.raises(ValueError, match=r'numbers 2 in 1 pixels; allowed are 0-1, 255\..*`ids`'):
        dataset[0]


def test_ids_that_name_no_class_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\['stret'\], which are not among .*'street'"):
        SegmentationFolder(data_root=tmp_path, classes=['street'], ids={1: 'stret'})
    with pytest.raises(ValueError, match='each of them once'):
        SegmentationFolder(data_root=tmp_path, classes=['street', 'street'])


def test_the_config_of_the_documentation_reads_ones_own_folder(tmp_path, monkeypatch):
    for name in ('', 'val_'):
        tiny.write_image(tmp_path / f'data/mine/{name}images/a/1.jpg')
        tiny.write_labels(tmp_path / f'data/mine/{name}masks/a/1.png', np.full(tiny.SIZE, 7))
    text = DOCS.read_text().partition('```python\n')[2].partition('```')[0]
    (tmp_path / 'config.py').write_text(text)
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile('config.py')
    for loader in (config.train_dataloader, config.val_dataloader):
        loader.num_workers = 0
        sample = next(iter(Runner.build_dataloader(loader, seed=0)))['data_samples'][0]
        assert sample.domain == 'mine'
        assert (sample.gt_sem_seg.data == 2).all()  # the 7 of the masks is 'sky'
