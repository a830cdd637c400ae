import itertools
import time

import numpy as np
import pytest

from rein.models.losses.kmeans import kmeans_1d


def within(values, labels):
    return sum(((values[labels == k] - values[labels == k].mean()) ** 2).sum() for k in set(labels))


def best_by_trying_all(values, clusters):
    """Least cost over all ways to cut the sorted values into that many stretches."""
    ordered = np.sort(values)
    return min(
        sum(((part - part.mean()) ** 2).sum() for part in np.split(ordered, cuts))
        for cuts in itertools.combinations(range(1, len(ordered)), clusters - 1)
    )


def test_three_heaps_worked_by_hand():
    values = np.array([10.0, 0.0, 21.0, 1.0, 11.0, 20.0, 0.5])
    assert kmeans_1d(values, 3).tolist() == [1, 0, 2, 0, 1, 2, 0]


@pytest.mark.parametrize('seed', range(8))
def test_no_other_division_is_better(seed):
    values = np.random.default_rng(seed).gamma(0.5, size=11)
    for clusters in range(1, 6):
        labels = kmeans_1d(values, clusters)
        assert within(values, labels) == pytest.approx(best_by_trying_all(values, clusters))
        assert set(labels) == set(range(clusters))


def test_labels_rise_with_the_values_and_equal_values_stay_together():
    values = np.random.default_rng(1).integers(0, 30, 500).astype(float)
    labels = kmeans_1d(values, 7)
    order = np.argsort(values)
    assert (np.diff(labels[order]) >= 0).all()
    assert all(len(set(labels[values == v])) == 1 for v in set(values))


def test_fewer_clusters_come_out_of_fewer_values():
    assert kmeans_1d(np.array([3.0, 3.0, 1.0]), 5).tolist() == [1, 1, 0]
    assert kmeans_1d(np.zeros(4), 2).tolist() == [0, 0, 0, 0]


def test_numbers_far_from_zero_are_divided_as_well():
    values = np.array([1e6, 1e6 + 1e-3, 1e6 + 1, 1e6 + 1.001])
    assert kmeans_1d(values, 2).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(('values', 'clusters'), [([], 2), ([1.0, np.nan], 2), ([1.0], 0)])
def test_what_cannot_be_divided_is_refused(values, clusters):
    with pytest.raises(ValueError, match='kmeans_1d divides finite numbers'):
        kmeans_1d(np.array(values), clusters)


def test_the_covariances_of_512_channels_take_seconds():
    values = np.triu(np.random.default_rng(0).exponential(size=(512, 512)), 1)
    started = time.perf_counter()
    labels = kmeans_1d(values, 20)
    assert time.perf_counter() - started < 60
    assert labels.max() == 19
