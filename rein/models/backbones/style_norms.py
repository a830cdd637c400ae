"""Normalisation layers at chosen places of a network, which take style out of its maps."""

from collections.abc import Mapping

from mmcv.cnn import build_norm_layer
from torch import nn


def build_norms(
    norms: Mapping[str, dict | None] | None, places: Mapping[str, int]
) -> nn.ModuleDict:
    """Build the layers that a config names.

    Args:
        norms: config of the layer at each place, such as ``dict(type='IN')`` for a plain instance
            norm, ``dict(type='IN', affine=True)`` or ``dict(type='SwitchableWhitening')``; None
            puts none there.
        places: channels of every place there is.

    Raises:
        ValueError: there is no such place.
    """
    chosen = {place: dict(norm) for place, norm in (norms or {}).items() if norm}
    unknown = sorted(chosen.keys() - places.keys())
    if unknown:
        raise ValueError(f'backbone.norms names {unknown}, but the places are {sorted(places)}')
    return nn.ModuleDict(
        {
            place: build_norm_layer(chosen[place], places[place])[1]
            for place in places
            if place in chosen
        }
    )


def style_sites(norms: nn.ModuleDict, places: Mapping[str, int]) -> dict[str, int]:
    """Channels of the output of each of these layers, by its name below the backbone."""
    return {f'norms.{place}': places[place] for place in norms}
