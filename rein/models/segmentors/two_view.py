"""Training on images and their restyled views, with losses that compare the two."""

from collections.abc import Mapping

import torch
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from rein.models.segmentors.wrapper import FeatureLossWrapper


@MODELS.register_module()
class OneView(FeatureLossWrapper):
    """Adds losses on features to the training of a segmentor on single images.

    Arguments and errors are those of ``FeatureLossWrapper``.
    """

    def loss(
        self, inputs: Tensor, data_samples: SampleList, restyled: Tensor | None = None
    ) -> dict:
        """Losses of the segmentor and of its features; a restyled view is left aside."""
        losses, features, maps = self.run(inputs, data_samples)
        losses |= self.auxiliary(features, data_samples)
        return losses | self.feature_losses([maps], [inputs], data_samples)


@MODELS.register_module()
class TwoView(FeatureLossWrapper):
    """Trains a segmentor on two views of each image, which share labels.

    The head's losses are the mean over both views, the auxiliary heads' are those of the original
    one, and feature losses compare the two; in those the original view is a target.

    Args:
        segmentor: as of ``FeatureLossWrapper``.
        losses: as of ``FeatureLossWrapper``.
        passes: how the views run through the network, ``dict(type='SeparatePasses')`` by default,
            as the reference, or ``dict(type='JoinedPass')``.
        unused: ``pretrained`` and ``train_cfg`` of ``FeatureLossWrapper``.

    Raises:
        ValueError: as ``FeatureLossWrapper``.

    Source: Ahn et al., CVPR 2024 (arXiv:2403.06122).
    """

    views = 2

    def __init__(
        self,
        segmentor: nn.Module | dict,
        losses: Mapping[str, dict | None] | None = None,
        passes: dict | None = None,
        **unused: None,
    ) -> None:
        super().__init__(segmentor, losses, **unused)
        self.passes = MODELS.build(passes or {'type': 'SeparatePasses'})

    def loss(
        self, inputs: Tensor, data_samples: SampleList, restyled: Tensor | None = None
    ) -> dict:
        """Losses of both views.

        Raises:
            ValueError: there is no restyled view.
        """
        if restyled is None:
            raise ValueError(
                "TwoView trains on two views, but the samples have one; put dict(type='TwoViews', "
                "...) into the training pipeline before dict(type='PackInputs')"
            )
        losses, maps = self.passes(self, inputs, restyled, data_samples)
        return losses | self.feature_losses(maps, [inputs, restyled], data_samples)


@MODELS.register_module()
class SeparatePasses:
    """The original view, then the restyled one: batch statistics are those of each view.

    Every batch norm updates its running statistics twice an iteration.
    """

    def __call__(
        self, model: TwoView, original: Tensor, restyled: Tensor, samples: SampleList
    ) -> tuple[dict, list[dict]]:
        """Losses of heads, and what was tapped of the two views."""
        first, features, kept = model.run(original, samples)
        auxiliary = model.auxiliary(features, samples)
        second, _, moved = model.run(restyled, samples)
        return {k: _mean(first[k], second[k]) for k in first} | auxiliary, [kept, moved]


@MODELS.register_module()
class JoinedPass:
    """Both views in one batch: fewer and larger kernels, batch statistics over both views."""

    def __call__(
        self, model: TwoView, original: Tensor, restyled: Tensor, samples: SampleList
    ) -> tuple[dict, list[dict]]:
        """Losses of heads, and what was tapped of the two views."""
        count = len(original)
        losses, features, maps = model.run(torch.cat((original, restyled)), [*samples, *samples])
        auxiliary = model.auxiliary([level[:count] for level in features], samples)
        views = [{site: part[half] for site, part in maps.items()} for half in _halves(count)]
        return losses | auxiliary, views


def _halves(count: int) -> tuple[slice, slice]:
    return slice(count), slice(count, None)


def _mean(first: Tensor | list, second: Tensor | list) -> Tensor | list:
    if isinstance(first, Tensor):
        return (first + second) / 2
    return [_mean(one, other) for one, other in zip(first, second, strict=True)]
