"""Scenes that are drawn as they are asked for."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

import rein  # noqa: F401
from rein.datasets import DrawnScenes
from rein.datasets.classes import CLASSES
from rein.datasets.streetscenes import look, render
from rein.datasets.streetscenes.parts import MATERIAL_NAMES, PARTS

SIZE = (64, 32)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def scenes(**kwargs):
    return DrawnScenes(**{'style': 'fog', 'count': 3, 'size': SIZE, 'pipeline': [], **kwargs})


def test_a_sample_is_the_scene_of_its_seed_in_blue_green_red():
    sample = scenes(first=7)[2]
    image, labels = render(9, 'fog', SIZE)
    np.testing.assert_array_equal(sample['img'], image[..., ::-1])
    np.testing.assert_array_equal(sample['gt_seg_map'], labels)
    assert sample['domain'] == 'fog'
    assert sample['ori_shape'] == (32, 64)


def test_materials_are_labels_of_another_granularity():
    sample = scenes(labels='materials')[0]
    _, view = look(0, SIZE)
    np.testing.assert_array_equal(sample['gt_seg_map'], view.material_labels)
    np.testing.assert_array_equal(sample['gt_depth_map'], view.depth)
    made_of = {}
    for part in PARTS.values():
        made_of.setdefault(part.material, set()).add(part.label)
    # What tells the eight classes of things apart is not in the materials they are made of.
    assert made_of['rubber'] >= {'person', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle'}
    assert made_of['metal'] >= {'car', 'truck', 'bus', 'train', 'pole', 'traffic sign', 'fence'}


@pytest.mark.parametrize(('labels', 'names'), [('classes', CLASSES), ('materials', MATERIAL_NAMES)])
def test_names_and_colours_are_those_of_the_labels(labels, names):
    meta = scenes(labels=labels).metainfo
    assert tuple(meta['classes']) == names
    assert len(meta['palette']) == len(names)


def test_a_flip_turns_image_labels_and_depth_alike():
    pipeline = [dict(type='RandomFlip', prob=1.0), dict(type='PackInputs')]
    flipped = scenes(pipeline=pipeline)[1]
    _, view = look(1, SIZE)
    image, _ = render(1, 'fog', SIZE)
    sample = flipped['data_samples']
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], view.labels[:, ::-1])
    np.testing.assert_array_equal(sample.gt_depth_map.data[0], view.depth[:, ::-1])
    np.testing.assert_array_equal(flipped['inputs'], image[:, ::-1, ::-1].transpose(2, 0, 1))


def test_a_stream_of_scenes_is_the_same_again():
    config = dict(
        type='SeededDataset',
        dataset=dict(
            type='DrawnScenes',
            style='wild',
            count=4,
            size=SIZE,
            pipeline=[dict(type='RandomFlip', prob=0.5), dict(type='PackInputs')],
        ),
    )
    first, second = (DATASETS.build(config)[2, 5]['inputs'] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(style='sepia'), "style='sepia' is none of game, night"),
        (dict(labels='parts'), "labels='parts' is none of classes, materials"),
        (dict(count=0), 'count=0'),
        (dict(first=-1), 'seed is -1'),
        (dict(size=(8, 8)), 'at least 16'),
    ],
)
def test_what_cannot_be_drawn_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        scenes(**wrong)


def test_without_labels_there_is_only_the_image():
    sample = scenes(labels=None, pipeline=[dict(type='PackInputs')])[0]
    assert 'gt_sem_seg' not in sample['data_samples']
    assert sample['inputs'].shape == (3, 32, 64)


def test_scenes_in_one_look_are_other_streets_in_the_light_of_that_scene():
    own, same = scenes(style='night', first=5, count=2), scenes(style='night', look=5, count=9)
    np.testing.assert_array_equal(own[0]['img'], same[5]['img'])
    np.testing.assert_array_equal(own[1]['gt_seg_map'], same[6]['gt_seg_map'])
    assert not np.array_equal(own[1]['img'], same[6]['img'])
