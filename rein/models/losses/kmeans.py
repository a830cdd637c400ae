"""K-means on a line, which has an exact solution."""

import numpy as np


def kmeans_1d(values: np.ndarray, clusters: int) -> np.ndarray:
    """Divide numbers into the clusters of least squared distance to their means, exactly.

    On a line clusters are stretches of the sorted numbers. The best last border of each beginning
    moves to the right with it, so every further cluster costs O(n log n) (divide and conquer on
    those borders) where n is the number of different values.

    Args:
        values: (N,), finite.
        clusters: how many; fewer come out where there are fewer different values.

    Returns:
        (N,) number of each value's cluster, in the order of the values.

    Raises:
        ValueError: no values, not finite, or ``clusters`` below 1.
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    if clusters < 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f'kmeans_1d divides finite numbers into 1 cluster or more, got {values.size} values '
            f'({np.isfinite(values).sum()} of them finite) and clusters={clusters}'
        )
    points, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    cost = _Cost(points, counts)
    size = len(points)
    best = cost(np.zeros(size, int), np.arange(size))
    begins = []  # begin of the last cluster of each beginning, for 2, 3, ... clusters
    for _ in range(min(clusters, size) - 1):
        best, begin = _one_more(best, cost)
        begins.append(begin)
    labels = np.zeros(size, int)
    end = size - 1
    for number, begin in zip(range(len(begins), 0, -1), reversed(begins), strict=True):
        labels[begin[end] : end + 1] = number
        end = begin[end] - 1
    return labels[places]


class _Cost:
    """Sum of squared distances to their mean of points first..last, inclusive."""

    def __init__(self, points: np.ndarray, counts: np.ndarray) -> None:
        points = points - np.average(points, weights=counts)  # smaller squares, less cancellation
        self.number = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
        self.sum = np.concatenate([[0.0], np.cumsum(points * counts)])
        self.square = np.concatenate([[0.0], np.cumsum(points**2 * counts)])

    def __call__(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        number = self.number[last + 1] - self.number[first]
        total = self.sum[last + 1] - self.sum[first]
        return np.maximum(self.square[last + 1] - self.square[first] - total**2 / number, 0)


def _one_more(best: np.ndarray, cost: _Cost) -> tuple[np.ndarray, np.ndarray]:
    """Least cost of each beginning with one cluster more, and where its last cluster begins.

    All middles of one depth of the recursion are worked out at once.
    """
    size = len(best)
    found, begins = np.full(size, np.inf), np.zeros(size, int)
    low, high = np.array([0]), np.array([size - 1])  # stretches of ends still to do
    left, right = np.array([0]), np.array([size - 1])  # between which their begins lie
    while len(low):
        middle = (low + high) // 2
        stop = np.minimum(right, middle)
        lengths = stop - left + 1
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        begin = np.arange(lengths.sum()) - np.repeat(offsets - left, lengths)
        end = np.repeat(middle, lengths)
        totals = np.where(begin > 0, best[begin - 1], np.inf) + cost(begin, end)
        least = np.minimum.reduceat(totals, offsets)
        first = np.flatnonzero(totals == np.repeat(least, lengths))
        place = first[np.searchsorted(first, offsets)]
        found[middle], begins[middle] = least, begin[place]
        chosen = begin[place]
        low = np.concatenate([low, middle + 1])
        high = np.concatenate([middle - 1, high])
        left = np.concatenate([left, chosen])
        right = np.concatenate([chosen, right])
        open_ = low <= high
        low, high, left, right = low[open_], high[open_], left[open_], right[open_]
    return found, begins
