import json
from pathlib import Path

import pytest

from rein.datasets.classes import (
    CAMVID_IDS,
    CITYSCAPES_IDS,
    CLASSES,
    MERGES,
    PALETTE,
    SYNTHIA_IDS,
    THINGS,
)
from rein.datasets.mapillary_classes import MAPILLARY_IDS, MAPILLARY_LABELS

SHARED = Path(__file__).resolve().parents[2] / '..' / 'shared'


def train_ids(ids):
    return {number: label for number, label in ids.items() if label != 255}


def test_the_cityscapes_ids_are_those_of_its_label_table():
    numbers = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]
    assert train_ids(CITYSCAPES_IDS) == dict(zip(numbers, range(19), strict=True))
    assert all(CITYSCAPES_IDS[n] == 255 for n in (0, 6, 9, 10, 14, 15, 16, 18, 29, 30, 255))


def test_the_synthia_ids_are_those_of_the_published_map():
    published = (
        '3:0 4:1 2:2 21:3 5:4 7:5 15:6 9:7 6:8 16:9 1:10 10:11 17:12 8:13 18:14 19:15 20:16 '
        '12:17 11:18'
    )
    pairs = (entry.split(':') for entry in published.split())
    assert train_ids(SYNTHIA_IDS) == {int(a): int(b) for a, b in pairs}
    assert SYNTHIA_IDS[22] == 255  # lane marking


def test_the_mapillary_ids_are_those_of_the_published_rule():
    published = {
        'road': (7, 8, 10, 13, 14, 23, 24),
        'sidewalk': (2, 9, 11, 15),
        'building': (17,),
        'wall': (6,),
        'fence': (3,),
        'pole': (44, 45, 47),
        'traffic light': (48,),
        'traffic sign': (46, 49, 50),
        'vegetation': (30,),
        'terrain': (29,),
        'sky': (27,),
        'person': (19,),
        'rider': (20, 21, 22),
        'car': (55,),
        'truck': (61,),
        'bus': (54,),
        'train': (58,),
        'motorcycle': (57,),
        'bicycle': (52,),
    }
    expected = {n: CLASSES.index(name) for name, ns in published.items() for n in ns}
    assert train_ids(MAPILLARY_IDS['rein']) == expected
    assert len(MAPILLARY_IDS['rein']) == 66


def test_the_mapillary_labels_stand_in_the_order_of_the_release():
    path = SHARED / 'data/format_synthetic/mapillary/config_v1.2.json'
    if not path.is_file():
        pytest.skip('../shared/data/format_synthetic is not here')
    rows = json.loads(path.read_text())['labels']
    assert tuple(row['name'] for row in rows) == MAPILLARY_LABELS


def test_camvid_has_eleven_of_the_classes():
    assert len(set(train_ids(CAMVID_IDS).values())) == 11
    merged = MERGES['camvid11']
    assert {CLASSES[k] for k in train_ids(CAMVID_IDS).values()} == set(merged)
    assert sorted(name for names in merged.values() for name in names) == sorted(CLASSES)


@pytest.mark.parametrize(('name', 'size'), [('camvid11', 11), ('synthia16', 16), ('synthia13', 13)])
def test_a_merge_has_as_many_groups_as_its_name_says(name, size):
    assert len(MERGES[name]) == size


def test_every_class_has_a_colour_of_its_own_and_eight_are_things():
    assert len(set(PALETTE)) == len(CLASSES) == 19
    assert THINGS == (
        'person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle'
    )  # fmt: skip
