import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from recipes import REFERENCE

from rein.models.segmentors.mixing import ClassMix
from rein.models.segmentors.pseudo_labels import (
    ConfidentShare,
    IgnoreBands,
    IgnoreUnsure,
    PseudoLabels,
    best_classes,
)
from rein.models.segmentors.strong_views import JitterAndBlur, blurred, jittered

RECORDED = json.loads(Path(REFERENCE, 'self_training.json').read_text())
MEAN = torch.tensor([123.675, 116.28, 103.53])[:, None, None]
STD = torch.tensor([58.395, 57.12, 57.375])[:, None, None]


def recorded_labels():
    drawn = np.random.RandomState(3).randn(2, 19, 6, 8).astype(np.float32) * 4
    return best_classes(torch.from_numpy(drawn), shares=False)


def test_labels_and_confidences_of_logits_are_the_authors():
    case, found = RECORDED['pseudo_label'], recorded_labels()
    assert found.labels.tolist() == case['pseudo_label']
    np.testing.assert_allclose(found.confidence, case['max_prob'], atol=1e-6)


def test_the_share_of_sure_pixels_is_one_number_for_the_batch():
    case = RECORDED['pseudo_label']
    weighed = ConfidentShare(case['threshold'])(recorded_labels())
    assert weighed.weights.unique().tolist() == pytest.approx([case['n_confident'] / 96])
    assert weighed.weights.unique().item() == pytest.approx(case['weight_scalar'])
    again = ConfidentShare(case['threshold'])(weighed)
    assert again.weights.unique().item() == pytest.approx(case['weight_scalar'] ** 2)


def test_confidence_of_scores_that_are_shares_is_the_share_of_their_sum():
    scores = torch.tensor([[3.0, 1.0], [1.0, 0.0]]).T.reshape(1, 2, 1, 2)
    found = best_classes(scores, shares=True)
    assert found.labels.tolist() == [[[0, 0]]]
    assert found.confidence.tolist() == [[[0.75, 1.0]]]
    nothing = best_classes(torch.zeros(1, 3, 1, 1), shares=True)
    assert nothing.confidence.item() == 0


def test_one_channel_tells_two_classes_apart_by_its_threshold():
    logits = torch.tensor([0.0, 2.0, -3.0]).view(1, 1, 1, 3)
    assert best_classes(logits, shares=False).labels.tolist() == [[[0, 1, 0]]]
    low = best_classes(logits, shares=False, threshold=0.3)
    assert low.labels.tolist() == [[[1, 1, 0]]]
    assert low.confidence[0, 0].tolist() == pytest.approx([0.5, 0.880797, 0.952574], abs=1e-6)


def pseudo(labels, confidence):
    return PseudoLabels(torch.tensor(labels), torch.tensor(confidence))


def test_unsure_pixels_lose_their_label():
    kept = IgnoreUnsure(0.5)(pseudo([[[1, 2, 3]]], [[[0.4, 0.5, 0.9]]]))
    assert kept.labels.tolist() == [[[255, 2, 3]]]


def test_bands_lose_their_labels_and_the_original_stays():
    before = pseudo([[[1], [2], [3], [4]]], [[[0.5]] * 4])
    assert IgnoreBands(top=1, bottom=2)(before).labels.flatten().tolist() == [255, 2, 255, 255]
    assert IgnoreBands(top=1)(before).labels.flatten().tolist() == [255, 2, 3, 4]
    assert IgnoreBands(bottom=9)(before).labels.flatten().tolist() == [255] * 4
    assert before.labels.flatten().tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize('case', RECORDED['classmix']['cases'], ids=lambda c: f'seed{c["np_seed"]}')
def test_mixed_classes_are_the_authors(case):
    labels = torch.tensor(RECORDED['classmix']['labels_B1HW'])[:, 0]
    np.random.seed(case['np_seed'])
    assert ClassMix().masks(labels).int().tolist() == case['masks']


def test_classes_of_the_image_alone_are_pasted():
    labels = torch.tensor([[[1, 1, 2, 2]], [[5, 5, 5, 5]]])
    np.random.seed(0)
    masks = ClassMix(pool='image').masks(labels)
    assert masks[0].sum() == 2  # one of two classes
    assert masks[1].all()  # the only one


@pytest.mark.parametrize('number', range(4))
def test_jittered_colours_are_the_authors(number):
    case = RECORDED['strong']['color_jitter']['cases'][number]
    image = torch.tensor(RECORDED['strong']['img_uint8_rgb']).float() / 255
    names = ('brightness', 'contrast', 'saturation', 'hue')
    factors = torch.tensor([[case['params'][f'{name}_factor'][0] for name in names]])
    found = (jittered(image, factors, case['params']['order']) * 255 - MEAN) / STD
    torch.testing.assert_close(found, torch.tensor(case['out_norm']), atol=2e-4, rtol=0)


def test_blur_is_the_authors():
    case = RECORDED['strong']['gaussian_blur']
    draw = np.random.RandomState(21)
    draw.randint(0, 256, (1, 3, 6, 6))
    image = torch.from_numpy(draw.rand(1, 3, 40, 60)[0].astype(np.float32))
    found = blurred(image, case['sigma'])
    assert found.sum().item() == pytest.approx(case['out_sum'], rel=1e-5)
    torch.testing.assert_close(
        found[:, :3, :3], torch.tensor(case['out_corner']), atol=1e-5, rtol=0
    )


def test_strong_views_come_for_the_whole_batch_or_not_at_all():
    images = (torch.rand(2, 3, 32, 40) * 255 - MEAN) / STD
    random.seed(0)
    torch.manual_seed(0)
    assert torch.equal(JitterAndBlur(jitter=0, blur=0)(images, MEAN, STD), images)
    changed = JitterAndBlur(jitter=1, blur=0)(images, MEAN, STD)
    assert (changed - images).abs().flatten(1).mean(1).min() > 0.05
    smooth = JitterAndBlur(jitter=0, blur=1)(images, MEAN, STD)
    assert smooth.shape == images.shape
    assert smooth.diff().abs().mean() < images.diff().abs().mean()


@pytest.mark.parametrize(
    ('part', 'message'),
    [
        (lambda: IgnoreUnsure(1.5), r'IgnoreUnsure\.threshold is 1\.5'),
        (lambda: ConfidentShare(-1), r'ConfidentShare\.threshold is -1'),
        (lambda: IgnoreBands(), 'not both 0'),
        (lambda: ClassMix(pool='all'), r"ClassMix\.pool is 'all'"),
        (lambda: JitterAndBlur(strength=0.9), 'strength is from 0 to 0.5'),
    ],
)
def test_impossible_settings_are_refused(part, message):
    with pytest.raises(ValueError, match=message):
        part()
