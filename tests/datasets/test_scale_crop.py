import random

import numpy as np
import pytest
from recipes import recorded

from rein.datasets.scale_crop import ScaleAndCrop

CASES = recorded('data')['random_size_and_crop']['cases']


def scene(height=105, width=191):
    y, x = np.mgrid[:height, :width]
    return dict(
        img=np.stack([x, y, x + y], -1).astype(np.uint8),
        gt_seg_map=((y // 10 + x // 10) % 19).astype(np.uint8),
        seg_fields=['gt_seg_map'],
    )


@pytest.mark.parametrize('case', CASES, ids=lambda c: f'{c["seed"]}-{c["centroid"]}')
def test_scale_and_crop_agree_with_the_authors(case):
    random.seed(case['seed'])
    sample = scene()
    if case['centroid']:
        sample['centroid'] = case['centroid']
    labels = ScaleAndCrop(77).transform(sample)['gt_seg_map']
    assert list(labels.shape) == case['size']
    assert labels.sum() == case['mask_sum']
    assert (labels == 255).sum() == case['mask_255']
    assert random.random() == case['next_random']


@pytest.mark.parametrize('seed', range(30))
def test_the_point_is_in_the_crop_even_where_the_image_is_padded(seed):
    random.seed(seed)
    sample = scene()
    sample['gt_seg_map'][:] = 0
    sample['gt_seg_map'][60:66, 150:156] = 7  # 3x3 pixels at half the size
    sample['centroid'] = (153, 63)
    found = ScaleAndCrop(77).transform(sample)
    assert (found['gt_seg_map'] == 7).any()
    assert 'centroid' not in found


def test_what_is_too_small_gets_a_black_border_without_labels():
    random.seed(0)
    sample = scene(40, 60)
    sample['img'][:] = 200
    found = ScaleAndCrop(64, scale=(0.5, 0.5)).transform(sample)
    padded = found['gt_seg_map'] == 255
    assert (found['img'][padded] == 0).all()
    assert (found['img'][~padded] == 200).all()
    assert (~padded).sum() == 20 * 30
    assert found['img_shape'] == (64, 64)


def test_an_image_of_the_right_size_is_cut_nowhere():
    sample = scene(64, 64)
    before = sample['gt_seg_map'].copy()
    found = ScaleAndCrop(64, scale=(1, 1)).transform(sample)
    assert (found['gt_seg_map'] == before).all()


def test_a_factor_of_zero_is_refused():
    with pytest.raises(ValueError, match=r'ScaleAndCrop\.scale is \(0, 1\)'):
        ScaleAndCrop(64, scale=(0, 1))
