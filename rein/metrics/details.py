"""What a test leaves for a report, by domain and by image, and its table in the log."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from prettytable import PrettyTable

from rein.metrics.confusion import mean

WIDTH = 110  # characters of a line of the log that hold a table


@dataclass(frozen=True)
class ScoredImage:
    """What is kept of an image; scores in percent, nan without labelled pixels.

    Args:
        domain: that its data set declared.
        image: path.
        label: path, or None.
        size: width and height that it was tested at.
        scored: width and height that it was scored at, those of its label.
        counts: (K, K), its confusion matrix over the data set's classes.
        miou: over the classes that are scored and are in its label or predicted.
        accuracy: of its pixels.
    """

    domain: str
    image: str
    label: str | None
    size: tuple[int, int]
    scored: tuple[int, int]
    counts: np.ndarray
    miou: float
    accuracy: float


def domain_details(
    images: Sequence[ScoredImage],
    confusion: np.ndarray,
    found: Mapping[str, np.ndarray],
    also: Mapping[str, np.ndarray],
) -> dict:
    """Describe a domain.

    Args:
        images: of this domain, in the order they were tested.
        confusion: their sum over the scored classes, with a last row and column for the classes
            that a merge leaves out.
        found: its ``scores``.
        also: IoU of each class, by the name of a further set of classes.

    Returns:
        Lists, dicts, numbers and text only; nan where there is nothing to judge by.
    """
    tested = Counter('{}x{}'.format(*image.size) for image in images)
    scored = Counter('{}x{}'.format(*image.scored) for image in images)
    return {
        'confusion': confusion.tolist(),
        'IoU': found['IoU'].tolist(),
        'Acc': found['Acc'].tolist(),
        'also': {key: values.tolist() for key, values in also.items()},
        'aAcc': float(found['aAcc']),
        'sizes': dict(tested.most_common()),
        'scored_sizes': dict(scored.most_common()),
        'images': [
            {'image': each.image, 'mIoU': each.miou, 'aAcc': each.accuracy} for each in images
        ],
    }


def iou_tables(found: Mapping[str, Sequence[float]], classes: Sequence[str]) -> str:
    """IoU of each class in each domain; several tables where one would be too wide to read.

    Args:
        found: IoU of each class, percent, by domain.
        classes: their names.
    """
    first = max(map(len, (*classes, 'class'))) + 4
    parts: list[list[str]] = [[]]
    used = first
    for name in found:
        wide = max(len(name), 6) + 3
        if parts[-1] and used + wide > WIDTH:
            parts.append([])
            used = first
        parts[-1].append(name)
        used += wide
    return '\n'.join(_table({name: found[name] for name in part}, classes) for part in parts)


def _table(found: Mapping[str, Sequence[float]], classes: Sequence[str]) -> str:
    table = PrettyTable(['class', *found], align='r')
    table.align['class'] = 'l'
    for k, name in enumerate(classes):
        table.add_row([name, *(_percent(values[k]) for values in found.values())])
    table.add_row(['mean', *(_percent(mean(values)) for values in found.values())])
    return str(table)


def _percent(value: float) -> str:
    return '-' if np.isnan(value) else f'{value:.2f}'
