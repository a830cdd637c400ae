import random

import numpy as np
import pytest
from PIL import Image

from rein.datasets.scale_crop import ScaleAndCrop, bicubic_part

NOISE = np.random.RandomState(0).randint(0, 256, (105, 191, 3)).astype(np.uint8)


def resized(array, size, filter_):
    return np.asarray(Image.fromarray(array).resize(size, filter_))


@pytest.mark.parametrize('seed', range(40))
def test_a_part_is_resized_as_the_whole_is(seed):
    rng = np.random.RandomState(seed)
    factor = rng.uniform(0.2, 3)
    size = int(191 * factor), int(105 * factor)
    whole = resized(NOISE, size, Image.Resampling.BICUBIC)
    for _ in range(10):
        (left, right), (top, bottom) = (sorted(rng.randint(0, s + 1, 2)) for s in size)
        if left < right and top < bottom:
            part = bicubic_part(NOISE, size, slice(top, bottom), slice(left, right))
            assert np.array_equal(part, whole[top:bottom, left:right])


@pytest.mark.parametrize('seed', range(40))
def test_samples_are_those_of_resizing_padding_and_cutting_the_whole(seed):
    labels = (NOISE[..., 0] % 19).copy()
    sample = dict(img=NOISE, gt_seg_map=labels, seg_fields=['gt_seg_map'])
    if seed % 2:
        sample['centroid'] = [150, 20]
    step = ScaleAndCrop(77)
    random.seed(seed)
    found = step.transform(dict(sample))
    after = random.random()
    random.seed(seed)
    factor = random.uniform(0.5, 2.0)
    size = int(191 * factor), int(105 * factor)
    borders = [(77 - s) // 2 + 1 if s < 77 else 0 for s in size]
    point = sample.get('centroid')
    if point:
        point = [int(p * factor) + b for p, b in zip(point, borders, strict=True)]
    left, top = step._corner([s + 2 * b for s, b in zip(size, borders, strict=True)], point)
    sides = [(borders[1], borders[1]), (borders[0], borders[0])]
    image = np.pad(resized(NOISE, size, Image.Resampling.BICUBIC), [*sides, (0, 0)])
    labels = np.pad(resized(labels, size, Image.Resampling.NEAREST), sides, constant_values=255)
    assert np.array_equal(found['img'], image[top : top + 77, left : left + 77])
    assert np.array_equal(found['gt_seg_map'], labels[top : top + 77, left : left + 77])
    assert random.random() == after
