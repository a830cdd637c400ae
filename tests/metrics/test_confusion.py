import numpy as np
import pytest
import torch
from mmseg.evaluation.metrics import IoUMetric

from rein.datasets.classes import CLASSES, MERGES
from rein.metrics.confusion import count_confusion, merge_classes, scores

LABELS = torch.tensor([[0, 0, 1, 1], [2, 2, 255, 255]])
PREDICTIONS = torch.tensor([[0, 1, 1, 1], [2, 0, 0, 2]])


def test_a_confusion_matrix_counted_by_hand():
    counted = count_confusion(PREDICTIONS, LABELS, 4)
    assert counted.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]


def test_scores_worked_by_hand():
    found = scores(count_confusion(PREDICTIONS, LABELS, 4), 4)
    # Class 0: 1 right, 2 labelled, 2 predicted; class 1: 2, 2, 3; class 2: 1, 2, 1.
    assert np.allclose(found['IoU'], [100 / 3, 200 / 3, 50, np.nan], equal_nan=True)
    assert np.allclose(found['Acc'], [50, 100, 50, np.nan], equal_nan=True)
    assert np.isclose(found['aAcc'], 100 * 4 / 6)


def test_scores_equal_those_of_mmsegmentation():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 6, (40, 40), generator=generator)
    labels[labels == 5] = 255
    guesses = torch.randint(0, 5, (40, 40), generator=generator)
    predictions = torch.where(torch.rand(40, 40, generator=generator) < 0.5, labels % 5, guesses)
    areas = IoUMetric.intersect_and_union(predictions, labels, 7, 255)
    theirs = IoUMetric.total_area_to_metrics(*areas)
    ours = scores(count_confusion(predictions, labels, 7), 7)
    for key in ('IoU', 'Acc', 'aAcc'):
        assert np.allclose(ours[key], 100 * theirs[key], equal_nan=True)


def test_merged_classes_are_one_class_in_labels_and_predictions():
    confusion = np.array([[5, 1, 2], [3, 4, 1], [0, 2, 6]])
    merged = merge_classes(confusion, ['wall', 'fence', 'sky'], {'fence': ['wall', 'fence']})
    assert merged.tolist() == [[13, 3], [2, 6]]
    assert np.isclose(scores(merged, 1)['IoU'][0], 100 * 13 / (13 + 3 + 2))


def test_the_nineteen_classes_as_camvids_eleven():
    confusion = np.zeros((19, 19), int)
    index = {name: k for k, name in enumerate(CLASSES)}
    confusion[index['fence'], index['wall']] = 4  # one class in CamVid, so right
    confusion[index['rider'], index['bicycle']] = 3
    confusion[index['car'], index['bus']] = 2
    confusion[index['traffic sign'], index['sky']] = 1  # wrong
    merged = merge_classes(confusion, CLASSES, MERGES['camvid11'])
    found = dict(zip(MERGES['camvid11'], scores(merged, 11)['IoU'], strict=True))
    assert found['fence'] == found['rider'] == found['car'] == 100
    assert found['traffic sign'] == found['sky'] == 0
    assert merged[11].sum() == merged[:, 11].sum() == 0  # every class has a place


def test_synthias_sixteen_are_the_mean_over_nineteen_scaled_when_the_others_score_nothing():
    # DAFormer's convention: mIoU16 = mIoU19 * 19 / 16 when terrain, truck, train are never right.
    confusion = np.random.RandomState(0).randint(1, 50, (19, 19))
    for name in ('terrain', 'truck', 'train'):
        confusion[CLASSES.index(name), CLASSES.index(name)] = 0
    sixteen = scores(merge_classes(confusion, CLASSES, MERGES['synthia16']), 16)
    nineteen = scores(confusion, 19)
    assert np.isclose(sixteen['IoU'].mean(), nineteen['IoU'].mean() * 19 / 16)


def test_numbers_and_sizes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'prediction has shape \(2, 4\), its label \(4, 2\)'):
        count_confusion(PREDICTIONS, LABELS.T, 3)
    with pytest.raises(ValueError, match=r'label holds the numbers \[0, 1, 2\]; allowed .* 0 to 1'):
        count_confusion(PREDICTIONS.clamp(max=1), LABELS, 2)


def test_groups_that_do_not_fit_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"unknown: \['lawn'\]"):
        merge_classes(np.eye(2), ['sky', 'road'], {'a': ['lawn']})
    with pytest.raises(ValueError, match='each class once'):
        merge_classes(np.eye(2), ['sky', 'road'], {'a': ['sky'], 'b': ['sky']})
