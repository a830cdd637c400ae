"""Rein: learnable tokens, shared over a few linear layers, refine every frozen block."""

import math

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

# The initial bound of the tokens counts a patch's area; the released configs use 16 for every
# body, also where the body has other patches or none.
INIT_PATCH = 16


@MODELS.register_module()
class ReinAdapter(nn.Module):
    """Refine patch tokens by attending from them to learnable tokens.

    With f the patch tokens of layer i and T its learnable tokens (m, c)::

        S = softmax(f Tᵀ / √c)             over all m tokens
        d = S[:, 1:] (T[1:] W_T + b_T)     token 0 only draws attention off: rows sum to < 1
        f + scale · ((d + f) W_f + b_f)

    The linear layers and the scale are shared by all layers; only the tokens are per layer.

    Args:
        layers: N, how many blocks the adapter serves.
        dims: c, their width.
        token_length: m, learnable tokens of each layer; a mask head that takes its queries
            from them has as many queries.
        rank: r of the product A (m, r) · B (r, c) that stands for the tokens; None learns
            them whole.
        scale: initial value of the learnable scale.
        queries: config of the part that makes mask queries of the tokens
            (``dict(type='TokenQueries', dims=256)``); None for heads that take none.

    Source: Wei et al., CVPR 2024 (arXiv:2312.04265). Biases start at PyTorch's default as in
    the released code; the paper says zero.
    """

    def __init__(
        self,
        layers: int,
        dims: int,
        token_length: int = 100,
        rank: int | None = 16,
        scale: float = 0.001,
        queries: dict | None = None,
    ) -> None:
        super().__init__()
        self.dims = dims
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        width = dims if rank is None else math.sqrt(dims * rank)
        bound = math.sqrt(6 / (3 * INIT_PATCH**2 + width))
        if rank is None:
            self.tokens = nn.Parameter(torch.empty(layers, token_length, dims))
        else:
            self.tokens_a = nn.Parameter(torch.empty(layers, token_length, rank))
            self.tokens_b = nn.Parameter(torch.empty(layers, rank, dims))
        for tokens in self.parameters(recurse=False):
            if tokens.ndim == 3:
                nn.init.uniform_(tokens, -bound, bound)
        self.low_rank = rank is not None
        self.token_proj = nn.Linear(dims, dims)
        self.delta_proj = nn.Linear(dims, dims)
        self.queries = None if queries is None else MODELS.build({**queries, 'token_dims': dims})

    def layer_tokens(self, layer: int) -> Tensor:
        """Learnable tokens (m, c) of one layer."""
        if self.low_rank:
            return self.tokens_a[layer] @ self.tokens_b[layer]
        return self.tokens[layer]

    def all_tokens(self) -> Tensor:
        """Learnable tokens (N, m, c) of all layers."""
        return self.tokens_a @ self.tokens_b if self.low_rank else self.tokens

    def forward(self, tokens: Tensor, layer: int) -> Tensor:
        """Refine the patch tokens (B, N, C) that left block ``layer``; same shape back."""
        keys = self.layer_tokens(layer)  # (m, c)
        attention = F.softmax(tokens @ keys.T * self.dims**-0.5, dim=-1)  # (B, N, m)
        # A zero row in place of token 0 drops it without a copy of the attention.
        values = F.pad(self.token_proj(keys[1:]), (0, 0, 1, 0))  # (m, c)
        delta = self.delta_proj(attention.to(values.dtype) @ values + tokens)
        return tokens + self.scale * delta

    def mask_queries(self) -> Tensor | None:
        """Mask queries (m, query_dims) made of all layers' tokens; None without such a part."""
        return None if self.queries is None else self.queries(self.all_tokens())
