"""What a map shows where a mask is.

Source: Yu et al., NeurIPS 2023 (arXiv:2308.02487).
"""

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

EPS = 1e-8


def mask_pool(features: Tensor, logits: Tensor) -> Tensor:
    """Mean of a map over the pixels of each mask.

    Args:
        features: (B, C, h, w).
        logits: (B, Q, H, W) of masks, resized to the map; a pixel above 0 is inside.

    Returns:
        (B, Q, C); 0 for a mask without pixels. No gradient reaches the masks.
    """
    with torch.no_grad():
        if logits.shape[-2:] != features.shape[-2:]:
            logits = F.interpolate(logits, size=features.shape[-2:], mode='bilinear')
        inside = (logits > 0).to(features.dtype)
        count = inside.sum((-1, -2)) + EPS  # (B, Q)
    return torch.einsum('bchw,bqhw->bqc', features, inside) / count[..., None]


@MODELS.register_module()
class MaskPooling(nn.Module):
    """Adds to each query what the mask features show in its mask.

    Args:
        dims: C, width of the queries.
        channels: of the mask features.
    """

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.proj = nn.Linear(channels, dims)

    def forward(self, states: Tensor, embeds: Tensor, features: Tensor) -> Tensor:
        """Queries with what their masks show.

        Args:
            states: (L, B, Q, C) queries behind every layer.
            embeds: (L, B, Q, channels), whose product with the features are their masks.
            features: (B, channels, h, w).

        Returns:
            (L, B, Q, C).
        """
        pooled = []
        for layer in embeds.detach():  # one at a time: masks of all layers are the largest tensor
            masks = torch.einsum('bqc,bchw->bqhw', layer, features.detach())
            pooled.append(mask_pool(features, masks))
        return states + self.proj(self.norm(torch.stack(pooled)))
