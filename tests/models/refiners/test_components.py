import json
from pathlib import Path

import numpy as np
import pytest

from rein.models.refiners.components import (
    Component,
    draw_points,
    eroded,
    large_components,
    parts,
)

RECORDED = json.loads(
    (Path(__file__).resolve().parents[2] / 'reference/clouds_refinement.json').read_text()
)


def map_of(name):
    pairs = np.array(RECORDED['maps'][name]['input']['rle'])
    shape = RECORDED['maps'][name]['input']['shape']
    return np.repeat(pairs[0::2], pairs[1::2]).reshape(shape).astype(np.uint8)


@pytest.mark.parametrize('name', RECORDED['maps'])
def test_large_regions_are_the_authors(name):
    found = {}
    for each in large_components(map_of(name), 5000):
        left, top, right, bottom = each.box
        row = {
            'area': each.area,
            'first_px_yx': each.places[0].tolist(),
            'bbox_yxyx': [top, left, bottom, right],
        }
        found.setdefault(str(each.label), []).append(row)
    assert found == RECORDED['maps'][name]['components']


@pytest.mark.parametrize('case', RECORDED['prompts'], ids=lambda c: f'{c["map"]}-{c["args"]}')
def test_points_are_the_authors_under_their_seed(case):
    settings, draw = case['args'], np.random.RandomState(case['seed'])
    found = {}
    for each in large_components(map_of(case['map']), 5000):
        part = eroded(each, settings['erosion_size']) if settings['apply_erosion'] else each
        mode = settings['selection_mode'].replace('largest_component', 'last_part')
        points = draw_points(part, settings['num_points'], draw, mode)
        found.setdefault(str(each.label), []).append(points.tolist())
    assert found == {label: points for label, points in case['points_xy'].items() if points}


def test_regions_that_touch_at_a_corner_are_two():
    labels = np.full((4, 4), 255)
    labels[:2, :2] = labels[2:, 2:] = 3
    assert [each.area for each in large_components(labels, 3)] == [4, 4]
    assert large_components(labels, 4) == []


def test_neighbours_of_different_classes_are_apart_and_no_class_is_none():
    labels = np.array([[5, 5, 2], [5, 2, 2], [255, 255, 255]])
    found = large_components(labels, 0)
    assert [(each.label, each.pixels.tolist()) for each in found] == [
        (2, [2, 4, 5]),
        (5, [0, 1, 3]),
    ]


def test_a_region_with_too_few_pixels_makes_no_points():
    region = Component(1, np.array([0, 1]), (4, 4))
    assert draw_points(region, 3, np.random.default_rng(0)) is None
    assert eroded(region, 3).area == 0
    assert draw_points(eroded(region, 3), 1, np.random.default_rng(0)) is None


@pytest.mark.parametrize('draw', [np.random.default_rng(0), np.random.RandomState(0)])
def test_points_are_different_pixels_of_the_region(draw):
    mask = np.zeros((20, 30), bool)
    mask[3:9, 10:14] = True
    region = Component(1, np.flatnonzero(mask), mask.shape)
    points = draw_points(region, 20, draw)
    assert len({tuple(p) for p in points.tolist()}) == 20
    assert mask[points[:, 1].astype(int), points[:, 0].astype(int)].all()


def two_parts():
    """A region that erosion has cut: nine pixels, then four."""
    mask = np.zeros((6, 40), bool)
    mask[1:4, 2:5] = mask[3:5, 30:32] = True
    return Component(1, np.flatnonzero(mask), mask.shape)


def test_parts_of_a_region_are_in_the_order_of_their_first_pixels():
    assert [len(part) for part in parts(two_parts())] == [9, 4]


def test_points_of_the_last_part_or_around_the_middle_of_the_largest():
    draw = np.random.default_rng(0)
    last = draw_points(two_parts(), 4, draw, 'last_part')
    assert (last[:, 0] >= 30).all()
    middle = draw_points(two_parts(), 8, draw, 'center')
    assert (middle[:, 0] < 5).all()
    assert draw_points(two_parts(), 5, draw, 'last_part') is None
    assert draw_points(two_parts(), 9, draw, 'center') is None  # it wants one more than it draws


def test_an_unknown_mode_is_refused():
    region = Component(1, np.arange(4), (2, 2))
    with pytest.raises(ValueError, match=r"mode is 'best'; use one of"):
        draw_points(region, 1, np.random.default_rng(0), 'best')
