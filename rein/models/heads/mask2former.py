"""Mask2Former as an MMSegmentation decode head, in plain PyTorch."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from rein.models.heads.input_checks import QUERIES, check_count, check_maps, check_queries
from rein.models.heads.mask_losses import SetLoss, precise
from rein.models.heads.mask_targets import class_masks
from rein.models.heads.masked_decoder import MaskedDecoder
from rein.models.heads.pixel_decoder import LEVELS, PixelDecoder
from rein.models.heads.sine_encoding import sine_encoding


@MODELS.register_module()
class PlainMask2FormerHead(nn.Module):
    """Mask2Former without compiled ops; parameters are named as in released checkpoints.

    Queries decode the maps into masks and a class for each; the class scores of a pixel are the
    sum over queries of class probability times mask probability.

    Args:
        num_classes: K.
        in_channels: channels of the four maps, the finest first; ``FoundationSegmentor`` fills
            them in.
        strides: image pixels per position of the maps, the finest first; likewise filled in. They
            are only checked: positions are told by the sizes of the maps, so that 4, 8, 8, 8 is
            as good as 4, 8, 16, 32.
        queries: ``'learned'`` has position and content of its own. ``'external'`` takes queries
            as positions and a projection of them as content (Rein). ``'external_position'`` takes
            queries as positions and has content of its own (Rein on SAM).
        feat_channels: C, width of the queries and of both decoders.
        out_channels: width of the mask features.
        num_queries: Q; queries from outside must be as many.
        pixel_decoder: sizes other than the published, see ``PixelDecoder``.
        transformer_decoder: sizes other than the published, see ``MaskedDecoder``.
        loss_args: weights and points other than the published, see ``SetLoss``.
        pooling: config of what adds to each query what its mask shows (``MaskPooling``).
        classifier: config of what tells the classes of queries (``TextClassifier``); a linear
            layer by default.
        ensemble: config of what else is asked for the classes when predicting
            (``GeometricEnsemble``).

    Attributes:
        out_channels: K, the channels of a prediction, as MMSegmentation's segmentors ask for it.

    Source: Cheng et al., CVPR 2022 (arXiv:2112.01527); queries from outside: Wei et al., CVPR
    2024 (arXiv:2312.04265).
    """

    takes_queries: ClassVar[bool] = True
    align_corners: ClassVar[bool] = False
    scores_are_shares: ClassVar[bool] = True  # class scores are not negative, and no logits

    def __init__(  # noqa: PLR0913  the config keys of MMSegmentation's head of that name
        self,
        num_classes: int,
        in_channels: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
        *,
        queries: Literal['learned', 'external', 'external_position'] = 'learned',
        feat_channels: int = 256,
        out_channels: int = 256,
        num_queries: int = 100,
        pixel_decoder: dict | None = None,
        transformer_decoder: dict | None = None,
        loss_args: dict | None = None,
        pooling: dict | None = None,
        classifier: dict | None = None,
        ensemble: dict | None = None,
    ) -> None:
        super().__init__()
        check_maps(in_channels, strides)
        if queries not in QUERIES:
            raise ValueError(f'decode_head.queries is {queries!r}; use one of {QUERIES}')
        self.num_classes = self.out_channels = num_classes
        self.in_channels = list(in_channels)
        self.dims = dims = feat_channels
        self.num_queries = num_queries
        self.queries_from = queries
        self.pixel_decoder = PixelDecoder(in_channels, dims, out_channels, **(pixel_decoder or {}))
        self.transformer_decoder = MaskedDecoder(dims, **(transformer_decoder or {}))
        self.level_embed = nn.Embedding(LEVELS, dims)
        if queries == 'learned':
            self.query_embed = nn.Embedding(num_queries, dims)
        if queries == 'external':
            self.querys2feat = nn.Linear(dims, dims)
        else:
            self.query_feat = nn.Embedding(num_queries, dims)
        self.pooling = pooling and MODELS.build({**pooling, 'dims': dims, 'channels': out_channels})
        if classifier is None:
            self.cls_embed = nn.Linear(dims, num_classes + 1)
        else:
            self.cls_embed = MODELS.build({**classifier, 'dims': dims, 'num_classes': num_classes})
        self.ensemble = ensemble and MODELS.build({**ensemble, 'num_classes': num_classes})
        self.mask_embed = nn.Sequential(
            nn.Linear(dims, dims),
            nn.ReLU(inplace=True),
            nn.Linear(dims, dims),
            nn.ReLU(inplace=True),
            nn.Linear(dims, out_channels),
        )
        self.criterion = SetLoss(num_classes, **(loss_args or {}))

    def forward(
        self, maps: Sequence[Tensor], queries: Tensor | None = None
    ) -> list[tuple[Tensor, Tensor]]:
        """Predict classes and masks before the first decoder layer and after each.

        Args:
            maps: four of (B, in_channels[i], h, w), the finest first.
            queries: (Q, C) or, of each image, (B, Q, C); None for a head with its own.

        Returns:
            Class logits (B, Q, K + 1), the last of them "no object", and mask logits (B, Q, h, w)
            at the size of the finest map behind ``pixel_decoder.scales``, L + 1 times.

        Raises:
            ValueError: maps or queries are not what the head was built for.
        """
        states, features = self.decode(maps, queries)
        embeds = self.mask_embed(states)
        masks = torch.einsum('lbqc,bchw->lbqhw', embeds, features)
        return list(zip(self.classify(states, embeds, features), masks, strict=True))

    def classify(self, states: Tensor, embeds: Tensor, features: Tensor) -> Tensor:
        """Class logits (L, B, Q, K + 1) of queries behind every layer.

        Args:
            states: (L, B, Q, C).
            embeds: (L, B, Q, out_channels), whose product with the features are their masks.
            features: (B, out_channels, h, w).
        """
        if self.pooling is not None:
            states = self.pooling(states, embeds, features)
        return self.cls_embed(states)

    def decode(
        self, maps: Sequence[Tensor], queries: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Queries after every layer (L + 1, B, Q, C), mask features (B, out_channels, h, w)."""
        batch = len(maps[0])
        check_count(maps, self.in_channels)
        check_queries(queries, (batch, self.num_queries, self.dims), self.queries_from)
        content, position = self._start(queries, batch)
        sizes = self.pixel_decoder.coarse_sizes(maps)
        places = [sine_encoding(size, self.dims, maps[0].device) for size in sizes]
        levels, features = self.pixel_decoder(maps, places)
        memory = []
        for tokens, place, code in zip(levels, places, self.level_embed.weight, strict=True):
            value = tokens + code
            memory.append((value + place, value))  # each (B, n, C)
        resized = [
            F.interpolate(features.detach(), size=size, mode='bilinear').flatten(2)
            for size in sizes
        ]
        states = self.transformer_decoder(content, position, memory, resized, self.mask_embed)
        return states, features

    def _start(self, queries: Tensor | None, batch: int) -> tuple[Tensor, Tensor]:
        """Content and position (B, Q, C) of the queries before the first layer."""
        position = self.query_embed.weight if queries is None else queries
        if self.queries_from == 'external':
            content = self.querys2feat(position)
        else:
            content = self.query_feat.weight
        shape = (batch, self.num_queries, self.dims)
        return content.expand(shape), position.expand(shape)

    def loss(
        self,
        maps: Sequence[Tensor],
        data_samples: SampleList,
        train_cfg: dict | None = None,
        queries: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Losses of every layer against ``gt_sem_seg`` of the data samples.

        Returns:
            ``loss_cls``, ``loss_mask`` and ``loss_dice`` of the last layer, and those of the
            others as ``d0.loss_cls`` ...; see ``SetLoss``.

        Raises:
            ValueError: labels hold an id that is no class; as ``forward``.
        """
        # Before the network, so that waiting for the labels' ids does not wait for it.
        targets = [class_masks(sample, self.num_classes) for sample in data_samples]
        states, features = self.decode(maps, queries)
        embeds = self.mask_embed(states)
        logits = self.classify(states, embeds, features)
        return self.criterion(logits, embeds, features, targets)

    def predict(
        self,
        maps: Sequence[Tensor],
        batch_img_metas: Sequence[dict],
        test_cfg: dict | None = None,
        queries: Tensor | None = None,
    ) -> Tensor:
        """Class scores (B, K, H, W), not negative, in float32; they do not add up to 1.

        H, W are ``img_shape`` of the first image in sliding windows (``test_cfg`` has the mode
        ``'slide'``), else its ``pad_shape`` if it has one.
        """
        states, features = self.decode(maps, queries)
        last = states[-1:]  # (1, B, Q, C)
        meta = batch_img_metas[0]
        size = meta['img_shape']
        if (test_cfg or {}).get('mode') != 'slide':
            size = meta.get('pad_shape', size)
        with torch.autocast(features.device.type, enabled=False):
            embeds, features = self.mask_embed(precise(last)), precise(features)
            logits = precise(self.classify(precise(last), embeds, features))[0]
            masks = torch.einsum('bqc,bchw->bqhw', embeds[0], features)
            if self.ensemble is not None:
                logits = self.ensemble(logits, masks, precise(maps[-1]))
            classes = logits.softmax(-1)[..., :-1]
            # One image at a time: all masks at image size are the largest tensor of all.
            return torch.stack(
                [
                    class_scores(chance, logits, tuple(size[:2]))
                    for chance, logits in zip(classes, masks, strict=True)
                ]
            )


def class_scores(classes: Tensor, masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Class probabilities (Q, K) and mask logits (Q, h, w) -> class scores (K, H, W)."""
    masks = F.interpolate(masks[None], size=size, mode='bilinear')[0].sigmoid_()
    return torch.einsum('qk,qhw->khw', classes, masks)
