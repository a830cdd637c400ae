"""What a teacher says about images without labels, and the parts that decide what of it counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from mmengine import dist
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor

from rein.datasets.classes import IGNORE


@dataclass(frozen=True)
class PseudoLabels:
    """Labels of images that have none.

    Attributes:
        labels: (U, H, W) int64 classes, 255 where there is none.
        confidence: (U, H, W) in [0, 1], the teacher's share of its best class.
        weights: (U, H, W) of each pixel in the loss; None counts all alike.
        lost: of each image the classes that were seen and of which no pixel is left.
    """

    labels: Tensor
    confidence: Tensor
    weights: Tensor | None = None
    lost: Sequence[Sequence[int]] = field(default=())


def best_classes(scores: Tensor, *, shares: bool, threshold: float | None = None) -> PseudoLabels:
    """The best class of every pixel, and how sure it is.

    Args:
        scores: (U, K, H, W).
        shares: scores are not negative, and a class's share of their sum is its probability;
            otherwise they are logits.
        threshold: of the probability of class 1, where there is one channel (K = 1) for two
            classes.
    """
    scores = scores.float()
    if scores.shape[1] == 1:
        chance = scores[:, 0].sigmoid()
        labels = chance > (0.5 if threshold is None else threshold)
        return PseudoLabels(labels.long(), torch.where(labels, chance, 1 - chance))
    best = scores.max(1)
    if shares:
        confidence = best.values / scores.sum(1).clamp(min=torch.finfo(scores.dtype).tiny)
    else:
        confidence = (best.values - scores.logsumexp(1)).exp()
    return PseudoLabels(best.indices, confidence)


def without_margins(pseudo: PseudoLabels, samples: SampleList) -> PseudoLabels:
    """Labels with 255 where a pipeline said that images show nothing to learn from."""
    if not any('margins' in sample for sample in samples):
        return pseudo
    labels = pseudo.labels.clone()
    for sample, each in zip(samples, labels, strict=True):
        if 'margins' in sample:
            margins = sample.margins.data[0]
            each[: margins.shape[0], : margins.shape[1]][margins] = IGNORE
    return replace(pseudo, labels=labels)


def labelled_samples(samples: SampleList, pseudo: PseudoLabels, images: Tensor) -> SampleList:
    """Copies of samples with the labels as theirs."""
    found = []
    for number, sample in enumerate(samples):
        taught = sample.clone()
        taught.gt_sem_seg = PixelData(data=pseudo.labels[number][None])
        taught.set_metainfo({'pad_shape': tuple(images.shape[-2:])})
        if pseudo.lost:
            taught.set_metainfo({'lost_classes': tuple(pseudo.lost[number])})
        found.append(taught)
    return found


@MODELS.register_module()
class IgnoreUnsure:
    """Takes the label away where the teacher is less sure than ``threshold``.

    Raises:
        ValueError: ``threshold`` is not in [0, 1].
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = _share('IgnoreUnsure.threshold', threshold)

    def __call__(self, pseudo: PseudoLabels) -> PseudoLabels:
        """Labels with 255 where confidence is below the threshold."""
        unsure = pseudo.confidence < self.threshold
        return replace(pseudo, labels=pseudo.labels.masked_fill(unsure, IGNORE))


@MODELS.register_module()
class ConfidentShare:
    """Weighs all pixels by the share of those of which the teacher is sure.

    It is one number for the whole batch, that of all processes, and no label is taken away.

    Args:
        threshold: confidence from which on a pixel counts as sure.

    Raises:
        ValueError: ``threshold`` is not in [0, 1].

    Source: Tranheden et al., WACV 2021 (arXiv:2007.08702), as in the code of DAFormer.
    """

    over_processes = True

    def __init__(self, threshold: float = 0.968) -> None:
        self.threshold = _share('ConfidentShare.threshold', threshold)

    def __call__(self, pseudo: PseudoLabels) -> PseudoLabels:
        """Multiply the weights by the share."""
        share = (pseudo.confidence >= self.threshold).to(pseudo.confidence.dtype).mean()
        dist.all_reduce(share, 'mean')
        weights = torch.ones_like(pseudo.confidence) if pseudo.weights is None else pseudo.weights
        return replace(pseudo, weights=weights * share)


@MODELS.register_module()
class IgnoreBands:
    """Takes the labels of rows at the upper and lower border away: lens, sky, bonnet of the car.

    Args:
        top: rows at the upper border.
        bottom: rows at the lower border.

    Raises:
        ValueError: a number of rows is negative, or none is given.

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887); its 15 and 120 rows are of crops of 512.
    """

    def __init__(self, top: int = 0, bottom: int = 0) -> None:
        if top < 0 or bottom < 0 or not top + bottom:
            raise ValueError(
                f'IgnoreBands: top={top}, bottom={bottom}; give rows, 0 or more, not both 0'
            )
        self.top, self.bottom = top, bottom

    def __call__(self, pseudo: PseudoLabels) -> PseudoLabels:
        """Labels with 255 in the bands."""
        labels = pseudo.labels.clone()
        labels[:, : self.top] = IGNORE
        labels[:, max(labels.shape[1] - self.bottom, 0) :] = IGNORE
        return replace(pseudo, labels=labels)


def _share(key: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f'{key} is {value}; use a number from 0 to 1')
    return value
