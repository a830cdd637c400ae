"""Projection heads of the pixel contrasts, and the loss that holds them."""

from collections.abc import Mapping, Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from rein.models.losses.feature import FeatureLoss, View
from rein.models.losses.pixels import Pixels, take

EPS = 1e-7


class PixelProjection(nn.Sequential):
    """Two linear layers on each pixel and a division by the length.

    The layers are 1x1 convolutions, so that a released checkpoint fits, but are applied to pixels
    in rows. Weights begin as Kaiming's normal ones, biases as 0.

    Args:
        channels: of the map.
        dims: of what comes out.
    """

    def __init__(self, channels: int, dims: int) -> None:
        super().__init__(nn.Conv2d(channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, dims, 1))
        for layer in (self[0], self[2]):
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """(P, channels) -> (P, dims), of length 1, in float32 at least."""
        first, last = self[0], self[2]
        hidden = F.relu(F.linear(pixels, first.weight.flatten(1), first.bias))
        found = F.linear(hidden, last.weight.flatten(1), last.bias)
        found = found if found.dtype == torch.float64 else found.float()
        return found / (found.norm(dim=-1, keepdim=True) + EPS)


@MODELS.register_module()
class PixelContrast(FeatureLoss):
    """Contrasts of single pixels between the two views, at several sites.

    Every site has one projection head, shared by all terms and both views. Pixels are chosen
    first and only those projected; the result is the same, since a head looks at single pixels.
    The original view is a target: no gradient flows into it.

    Args:
        sites: channels of each site; None takes those that the backbone declares.
        dims: of the space in which pixels are compared.
        terms: configs of the contrasts, by the name under which each is logged; None leaves one
            out. ``ClassContrast`` and ``DisentanglementContrast`` are there.
        loss_weight: factor of the whole, beside each term's own.

    Raises:
        ValueError: there is no term.
    """

    needs_scores = True
    needs_views = 2

    def __init__(
        self,
        sites: Mapping[str, int] | None = None,
        *,
        terms: Mapping[str, dict | None],
        dims: int = 256,
        loss_weight: float = 1.0,
    ) -> None:
        self.dims = dims
        super().__init__(sites, loss_weight)
        self.terms = nn.ModuleDict(
            {name: MODELS.build(term) for name, term in terms.items() if term is not None}
        )
        if not self.terms:
            raise ValueError(
                'PixelContrast.terms is empty; give one, such as '
                "dict(cwcl=dict(type='ClassContrast'))"
            )

    def attach(self, sites: dict[str, int]) -> None:
        """See ``FeatureLoss``."""
        super().attach(sites)
        self.projections = nn.ModuleList(
            PixelProjection(channels, self.dims) for channels in sites.values()
        )

    def forward(self, views: Sequence[View]) -> dict[str, Tensor]:
        """``loss_<term>`` of every term: the mean over sites."""
        original, restyled = views
        found: dict[str, list[Tensor]] = {name: [] for name in self.terms}
        for site, projection in zip(self.sites, self.projections, strict=True):
            kept = self.check_map(site, original.maps[site])
            moved = self.check_map(site, restyled.maps[site])
            pixels = Pixels.at(
                tuple(moved.shape[-2:]), restyled.labels, original.scores, restyled.scores
            )
            for name, value in self._at_site(kept, moved, pixels, projection).items():
                found[name].append(value)
        return {
            f'loss_{name}': self.loss_weight * self.terms[name].loss_weight * torch.stack(v).mean()
            for name, v in found.items()
        }

    def _at_site(
        self, kept: Tensor, moved: Tensor, pixels: Pixels, projection: nn.Module
    ) -> dict[str, Tensor]:
        """Every term's loss from the maps of the original and of the restyled view."""
        choices = {name: term.choose(pixels) for name, term in self.terms.items()}
        queries = projection(take(moved, torch.cat([c.queries for c in choices.values()])))
        with torch.no_grad():
            keys = projection(take(kept, torch.cat([c.keys for c in choices.values()])))
        queries = queries.split([len(c.queries) for c in choices.values()])
        keys = keys.split([len(c.keys) for c in choices.values()])
        with torch.autocast(moved.device.type, enabled=False):
            return {
                name: self.terms[name](choice, q, k)
                for (name, choice), q, k in zip(choices.items(), queries, keys, strict=True)
            }
