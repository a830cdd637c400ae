"""Label maps as pictures for a ControlNet and as labels of what comes out."""

import numpy as np
import pytest
from PIL import Image

from rein.datasets.classes import CLASSES, PALETTE
from rein.generation.conditions import ADE20K, LabelMaps


@pytest.fixture
def maps(tmp_path):
    (tmp_path / 'aachen').mkdir()
    wide = np.zeros((8, 20), np.uint8)
    wide[:, 6:14] = 13
    wide[:, 10:14] = 255
    Image.fromarray(wide).save(tmp_path / 'aachen/a.png')
    Image.fromarray(np.full((8, 8), 10, np.uint8)).save(tmp_path / 'b.png')
    return LabelMaps(tmp_path)


def test_maps_take_turns_in_the_order_of_their_names(maps):
    assert [maps.source(k) for k in range(3)] == ['aachen/a.png', 'b.png', 'aachen/a.png']


def test_a_map_is_cut_in_its_middle_to_the_form_of_the_image(maps):
    labels = maps.labels(0, (4, 4))
    np.testing.assert_array_equal(labels, [[13, 13, 255, 255]] * 4)


def test_colours_are_those_that_the_controlnet_knows(maps):
    labels = np.array([[0, 13, 255]], np.uint8)
    assert np.asarray(maps.picture(labels))[0].tolist() == [
        list(PALETTE[0]),
        list(PALETTE[13]),
        [0, 0, 0],
    ]
    ade = np.asarray(LabelMaps(maps.folder, 'ade20k').picture(labels))[0].tolist()
    assert ade == [list(ADE20K['road']), list(ADE20K['car']), [0, 0, 0]]
    assert list(ADE20K) == list(CLASSES)


def test_another_map_or_name_is_another_fingerprint(maps, tmp_path):
    before = maps.fingerprint
    (tmp_path / 'b.png').rename(tmp_path / 'c.png')
    assert LabelMaps(tmp_path).fingerprint != before


def test_what_cannot_be_generated_from_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'no label map \(\*\.png\) below'):
        LabelMaps(tmp_path)
    Image.fromarray(np.full((4, 4), 33, np.uint8)).save(tmp_path / 'ids.png')
    with pytest.raises(ValueError, match="label colours 'cityscape': use cityscapes or ade20k"):
        LabelMaps(tmp_path, 'cityscape')
    with pytest.raises(ValueError, match=r'ids\.png holds the numbers 33 .*train ids'):
        LabelMaps(tmp_path).labels(0, (8, 8))
