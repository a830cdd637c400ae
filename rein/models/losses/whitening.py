"""Instance whitening: channels of an instance-normalised map shall not vary together.

Source: Choi et al., RobustNet: Improving Domain Generalization in Urban-Scene Segmentation via
Instance Selective Whitening, CVPR 2021 (arXiv:2103.15597).
"""

import logging
from collections.abc import Mapping, Sequence

import torch
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor

from rein.models.losses.covariance import channel_covariance
from rein.models.losses.feature import FeatureLoss, View
from rein.models.losses.kmeans import kmeans_1d


def whitening(maps: Tensor, chosen: Tensor, margin: float = 0.0) -> Tensor:
    """Mean absolute covariance of the chosen pairs of channels.

    Args:
        maps: (B, C, H, W), instance-normalised.
        chosen: (C, C), which pairs of channels; bool.
        margin: by how much the sum over pairs may exceed 0 at no cost.

    Returns:
        A number: the mean over the batch; 0 where no pair is chosen.

    Raises:
        ValueError: a map has fewer than two positions.
    """
    sums = (channel_covariance(maps).abs() * chosen).sum(dim=(1, 2))  # (B,)
    return ((sums - margin).clamp(min=0) / chosen.sum().clamp(min=1)).mean()


def pairs_of_channels(channels: int, device: torch.device | None = None) -> Tensor:
    """(C, C) bool, true above the diagonal: each pair of different channels once."""
    return torch.ones(channels, channels, dtype=torch.bool, device=device).triu(1)


def sensitive_pairs(variances: Tensor, clusters: int) -> Tensor:
    """Pairs of channels whose covariance changes with the style of an image.

    Args:
        variances: (C, C) of the covariances between two styles, 0 at and below the diagonal.
        clusters: into which all C x C numbers are divided; those of the lowest one are not
            sensitive.

    Returns:
        (C, C) bool.
    """
    labels = kmeans_1d(variances.double().cpu().numpy(), clusters)
    return torch.from_numpy(labels > 0).view_as(variances).to(variances.device)


class _Whitening(FeatureLoss):
    """The mean over sites of a loss on the original view's maps."""

    def forward(self, views: Sequence[View]) -> dict[str, Tensor]:
        """See ``FeatureLoss``."""
        parts = [
            self.measure(number, self.check_map(site, views[0].maps[site]))
            for number, site in enumerate(self.sites)
        ]
        return {'loss': self.loss_weight * torch.stack(parts).mean()}

    def measure(self, number: int, maps: Tensor) -> Tensor:
        """Loss of site ``number``."""
        raise NotImplementedError


@MODELS.register_module()
class InstanceWhitening(_Whitening):
    """Whitening of all pairs of channels (IW)."""

    def measure(self, number: int, maps: Tensor) -> Tensor:
        """See ``whitening``."""
        return whitening(maps, pairs_of_channels(maps.shape[1], maps.device))


@MODELS.register_module()
class RelaxedInstanceWhitening(_Whitening):
    """Whitening of all pairs, with a margin (IRW).

    Args:
        sites: see ``FeatureLoss``.
        relax: the margin is the number of pairs divided by this, rounded down.
        loss_weight: see ``FeatureLoss``.

    Raises:
        ValueError: ``relax`` is not above 0.
    """

    def __init__(
        self,
        sites: Mapping[str, int] | None = None,
        *,
        relax: float,
        loss_weight: float = 1.0,
    ) -> None:
        if relax <= 0:
            raise ValueError(f'RelaxedInstanceWhitening.relax is {relax}; it must be above 0')
        self.relax = relax
        super().__init__(sites, loss_weight)

    def measure(self, number: int, maps: Tensor) -> Tensor:
        """See ``whitening``."""
        pairs = pairs_of_channels(maps.shape[1], maps.device)
        count = maps.shape[1] * (maps.shape[1] - 1) // 2
        return whitening(maps, pairs, margin=count // self.relax)


@MODELS.register_module()
class SelectiveInstanceWhitening(_Whitening):
    """Whitening of those pairs whose covariance changes with style (ISW).

    Which those are is measured once, by ``WhiteningMasksHook``: in each of several trials the
    variance of every covariance between an image and its restyled view, averaged over images, is
    divided into clusters; pairs above the lowest cluster in every trial are chosen. Until then
    the loss is 0. What was chosen is in the checkpoint and the same in all processes.

    Args:
        sites: see ``FeatureLoss``.
        clusters: of the variances, 2 or more.
        loss_weight: see ``FeatureLoss``.

    Raises:
        ValueError: fewer than two clusters.
    """

    def __init__(
        self,
        sites: Mapping[str, int] | None = None,
        *,
        clusters: int,
        loss_weight: float = 1.0,
    ) -> None:
        if clusters < 2:
            raise ValueError(
                f'SelectiveInstanceWhitening.clusters is {clusters}; with fewer than 2 no pair of '
                'channels would be chosen'
            )
        self.clusters = clusters
        super().__init__(sites, loss_weight)

    def attach(self, sites: dict[str, int]) -> None:
        """See ``FeatureLoss``."""
        super().attach(sites)
        self.register_buffer('trials', torch.zeros((), dtype=torch.long))
        for number, channels in enumerate(sites.values()):
            chosen = torch.zeros(channels, channels, dtype=torch.bool)
            self.register_buffer(f'chosen_{number}', chosen)

    def chosen(self, number: int) -> Tensor:
        """(C, C) bool: which pairs of channels of site ``number`` are whitened."""
        return getattr(self, f'chosen_{number}')

    def measure(self, number: int, maps: Tensor) -> Tensor:
        """See ``whitening``."""
        return whitening(maps, self.chosen(number))

    def begin_trial(self) -> None:
        """Begin to measure anew."""
        self._sums = [torch.zeros(c, c, device=self.trials.device) for c in self.sites.values()]
        self._images = 0

    def add_pair(self, maps: Mapping[str, Tensor]) -> None:
        """Take in an image's maps in two styles: (2, C, H, W) of each site."""
        for site, sums in zip(self.sites, self._sums, strict=True):
            covariances = channel_covariance(self.check_map(site, maps[site]))
            sums += covariances.var(dim=0).triu(1)
        self._images += 1

    def end_trial(self) -> None:
        """Choose the pairs that are sensitive in this trial, and were in those before.

        Raises:
            ValueError: no image was taken in.
        """
        count = torch.tensor(float(self._images), device=self.trials.device)
        all_reduce(count)
        if count == 0:
            raise ValueError('SelectiveInstanceWhitening: a trial without images')
        for number, sums in enumerate(self._sums):
            all_reduce(sums)
            found = sensitive_pairs(sums / count, self.clusters)
            chosen = self.chosen(number)
            chosen.copy_(found if self.trials == 0 else chosen & found)
            if not chosen.any():
                print_log(
                    f'no pair of channels of {list(self.sites)[number]} is sensitive to style in '
                    'every trial; nothing is whitened there. Fewer trials choose more',
                    logger='current',
                    level=logging.WARNING,
                )
        self.trials += 1
