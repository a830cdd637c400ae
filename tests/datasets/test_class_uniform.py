import json
from itertools import islice

import numpy as np
import pytest
from mmengine.registry import init_default_scope
from PIL import Image
from recipes import recorded

from rein.datasets.class_tiles import ClassTiles, class_points, corners, counts, find_points
from rein.datasets.class_tiles import image_key as key
from rein.datasets.class_uniform import ClassUniformDataset, class_uniform_pass
from rein.datasets.driving import Cityscapes
from rein.datasets.sampling import ReplaySampler, SeededDataset

RECORDED = recorded('data')
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='LoadLabels'),
    dict(type='ScaleAndCrop', size=32, scale=(1.0, 1.0)),
    dict(type='PackInputs'),
]


@pytest.mark.parametrize('name', RECORDED['tiles'])
def test_tiles_are_the_authors(name):
    size, tile = name.split(' tile ')
    height, width = map(int, size.split()[-1].split('x'))
    assert [list(c) for c in corners(height, width, int(tile))] == RECORDED['tiles'][name]


@pytest.mark.parametrize('name', ['GTAV', 'Cityscapes', 'SYNTHIA'])
def test_a_pass_is_composed_as_the_authors(name):
    expected = RECORDED[f'epoch_{name}']
    images = expected['n_images']
    draw = np.random.RandomState(304)
    plain, *classes = class_uniform_pass(images, [50] * 19, 0.5, draw)
    assert [f'i{i}' for i in plain[:3]] == expected['first3']
    assert len(plain) == expected['random_items']
    assert [len(each) for each in classes] == [expected['per_class']] * 19
    assert len(plain) + sum(map(len, classes)) == expected['epoch_len']


def test_the_share_of_a_class_without_points_goes_to_plain_images():
    plain, *classes = class_uniform_pass(100, [5, 0, 40], 0.6, np.random.RandomState(0))
    assert [len(plain), *map(len, classes)] == [60, 20, 0, 20]
    assert np.bincount(classes[0]).tolist() == [4] * 5  # each as often as the others
    assert len(set(classes[2])) == 20
    assert len(set(plain)) == 60


def test_points_are_centres_of_mass_in_each_whole_tile():
    labels = np.full((20, 25), 255, np.uint8)
    labels[2:5, 4:9] = 3  # centre (6, 3) of the first tile
    labels[12:14, 11:13] = 3  # (11.5, 12.5) of the last whole one
    labels[:, 20:] = 5  # in no whole tile
    assert class_points(labels, 10) == {3: [(6, 3), (11, 12)]}


@pytest.fixture
def city(tmp_path):
    """Forty images: class 0 everywhere, class 4 in two of them, class 9 in one."""
    init_default_scope('mmseg')
    for folder in ('leftImg8bit', 'gtFine'):
        (tmp_path / folder / 'train' / 'a').mkdir(parents=True)
    for i in range(40):
        labels = np.zeros((64, 96), np.uint8)
        if i < 2:
            labels[40:50, 10:20] = 4
        if i == 5:
            labels[5:9, 80:90] = 9
        name = f'a_{i:06d}_000000'
        image = np.repeat(labels[..., None] * 20, 3, axis=2)
        Image.fromarray(image).save(tmp_path / f'leftImg8bit/train/a/{name}_leftImg8bit.png')
        Image.fromarray(labels).save(tmp_path / f'gtFine/train/a/{name}_gtFine_labelTrainIds.png')
    return tmp_path


def written(city, tile=32):
    dataset = Cityscapes(str(city))
    file = city / 'tiles.json'
    ClassTiles(tile, {key(i, file): p for i, p in find_points(dataset, tile, 1)}).write(file)
    return str(file)


def uniform(city, **kwargs):
    dataset = dict(type='Cityscapes', data_root=str(city), pipeline=PIPELINE)
    return ClassUniformDataset(dataset, written(city), tile=32, **kwargs)


def test_points_of_a_data_set_go_to_the_file_and_back(city):
    file = ClassTiles.read(written(city))
    assert counts(list(file.points.values())) == {0: 240, 4: 2, 9: 1}
    assert file.tile == 32
    assert set(file.points) == {
        f'leftImg8bit/train/a/a_{i:06d}_000000_leftImg8bit.png' for i in range(40)
    }


def test_samples_of_a_class_show_it(city):
    dataset = uniform(city, fraction=1.0)
    assert dataset.counts[4] == 2
    items = dataset.items_of_pass(0)
    assert (items >= len(dataset)).sum() == 3 * 2  # int(40 / 19) of each class there is
    for idx in items:
        sample = dataset[int(idx)]
        info = dataset.get_data_info(int(idx))
        labels = sample['data_samples'].gt_sem_seg.data
        assert labels.shape == (1, 32, 32)
        if idx >= len(dataset):
            x, y = info['centroid']
            number = Image.open(info['seg_map_path']).getpixel((x, y))
            assert (labels == number).any()


def test_passes_differ_and_come_again(city):
    dataset = SeededDataset(uniform(city, fraction=1.0))
    stream = list(islice(ReplaySampler(dataset, seed=3), 120))
    passes = [{index for index, _ in stream[i : i + 40]} for i in (0, 40, 80)]
    assert passes[0] != passes[1] != passes[2]
    assert list(islice(ReplaySampler(dataset, seed=3), 120)) == stream
    late = ReplaySampler(dataset, seed=3)
    late.skip(50)
    assert list(islice(late, 70)) == stream[50:]


def test_images_without_points_and_files_of_other_tiles_are_refused(city):
    file = written(city)
    with pytest.raises(ValueError, match=r'tiles of 32 pixels and the config says tile=1024'):
        ClassUniformDataset(dict(type='Cityscapes', data_root=str(city)), file)
    stored = json.loads((city / 'tiles.json').read_text())
    stored['points'].popitem()
    (city / 'tiles.json').write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r'lacks 1 of 40 images, such as .*a_000039'):
        ClassUniformDataset(dict(type='Cityscapes', data_root=str(city)), file, tile=32)


@pytest.mark.parametrize('content', [b'', b'{}', b'[1]', b'{"version": 7, "points": {}}'])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / 'tiles.json').write_bytes(content)
    with pytest.raises(ValueError, match='is no file of class tiles, or damaged'):
        ClassTiles.read(tmp_path / 'tiles.json')


def test_a_missing_file_is_an_error_that_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'python data_prep/class_tiles\.py CONFIG'):
        ClassTiles.read(tmp_path / 'tiles.json')


def test_a_data_set_too_small_for_its_classes_is_said_to_be(city, monkeypatch):
    said = []
    monkeypatch.setattr(
        'rein.datasets.class_uniform.print_log', lambda text, **_: said.append(text)
    )
    dataset = dict(type='Cityscapes', data_root=str(city), indices=10)
    ClassUniformDataset(dataset, written(city), tile=32)
    assert '10 images are too few' in said[0]
