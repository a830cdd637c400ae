"""How good labels with gaps are, where the true ones are known."""

import numpy as np
import torch

from rein.datasets.classes import IGNORE
from rein.metrics.confusion import count_confusion, mean, scores


class PseudoLabelScore:
    """Counts, image by image, how made labels agree with true ones.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.confusion = np.zeros((num_classes + 1,) * 2, np.int64)  # the last column: no label

    def add(self, labels: np.ndarray, truth: np.ndarray) -> None:
        """Count an image.

        Args:
            labels: (H, W) uint8, 255 where there is none.
            truth: (H, W) uint8, 255 where nothing is counted.

        Raises:
            ValueError: sizes differ, or a number is outside the classes.
        """
        given = np.where(labels == IGNORE, self.num_classes, labels)
        self.confusion += count_confusion(
            torch.from_numpy(given), torch.from_numpy(truth), self.num_classes + 1
        )

    def numbers(self) -> dict[str, float | list[float]]:
        """Scores in percent.

        Returns:
            ``labelled``, the share of pixels that have a label; ``mIoU``, with pixels without one
            counted as wrong; ``mIoU_labelled``, without those pixels; ``IoU`` of each class, as
            in ``mIoU``.
        """
        whole = self.confusion[: self.num_classes]
        left = self.confusion[:-1, :-1]
        every = scores(self.confusion, self.num_classes)['IoU']
        with np.errstate(invalid='ignore'):
            labelled = 100 * left.sum() / whole.sum()
        return {
            'labelled': float(labelled),
            'mIoU': mean(every),
            'mIoU_labelled': mean(scores(left, self.num_classes)['IoU']),
            'IoU': [float(value) for value in every],
        }
