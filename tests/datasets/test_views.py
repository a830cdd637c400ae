import random

import numpy as np
import pytest
import torch
import torchvision
from mmengine.registry import init_default_scope
from PIL import Image
from recipes import recorded

from rein.datasets.transforms import PackInputs
from rein.datasets.views import ColorJitter, GaussianBlur, TwoViews, blurred

RECORDED = recorded('data')['gaussian_blur']['result']
JITTER = dict(type='ColorJitter', brightness=0.8, contrast=0.8, saturation=0.8, hue=0.3)


def image(height=32, width=48, seed=131):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def seed(number):
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.mark.parametrize('sigma', RECORDED)
def test_blur_agrees_with_the_recorded_one(sigma):
    found = blurred(image(), float(sigma))
    assert found.sum(dtype=int) == RECORDED[sigma]['sum']
    assert found[5, :4].tolist() == RECORDED[sigma]['row5']


def test_blur_draws_its_width_between_the_two():
    step = GaussianBlur(sigma=(0.5, 0.9))
    seed(3)
    expected = blurred(image(), random.uniform(0.5, 0.9))
    seed(3)
    assert (step.transform(dict(img=image()))['img'] == expected).all()


@pytest.mark.parametrize('sigma', [(0, 1), (2, 1)])
def test_blur_of_no_width_is_refused(sigma):
    with pytest.raises(ValueError, match=r'GaussianBlur\.sigma is'):
        GaussianBlur(sigma)


def test_jitter_is_torchvisions_on_the_colours_as_they_are_seen():
    step = ColorJitter(0.4, 0.4, 0.4, 0.1)
    theirs = torchvision.transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    seed(5)
    found = step.transform(dict(img=image()))['img']
    seed(5)
    expected = np.asarray(theirs(Image.fromarray(image()[..., ::-1])))[..., ::-1]
    assert (found == expected).all()
    assert (found != image()).any()


def test_jitter_happens_as_often_as_it_should():
    step = ColorJitter(brightness=0.8, prob=0.5)
    seed(0)
    changed = [
        (step.transform(dict(img=image(2, 2)))['img'] != image(2, 2)).any() for _ in range(400)
    ]
    assert 0.42 < np.mean(changed) < 0.58


def test_both_views_come_from_the_same_image():
    init_default_scope('mmseg')
    step = TwoViews(original=[dict(type='GaussianBlur')], restyled=[JITTER])
    seed(1)
    found = step.transform(dict(img=image(), gt_seg_map=np.zeros((32, 48), np.uint8)))
    seed(1)
    moved = ColorJitter(0.8, 0.8, 0.8, 0.3).transform(dict(img=image()))['img']
    kept = GaussianBlur().transform(dict(img=image()))['img']
    assert (found['restyled'] == moved).all()
    assert (found['img'] == kept).all()


def test_a_view_of_another_size_is_refused():
    init_default_scope('mmseg')
    step = TwoViews(original=[], restyled=[dict(type='Resize', scale=(24, 16))])
    with pytest.raises(ValueError, match='put resizing and cropping before TwoViews'):
        step.transform(dict(img=image()))


def test_both_views_are_packed_alike():
    results = dict(img=image(), restyled=image(seed=7), gt_seg_map=np.zeros((32, 48), np.uint8))
    packed = PackInputs().transform(dict(results, seg_fields=['gt_seg_map']))
    assert packed['inputs'].shape == packed['restyled'].shape == (3, 32, 48)
    assert (packed['restyled'].numpy().transpose(1, 2, 0) == image(seed=7)).all()
    assert 'restyled' not in PackInputs().transform(dict(img=image()))
