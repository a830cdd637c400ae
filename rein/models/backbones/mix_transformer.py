"""MiT, the backbone of SegFormer and DAFormer, with the constants that its weights belong to."""

from itertools import accumulate
from operator import mul

import torch
from mmseg.models.backbones import MixVisionTransformer
from mmseg.models.utils import nlc_to_nchw
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rein.models.backbones.mit_weights import load_mit

FINE = 1e-5  # epsilon of the norms that PyTorch's default was used for


@MODELS.register_module()
class MixTransformer(MixVisionTransformer):
    """MMSegmentation's ``MixVisionTransformer``; B5 by default, as DAFormer trains it.

    The norms of patch embeddings and of the reduced keys have an epsilon of 1e-5, those of blocks
    and stages 1e-6. MMSegmentation has 1e-6 everywhere, which moves the maps by 1e-5 of their size.

    Args:
        num_layers: of each stage: (3, 6, 40, 3) is B5.
        drop_path_rate: of the last block; MMSegmentation's own default is 0.
        weights: file or name of ImageNet weights, see ``load_mit``; None begins at random.
        with_cp: keep nothing of blocks for the backward pass but what goes in; they run twice.
        **kwargs: of ``MixVisionTransformer``.

    Raises:
        WeightsError: ``weights`` cannot be loaded.

    Source: Xie et al., NeurIPS 2021 (arXiv:2105.15203); Hoyer et al., CVPR 2022
    (arXiv:2111.14887).
    """

    def __init__(
        self,
        num_layers: tuple[int, ...] = (3, 6, 40, 3),
        num_heads: tuple[int, ...] = (1, 2, 5, 8),
        drop_path_rate: float = 0.1,
        *,
        weights: str | None = None,
        with_cp: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(
            num_layers=list(num_layers),
            num_heads=list(num_heads),
            drop_path_rate=drop_path_rate,
            **kwargs,
        )
        for stage in self.layers:
            embedding, blocks, _ = stage
            norms = [embedding.norm, *(getattr(block.attn, 'norm', None) for block in blocks)]
            for norm in norms:
                if isinstance(norm, nn.LayerNorm):
                    norm.eps = FINE
        self.weights, self.with_cp = weights, with_cp
        steps = list(accumulate(self.strides, mul))
        widths = [self.embed_dims * heads for heads in num_heads]
        self.channels = tuple(widths[i] for i in self.out_indices)
        self.strides = tuple(steps[i] for i in self.out_indices)  # of the maps, in the image

    def init_weights(self) -> None:
        """Load ``weights``, or begin at random."""
        if self.weights is None:
            super().init_weights()
        else:
            load_mit(self, self.weights)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) -> maps (B, C, h, w) of the stages in ``out_indices``."""
        maps, found = [], images
        for number, (embedding, blocks, norm) in enumerate(self.layers):
            found, size = embedding(found)
            for block in blocks:
                if self.with_cp and torch.is_grad_enabled():
                    found = checkpoint(block, found, size, use_reentrant=False)
                else:
                    found = block(found, size)
            found = nlc_to_nchw(norm(found), size)
            if number in self.out_indices:
                maps.append(found)
        return maps
