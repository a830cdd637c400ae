"""Confusion matrices: counting, merging classes, and the scores that follow."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor


def count_confusion(
    predictions: Tensor, labels: Tensor, num_classes: int, ignore_index: int = 255
) -> np.ndarray:
    """Count how often each class was taken for each.

    Args:
        predictions: (H, W), integers from 0 to ``num_classes - 1``.
        labels: (H, W), likewise, or ``ignore_index`` where nothing is counted.
        num_classes: K.
        ignore_index: label to leave out.

    Returns:
        (K, K), int64, pixels: row = label, column = prediction.

    Raises:
        ValueError: sizes differ, or a number is outside the classes.
    """
    if predictions.shape != labels.shape:
        raise ValueError(
            f'the prediction has shape {tuple(predictions.shape)}, its label {tuple(labels.shape)}'
        )
    valid = labels != ignore_index
    rows, columns = labels[valid].long(), predictions[valid].long()
    for what, numbers in (('label', rows), ('prediction', columns)):
        if numbers.numel() and not 0 <= int(numbers.min()) <= int(numbers.max()) < num_classes:
            raise ValueError(
                f'the {what} holds the numbers {numbers.unique().tolist()}; allowed are 0 to '
                f'{num_classes - 1} for {num_classes} classes'
            )
    counts = torch.bincount(rows * num_classes + columns, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).cpu().numpy()


def merge_classes(
    confusion: np.ndarray, classes: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """Add up the classes of each group, in labels and predictions alike.

    Args:
        confusion: (K, K), as ``count_confusion`` returns.
        classes: names of the K classes.
        groups: names of the G groups and the classes in each.

    Returns:
        (G + 1, G + 1): the last row and column hold the classes of no group.

    Raises:
        ValueError: a group names an unknown class, or one class is in two groups.
    """
    members = [name for names in groups.values() for name in names]
    unknown = [name for name in members if name not in classes]
    if unknown or len(set(members)) < len(members):
        raise ValueError(
            f'merge: groups may name each class once, out of {list(classes)}; unknown: {unknown}'
        )
    target = np.full(len(classes), len(groups))
    for number, names in enumerate(groups.values()):
        target[[classes.index(name) for name in names]] = number
    membership = np.eye(len(groups) + 1, dtype=np.int64)[target]  # (K, G + 1)
    return membership.T @ confusion @ membership


def scores(confusion: np.ndarray, num_scored: int) -> dict[str, np.ndarray]:
    """Intersection over union and accuracy of the first classes of a confusion matrix.

    Args:
        confusion: (K, K); row = label, column = prediction.
        num_scored: how many classes to score; taking one of the others for a scored class, or
            the other way round, counts against the scored one.

    Returns:
        'IoU' and 'Acc' (num_scored,), percent, nan for a class without pixels to judge it by
        (in IoU: neither labelled nor predicted; in Acc: not labelled); 'aAcc', percent of the
        pixels labelled with a scored class that are right.
    """
    scored = slice(0, num_scored)
    right = confusion.diagonal()[scored].astype(float)
    labelled = confusion.sum(1)[scored].astype(float)
    predicted = confusion.sum(0)[scored].astype(float)
    with np.errstate(invalid='ignore'):
        return {
            'IoU': 100 * right / (labelled + predicted - right),
            'Acc': 100 * right / labelled,
            'aAcc': 100 * right.sum() / labelled.sum(),
        }


def mean(values: Sequence[float]) -> float:
    """Mean of those that are not nan; nan when all are."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', RuntimeWarning)
        return float(np.nanmean(values))
