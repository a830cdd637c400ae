"""Mask queries made of an adapter's learnable tokens."""

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class TokenQueries(nn.Module):
    """Project the tokens of all layers and merge their maximum, mean and last.

    Args:
        token_dims: c, width of the tokens; the adapter gives it.
        dims: width of the queries, the ``feat_channels`` of the head that takes them.

    Source: Wei et al., CVPR 2024 (arXiv:2312.04265), equation 10. There the three stand one
    after the other; in the released code, whose checkpoints this takes, they alternate channel
    by channel.
    """

    def __init__(self, token_dims: int, dims: int = 256) -> None:
        super().__init__()
        self.transform = nn.Linear(token_dims, dims)
        self.merge = nn.Linear(3 * dims, dims)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, m, token_dims) of N layers -> queries (m, dims)."""
        layers = self.transform(tokens)  # (N, m, dims)
        kinds = torch.stack([layers.amax(0), layers.mean(0), layers[-1]], dim=-1)  # (m, dims, 3)
        return self.merge(kinds.flatten(-2))
