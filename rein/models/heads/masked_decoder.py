"""The masked-attention decoder: queries look only where their own mask is, layer by layer."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rein.models.heads.feed_forward import FeedForward


class Attention(nn.Module):
    """Multi-head attention on ``F.scaled_dot_product_attention``, plus its input.

    ``attn`` only holds the parameters, under the names they have in released checkpoints: its own
    forward would need the mask once for every head.
    """

    def __init__(self, dims: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(dims, heads, batch_first=True)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """Attend from queries to values.

        Args:
            query: (B, Q, C).
            key: (B, n, C).
            value: (B, n, C).
            allowed: bool, broadcastable to (B, heads, Q, n): which keys a query may look at.

        Returns:
            (B, Q, C).
        """
        weights = self.attn.in_proj_weight.chunk(3)
        biases = self.attn.in_proj_bias.chunk(3)
        heads = [
            F.linear(part, weight, bias).unflatten(-1, (self.attn.num_heads, -1)).transpose(1, 2)
            for part, weight, bias in zip((query, key, value), weights, biases, strict=True)
        ]  # three of (B, heads, n, C / heads)
        found = F.scaled_dot_product_attention(*heads, attn_mask=allowed)
        return self.attn.out_proj(found.transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """Masked cross-attention, self-attention, feed-forward network; a norm after each."""

    def __init__(self, dims: int, heads: int, ffn_channels: int) -> None:
        super().__init__()
        self.self_attn = Attention(dims, heads)
        self.cross_attn = Attention(dims, heads)
        self.ffn = FeedForward(dims, ffn_channels)
        self.norms = nn.ModuleList([nn.LayerNorm(dims) for _ in range(3)])

    def forward(
        self, content: Tensor, position: Tensor, key: Tensor, value: Tensor, allowed: Tensor
    ) -> Tensor:
        """Update the queries.

        Args:
            content: (B, Q, C).
            position: (B, Q, C), added to the content wherever it asks or is asked.
            key: (B, n, C), memory with its position encoding.
            value: (B, n, C), memory.
            allowed: (B, 1, Q, n) bool.

        Returns:
            (B, Q, C).
        """
        found = self.cross_attn(content + position, key, value, allowed)
        content = self.norms[0](content + found)
        place = content + position
        content = self.norms[1](content + self.self_attn(place, place, content))
        return self.norms[2](self.ffn(content))


def attention_mask(masks: Tensor, features: Tensor) -> Tensor:
    """Where each query's mask is: the keys it may look at.

    Resizing is linear, so the product with resized features is the resized mask: the mask need
    not be made at full size first.

    Args:
        masks: (B, Q, C), mask embeddings.
        features: (B, C, n), mask features resized to the level.

    Returns:
        (B, 1, Q, n) bool: mask probability of at least one half. A query without any such key may
        look everywhere.
    """
    allowed = masks @ features >= 0  # (B, Q, n)
    return (allowed | ~allowed.any(-1, keepdim=True)).unsqueeze(1)


class MaskedDecoder(nn.Module):
    """Layers that visit the levels in turn, from the coarsest.

    Args:
        dims: C.
        num_layers: L.
        num_heads: heads of every attention.
        ffn_channels: hidden width of a feed-forward network.

    Source: Cheng et al., CVPR 2022 (arXiv:2112.01527), section 3.2.
    """

    def __init__(
        self, dims: int = 256, num_layers: int = 9, num_heads: int = 8, ffn_channels: int = 2048
    ) -> None:
        super().__init__()
        if dims % num_heads:
            raise ValueError(
                f'feat_channels {dims} is not divisible by '
                f'transformer_decoder.num_heads {num_heads}'
            )
        self.layers = nn.ModuleList(
            DecoderLayer(dims, num_heads, ffn_channels) for _ in range(num_layers)
        )
        self.post_norm = nn.LayerNorm(dims)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)

    def forward(
        self,
        content: Tensor,
        position: Tensor,
        memory: Sequence[tuple[Tensor, Tensor]],
        features: Sequence[Tensor],
        mask_embed: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Refine the queries layer by layer.

        Args:
            content: (B, Q, C), initial content of the queries.
            position: (B, Q, C), their position, the same for all layers.
            memory: keys and values, each (B, n, C), of every level, the coarsest first.
            features: mask features (B, C, n) resized to every level.
            mask_embed: from normalised queries (B, Q, C) to mask embeddings.

        Returns:
            (L + 1, B, Q, C): normalised queries before the first layer and after each.
        """
        states = [self.post_norm(content)]
        for number, layer in enumerate(self.layers):
            level = number % len(memory)
            with torch.no_grad():
                allowed = attention_mask(mask_embed(states[-1]), features[level])
            content = layer(content, position, *memory[level], allowed)
            states.append(self.post_norm(content))
        return torch.stack(states)
