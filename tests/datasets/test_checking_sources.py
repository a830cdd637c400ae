"""Which data sets of a config are checked, and what of each."""

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.config import Config
from tiny_check import PIPELINE, config, cut, folder, kinds, write_set

from rein.datasets.checking import check, readers, tables
from rein.runtime.settings import ConfigError


def test_validation_and_test_on_the_same_images_are_one_data_set_and_no_duplicate(tmp_path):
    write_set(tmp_path, [1, 2])
    val = folder(tmp_path, 'a', test_mode=True)
    test = {**val, 'pipeline': [dict(type='LoadImage')]}
    report = check(config(val=val, test=test))
    assert [(group.role, len(group.items)) for group in report.groups] == [('val, test', 2)]
    assert report.problems == []


def test_a_data_set_that_is_trained_and_validated_on_is_one_error_not_one_for_each_image(tmp_path):
    write_set(tmp_path, [1, 2, 3])
    both = folder(tmp_path, 'a')
    report = check(config(train=both, val={**both, 'test_mode': True}))
    assert kinds(report) == ['leak']
    assert 'all of its 3 images' in report.problems[0].message


def test_a_missing_folder_is_an_error_and_the_other_data_sets_are_checked(tmp_path):
    write_set(tmp_path / 'a', [1, 2])
    missing = dict(type='GTA5', data_root=str(tmp_path / 'nowhere'), pipeline=PIPELINE)
    report = check(config(train=[missing, folder(tmp_path / 'a', 'a')]))
    assert kinds(report) == ['unlisted']
    assert f'there is no folder {tmp_path}/nowhere/images' in report.problems[0].message
    assert [(g.domain, g.errors, g.labelled) for g in report.groups] == [
        ('gta5', 1, 0),
        ('a', 0, 2),
    ]
    assert f'GTA5 {tmp_path}/nowhere' in tables(report)


def test_images_without_label_are_an_error_and_the_pairs_are_checked(tmp_path):
    write_set(tmp_path, [1, 2])
    (tmp_path / 'masks/2.png').unlink()
    report = check(config(train=folder(tmp_path, 'a')))
    assert kinds(report) == ['unpaired']
    assert '1 of 2 images have no label' in report.problems[0].message
    assert report.groups[0].labelled == 1
    assert check(config(train=folder(tmp_path, 'a', unpaired='skip'))).problems == []


def test_wrappers_and_lists_are_looked_through_in_their_order(tmp_path):
    for k, name in enumerate('abcd'):
        write_set(tmp_path / name, [k])
    a, b, c, d = (folder(tmp_path / name, name) for name in 'abcd')
    repeated = dict(type='RepeatDataset', times=5, dataset=b)
    both = dict(type='ConcatDataset', datasets=[a, repeated])
    report = check(config(train=dict(type='SeededDataset', dataset=both), val=[[c], d]))
    found = [(group.role, group.domain, len(group.items)) for group in report.groups]
    assert found == [('train', 'a', 1), ('train', 'b', 1), ('val', 'c', 1), ('val', 'd', 1)]


def test_labelled_and_unlabelled_images_of_one_data_set_are_both_looked_at(tmp_path):
    for k, name in enumerate('ab'):
        write_set(tmp_path / name, [k])
    target = folder(tmp_path / 'b', 'b', masks=None)
    both = dict(type='SourceAndTarget', source=folder(tmp_path / 'a', 'a'), target=target)
    report = check(config(train=dict(type='SeededDataset', dataset=both)))
    assert [(group.domain, group.labelled) for group in report.groups] == [('a', 1), ('b', 0)]
    assert report.problems == []


def test_the_domains_of_one_data_set_have_a_line_each(tmp_path):
    tiny.acdc(tmp_path, 'val')
    acdc = dict(type='ACDC', data_root=str(tmp_path), split='val', domain='acdc-{condition}')
    report = check(config(test=acdc))
    assert [g.domain for g in report.groups] == ['acdc-fog', 'acdc-night', 'acdc-rain', 'acdc-snow']
    assert kinds(report) == ['twice'] * 3  # the tiny set has one image four times


def test_images_without_labels_are_checked_as_images(tmp_path):
    write_set(tmp_path, [1, 2])
    cut(tmp_path / 'images/1.png')
    report = check(config(test=folder(tmp_path, 'a', masks=None)))
    assert kinds(report) == ['image']
    assert (len(report.groups[0].items), report.groups[0].labelled) == (2, 0)
    assert 'percent of the pixels' not in tables(report)


def test_of_drawn_scenes_some_are_drawn_and_counted(monkeypatch):
    monkeypatch.setattr(readers, 'DRAWN', 3)
    scenes = dict(type='DrawnScenes', style='fog', count=1_000_001, size=(64, 32))
    report = check(config(train=scenes))
    (group,) = report.groups
    assert [item.place for item in group.items] == [0, 500_000, 1_000_000]
    assert report.problems == [] and group.counts.sum() == 3 * 64 * 32
    assert '3 of 1,000,001' in tables(report)


def test_a_data_set_of_mmsegmentation_is_read_as_its_own_loader_would(tmp_path):
    tiny.write_image(tmp_path / 'i/1.jpg')
    tiny.write_labels(tmp_path / 'l/1.png', np.repeat([0, 1, 2], 8)[:, None] * np.ones(32, int))
    foreign = dict(
        type='BaseSegDataset',
        data_root=str(tmp_path),
        data_prefix=dict(img_path='i', seg_map_path='l'),
        metainfo=dict(classes=('one', 'two')),
        reduce_zero_label=True,
    )
    (group,) = check(config(train=foreign)).groups
    assert group.counts[[0, 1, 255]].tolist() == [256, 256, 256]
    report = check(config(train={**foreign, 'reduce_zero_label': False}))
    assert kinds(report) == ['numbers'] and '2 in 256 pixels' in report.problems[0].message


def test_a_choice_of_classes_is_counted_by_its_own_numbers(tmp_path):
    tiny.cityscapes(tmp_path, 'train', count=1)
    chosen = dict(classes=('car', 'road'), palette=[[0, 0, 142], [128, 64, 128]])
    report = check(config(train=dict(type='Cityscapes', data_root=str(tmp_path), metainfo=chosen)))
    (group,) = report.groups
    # 768 = 40 x 19 + 8: 40 pixels of car (13), 41 of road (0)
    assert group.counts[:2].tolist() == [40, 41] and group.counts[255] == 768 - 81
    assert report.problems == []


@pytest.mark.parametrize(
    ('settings', 'told'),
    [
        (dict(), 'no train_dataloader'),
        (dict(train_dataloader=dict(batch_size=1)), 'train_dataloader has no dataset'),
        (dict(val_dataloader=dict(dataset=[dict(data_root='x')])), r'dataset\.0 has no type'),
        (dict(val_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[3]))), 'is 3; a'),
    ],
)
def test_a_config_without_data_sets_is_refused_by_the_key(settings, told):
    with pytest.raises(ConfigError, match=told):
        check(Config(settings))
