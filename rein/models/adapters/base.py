"""What an adapter is, and the hook that lets one refine what a frozen block hands on."""

from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Layout = Literal['tokens', 'NHWC', 'NCHW']


class Adapter(Protocol):
    """A small trainable module that refines the patch tokens of one layer.

    Its constructor takes ``layers`` (how many blocks it serves) and ``dims`` (their width).
    It may have ``mask_queries() -> (m, query_dims)``, see ``ReinAdapter.mask_queries``.
    """

    def __call__(self, tokens: Tensor, layer: int) -> Tensor:
        """Refine patch tokens (B, N, C) of the adapter's layer number ``layer``."""
        ...


class BlockHook:
    """Forward hook of one frozen block: its output, refined by an adapter.

    An object and no closure: ``copy.deepcopy`` of the model must give a hook that calls the
    copied adapter.

    Args:
        adapter: refines (B, N, C) tokens.
        layer: the number under which the adapter knows this block.
        layout: how the block lays out its output: (B, N, C), (B, H, W, C) or (B, C, H, W).
        prefix: class and register tokens at the head of a token sequence; they pass by.
    """

    def __init__(self, adapter: nn.Module, layer: int, layout: Layout, prefix: int = 0) -> None:
        self.adapter = adapter
        self.layer = layer
        self.layout = layout
        self.prefix = prefix

    def __call__(self, block: nn.Module, args: tuple, output: Tensor) -> Tensor:
        """Return the refined output in the layout in which it came."""
        if self.layout == 'tokens':
            if not self.prefix:
                return self.adapter(output, self.layer)
            head, patches = output[:, : self.prefix], output[:, self.prefix :]
            refined = self.adapter(patches, self.layer)
            # Under autocast an adapter may answer in another dtype than the frozen block.
            return torch.cat((head.to(refined.dtype), refined), dim=1)
        if self.layout == 'NHWC':
            tokens = output.flatten(1, 2)  # (B, H*W, C)
            return self.adapter(tokens, self.layer).view(output.shape)
        tokens = output.flatten(2).transpose(1, 2)  # (B, H*W, C)
        refined = self.adapter(tokens, self.layer)
        return refined.transpose(1, 2).reshape(output.shape)
