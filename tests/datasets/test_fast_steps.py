import numpy as np
import pytest
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop

from rein.datasets import FastPhotoMetricDistortion, FastRandomCrop
from rein.datasets.label_files import histogram
from rein.datasets.streetscenes.picture import render

STREETS = [render(seed, 'game', (192, 96)) for seed in range(4)]
SAMPLES = [
    *STREETS,
    (STREETS[0][0], np.full((96, 192), 255, np.uint8)),  # no classes at all
    (STREETS[0][0], np.full((96, 192), 3, np.uint8)),  # one only
    (STREETS[0][0], np.random.RandomState(0).randint(0, 19, (96, 192)).astype(np.uint8)),
    (STREETS[0][0], STREETS[0][1].astype(np.int64)),
]


def cropped(kind, sample, seed, **settings):
    np.random.seed(seed)
    image, labels = sample
    results = dict(img=image, gt_seg_map=labels, seg_fields=['gt_seg_map'])
    found = kind(**settings).transform(results)
    return found['img'], found['gt_seg_map'], found['img_shape'], np.random.random()


@pytest.mark.parametrize(
    'settings',
    [
        dict(crop_size=(48, 64), cat_max_ratio=0.75),
        dict(crop_size=(48, 64), cat_max_ratio=0.3),  # often all ten tries
        dict(crop_size=(48, 64), cat_max_ratio=0.5, ignore_index=0),
        dict(crop_size=(48, 64), cat_max_ratio=0.5, ignore_index=-100),
        dict(crop_size=(120, 64), cat_max_ratio=0.75),  # higher than the image
        dict(crop_size=48),
    ],
)
@pytest.mark.parametrize('sample', SAMPLES, ids=[*range(4), 'none', 'one', 'noise', 'int64'])
def test_crops_are_those_of_mmsegmentation(sample, settings):
    for seed in range(8):
        ours, theirs = (
            cropped(kind, sample, seed, **settings) for kind in (FastRandomCrop, RandomCrop)
        )
        assert np.array_equal(ours[0], theirs[0])
        assert np.array_equal(ours[1], theirs[1])
        assert ours[2:] == theirs[2:]  # the size, and what is drawn next


@pytest.mark.parametrize(
    'labels',
    [
        STREETS[0][1],
        STREETS[0][1][7:71, 11:90],  # not one piece of memory
        np.random.RandomState(0).randint(0, 256, (50, 60)).astype(np.uint8),
        np.full((3, 1), 255, np.uint8),
        np.full((4200, 4200), 9, np.uint8),  # more pixels than OpenCV counts without loss
    ],
    ids=['street', 'part', 'noise', 'small', 'large'],
)
def test_pixels_are_counted_whatever_the_runs(labels):
    counts = histogram(labels)
    assert counts.dtype == np.int64
    assert np.array_equal(counts, np.bincount(labels.ravel(), minlength=256))


@pytest.mark.parametrize(
    'settings',
    [
        dict(),
        dict(brightness_delta=200, contrast_range=(0.0, 3.0), hue_delta=179),
        dict(brightness_delta=1, contrast_range=(1.0, 1.0), saturation_range=(2.0, 9.0)),
    ],
    ids=['default', 'strong', 'saturated'],
)
@pytest.mark.parametrize('step', [slice(None), slice(None, None, -1)], ids=['plain', 'flipped'])
def test_distorted_colours_are_those_of_mmsegmentation(settings, step):
    noise = np.random.RandomState(0).randint(0, 256, (64, 80, 3)).astype(np.uint8)
    for seed, image in enumerate(10 * [noise, STREETS[0][0]]):
        shown = image[5:60, step]  # a view, as a crop is
        before, found = shown.copy(), []
        for kind in (FastPhotoMetricDistortion, PhotoMetricDistortion):
            np.random.seed(seed)
            found.append((kind(**settings).transform(dict(img=shown))['img'], np.random.random()))
        assert found[0][0].dtype == np.uint8
        assert np.array_equal(found[0][0], found[1][0])
        assert found[0][1] == found[1][1]  # what is drawn next
        assert np.array_equal(shown, before)  # another view may still need it
