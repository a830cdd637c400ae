"""Rare class sampling against DAFormer's code, and what it does with real files."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.registry import init_default_scope
from recipes import REFERENCE

from rein.datasets import LoadImage, LoadLabels, PackInputs, RareClassDataset, SeededDataset
from rein.datasets.rare_class import class_chances
from rein.runtime.seeds import seed_all

RECORDED = json.loads((REFERENCE / 'uda.json').read_text())['rcs']
PIPELINE = [
    dict(type='LoadImage'),
    dict(type='LoadLabels'),
    dict(type='RandomCrop', crop_size=(8, 8)),
    dict(type='PackInputs'),
]


def pixels():
    counts = Counter()
    for image in RECORDED['input_stats']:
        counts.update({int(k): n for k, n in image.items() if k != 'file'})
    return counts


@pytest.mark.parametrize('case', RECORDED['cases'], ids=lambda case: str(case['temperature']))
def test_chances_and_draws_are_the_recorded_ones(case):
    classes, chances = class_chances(pixels(), case['temperature'])
    assert classes == case['classes']
    np.testing.assert_allclose(chances, case['probs'], rtol=2e-5)
    drawn = np.random.RandomState(0).choice(classes, size=16, p=chances)
    assert drawn.tolist() == case['draws_RandomState0_16']


def test_chances_of_two_classes_by_hand():
    classes, chances = class_chances({0: 75, 1: 25}, 0.5)
    assert classes == [1, 0]
    np.testing.assert_allclose(chances, np.exp([1.5, 0.5]) / np.exp([1.5, 0.5]).sum())


@pytest.mark.parametrize(('counts', 'temperature'), [({}, 1.0), ({0: 1}, 0.0)])
def test_chances_of_nothing_are_refused(counts, temperature):
    with pytest.raises(ValueError, match='both must be > 0'):
        class_chances(counts, temperature)


@pytest.fixture
def root(tmp_path):
    """Three images: road everywhere, a car in the second, a little of a rider in the third."""
    init_default_scope('mmseg')
    labels = np.zeros((3, 24, 32), np.uint8)
    labels[1, 4:12, 4:12] = 13
    labels[2, 0, 0] = 12
    for number, each in enumerate(labels):
        tiny.write_image(tmp_path / f'images/{number:05d}.png', seed=number)
        tiny.write_labels(tmp_path / f'labels/{number:05d}_labelTrainIds.png', each)
    write_statistics(tmp_path, labels)
    return tmp_path


def write_statistics(root, labels):
    by_class = {}
    for number, each in enumerate(labels):
        for name, count in zip(*np.unique(each, return_counts=True), strict=True):
            file = f'labels/{number:05d}_labelTrainIds.png'
            by_class.setdefault(str(name), []).append([file, int(count)])
    Path(root, 'samples_with_class.json').write_text(json.dumps(by_class))


def built(root, **settings):
    source = dict(type='GTA5', data_root=str(root), pipeline=PIPELINE)
    return RareClassDataset(source, **{'least_pixels': 20, **settings})


def test_a_rare_class_is_drawn_most_and_crops_show_it(root):
    found = SeededDataset(built(root, tries=50))
    samples = [found[0, seed]['data_samples'] for seed in range(40)]
    names = Counter(Path(sample.metainfo['img_path']).stem for sample in samples)
    assert names['00001'] > 35
    shown = [int((sample.gt_sem_seg.data == 13).sum()) > 10 for sample in samples]
    assert sum(shown) > 35


def test_the_same_seed_gives_the_same_sample(root):
    found = SeededDataset(built(root, temperature=1.0))
    first, again = (found[1, 7] for _ in range(2))
    assert np.array_equal(first['inputs'], again['inputs'])
    assert first['data_samples'].metainfo['img_path'] == again['data_samples'].metainfo['img_path']


def test_the_last_crop_is_taken_where_none_shows_enough(root, monkeypatch):
    found = built(root, crop_ratio=100.0, tries=3)
    calls = []
    for kind in (LoadImage, LoadLabels, PackInputs):
        whole = kind.transform
        monkeypatch.setattr(
            kind,
            'transform',
            lambda self, results, whole=whole: calls.append(type(self)) or whole(self, results),
        )
    assert found[0]['inputs'].shape == (3, 8, 8)
    assert Counter(calls) == {LoadImage: 1, LoadLabels: 1, PackInputs: 4}


def test_crops_of_an_image_that_is_decoded_once_are_those_of_one_decoded_anew(root):
    steps = [
        *PIPELINE[:2],
        dict(type='Resize', scale=(40, 30), keep_ratio=True),
        *PIPELINE[2:-1],
        dict(type='RandomFlip', prob=0.5),
        dict(type='PhotoMetricDistortion'),
        PIPELINE[-1],
    ]
    source = dict(type='GTA5', data_root=str(root), pipeline=steps)
    found = RareClassDataset(source, least_pixels=20, crop_ratio=0.7)
    for seed in range(20):
        seed_all(seed)
        sample = found[0]
        seed_all(seed)
        number = int(np.random.choice(found.classes, p=found.chances))
        image = int(np.random.choice(found.images[number]))
        for _ in range(11):
            anew = found.dataset[image]
            if int((anew['data_samples'].gt_sem_seg.data == number).sum()) > 14:
                break
        assert np.array_equal(sample['inputs'], anew['inputs'])
        labels, again = (each['data_samples'].gt_sem_seg.data for each in (sample, anew))
        assert np.array_equal(labels, again)


def test_a_class_that_no_image_shows_enough_of_is_not_drawn(root, monkeypatch):
    said = []
    monkeypatch.setattr('rein.datasets.rare_class.print_log', lambda text, **_: said.append(text))
    found = built(root)
    assert found.classes.tolist() == [13, 0]
    assert found.chances.sum() == pytest.approx(1)
    assert 'no image has more than 20 pixels of the classes [12]' in said[0]


def test_statistics_of_more_images_than_there_are_count_those_that_are(root):
    found = RareClassDataset(
        dict(
            type='GTA5',
            data_root=str(root),
            split_file=['00000', '00001'],
            pipeline=PIPELINE,
        ),
        least_pixels=20,
    )
    assert found.images[0].tolist() == [0, 1]
    assert 12 not in found.images


def test_zero_as_a_ratio_takes_the_first_crop(root, monkeypatch):
    found = built(root, crop_ratio=0, least_pixels=0)
    packed = []
    whole = PackInputs.transform
    monkeypatch.setattr(
        PackInputs, 'transform', lambda self, results: packed.append(1) or whole(self, results)
    )
    for _ in range(5):
        found[0]
    assert len(packed) == 5


@pytest.mark.parametrize('change', [dict(temperature=0), dict(crop_ratio=-1), dict(tries=-1)])
def test_numbers_out_of_their_range_are_named(root, change):
    with pytest.raises(ValueError, match=f'RareClassDataset: .*{next(iter(change))}='):
        built(root, **change)


def test_a_data_set_without_label_files_is_refused():
    scenes = dict(type='DrawnScenes', style='game', count=2, pipeline=[])
    with pytest.raises(ValueError, match=r'RareClassDataset\.dataset is a DrawnScenes; use one'):
        RareClassDataset(scenes)


def test_images_without_labels_are_refused(root):
    source = dict(type='GTA5', data_root=str(root), labels=None, pipeline=PIPELINE)
    with pytest.raises(ValueError, match='has images without labels in files'):
        RareClassDataset(source)


def test_missing_stale_and_damaged_statistics_are_named(root):
    file = root / 'samples_with_class.json'
    with pytest.raises(ValueError, match='more than 10000 pixels of any class; set'):
        built(root, least_pixels=10000)
    file.write_text(json.dumps({'0': [['labels/other.png', 9]]}))
    with pytest.raises(ValueError, match=r'names no label of GTA5 .* such as labels/other\.png'):
        built(root)
    file.write_text('[1, 2]')
    with pytest.raises(ValueError, match='is not of the form'):
        built(root)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r'no file .*samples_with_class\.json'):
        built(root)
