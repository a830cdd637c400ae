"""Covariance alignment: the channels of a restyled view vary together as those of the original.

Source: Ahn et al., Style Blind Domain Generalized Semantic Segmentation via Covariance Alignment
and Semantic Consistence Contrastive Learning, CVPR 2024 (arXiv:2403.06122), section 3.2.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from rein.models.losses.feature import FeatureLoss, View

EPS = 1e-5


def channel_covariance(maps: Tensor, others: Tensor | None = None) -> Tensor:
    """Second moments between channels, over the positions of each map.

    Nothing is centred: of an instance-normalised map these are its covariances.

    Args:
        maps: (B, C, H, W).
        others: (B, C, H, W), for covariances of channels of ``maps`` with channels of these.

    Returns:
        (B, C, C): the sum over positions divided by H W - 1, plus 1e-5 on the diagonal, in
        float32 at least.

    Raises:
        ValueError: a map has fewer than two positions.
    """
    rows, columns = _rows(maps), _rows(maps if others is None else others)
    with torch.autocast(maps.device.type, enabled=False):
        products = rows @ columns.transpose(1, 2) / (rows.shape[-1] - 1)  # (B, C, C)
    eye = torch.eye(products.shape[-1], dtype=products.dtype, device=products.device)
    return products + EPS * eye


def covariance_match(original: Tensor, restyled: Tensor) -> Tensor:
    """Mean squared difference of the two maps' channel covariances, CML in the paper.

    Args:
        original: (B, C, H, W), instance-normalised; a target, no gradient flows into it.
        restyled: (B, C, H, W), instance-normalised.

    Returns:
        A number: the mean over batch and all C x C entries.

    Raises:
        ValueError: fewer than two positions.
    """
    return F.mse_loss(channel_covariance(restyled), channel_covariance(original.detach()))


def cross_covariance(original: Tensor, restyled: Tensor) -> Tensor:
    """Squared distance from 1 of each channel's covariance with itself in the other map.

    CCL in the paper. Only the diagonal of the cross-covariance takes part, so only that is worked
    out: O(C N) instead of O(C^2 N).

    Args:
        original: (B, C, H, W), instance-normalised; a target, no gradient flows into it.
        restyled: (B, C, H, W), instance-normalised.

    Returns:
        A number: the mean over batch and channels. Of equal maps of N positions it is about
        1 / N^2, since the sum is divided by N - 1.

    Raises:
        ValueError: fewer than two positions.
    """
    kept, moved = _rows(original.detach()), _rows(restyled)
    diagonal = (kept * moved).sum(-1) / (kept.shape[-1] - 1) + EPS  # (B, C)
    return (diagonal - 1).square().mean()


class _Alignment(FeatureLoss):
    """Mean over sites of a function of the two views' maps.

    Args:
        sites: channels of each site; None takes those that the backbone declares.
        loss_weight: factor of the loss.
        norm: ``'instance'`` normalises each channel of each map first, for sites that are not
            instance-normalised in the network; None takes them as they are.

    Raises:
        ValueError: ``norm`` is something else.
    """

    needs_views = 2

    def __init__(
        self,
        sites: Mapping[str, int] | None = None,
        loss_weight: float = 1.0,
        norm: Literal['instance'] | None = None,
    ) -> None:
        super().__init__(sites, loss_weight)
        if norm not in (None, 'instance'):
            raise ValueError(f"{type(self).__name__}.norm is {norm!r}; use 'instance' or None")
        self.norm = norm

    @staticmethod
    def measure(original: Tensor, restyled: Tensor) -> Tensor:
        """Compare the maps of one site."""
        raise NotImplementedError

    def forward(self, views: Sequence[View]) -> dict[str, Tensor]:
        """See ``FeatureLoss``."""
        original, restyled = views
        parts = [
            self.measure(self._taken(site, original), self._taken(site, restyled))
            for site in self.sites
        ]
        return {'loss': self.loss_weight * torch.stack(parts).mean()}

    def _taken(self, site: str, view: View) -> Tensor:
        found = self.check_map(site, view.maps[site])
        return found if self.norm is None else F.instance_norm(found.float(), eps=EPS)


@MODELS.register_module()
class CovarianceMatch(_Alignment):
    """Covariance matching loss (CML), see ``covariance_match``; the mean over sites."""

    measure = staticmethod(covariance_match)


@MODELS.register_module()
class CrossCovariance(_Alignment):
    """Cross-covariance loss (CCL), see ``cross_covariance``; the mean over sites."""

    measure = staticmethod(cross_covariance)


def _rows(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H W), in float32 at least."""
    rows = maps.flatten(2)
    if rows.shape[-1] < 2:
        raise ValueError(
            f'maps {tuple(maps.shape)} have {rows.shape[-1]} position: a covariance needs two or '
            'more; use larger crops or an earlier site'
        )
    return rows if rows.dtype == torch.float64 else rows.float()
