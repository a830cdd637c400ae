"""HRDA's head: scores of whole images in small and of parts in full, joined by attention."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.model import BaseModule
from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import SampleList
from torch import Tensor

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class TwoResolutions:
    """Maps of the backbone of whole images in small (context) and of a part in full (detail).

    Attributes:
        context: of images (B, 3, H * s, W * s), s < 1.
        detail: of what is in the box, in full size.
        box: (top, left, bottom, right) in pixels of the full size.
        size: H and W.
    """

    context: Sequence[Tensor]
    detail: Sequence[Tensor]
    box: Box
    size: tuple[int, int]


def scaled_box(box: Box, factor: float) -> Box:
    """A box in cells of so many pixels, cut to whole cells."""
    return tuple(int(side / factor) for side in box)


def fused_scores(
    context: Tensor, detail: Tensor, attention: Tensor, box: Box | None, step: int, shrink: float
) -> Tensor:
    """Scores of both resolutions in one map.

    Args:
        context: (B, K, h, w), of whole images in small.
        detail: (B, K, h', w'), of what is in the box, or without a box of the whole.
        attention: (B, K or 1, h, w), from 0 to 1: how much the detail counts. Outside of the box
            it does not count at all.
        box: (top, left, bottom, right) in pixels; None if the detail covers the images.
        step: pixels between two scores of the detail.
        shrink: side of the small images, of that of the full ones.

    Returns:
        (B, K, h / shrink, w / shrink), or without a box of the size of the detail.

    Raises:
        ValueError: the detail is of another size than the box.

    Source: Hoyer et al., ECCV 2022 (arXiv:2204.13132).
    """
    if box is None:
        size = detail.shape[-2:]
    else:
        size = [round(side / shrink) for side in context.shape[-2:]]
        top, left, bottom, right = scaled_box(box, step)
        if (bottom - top, right - left) != tuple(detail.shape[-2:]):
            raise ValueError(
                f'the detail has {tuple(detail.shape[-2:])} scores and the box '
                f'{(bottom - top, right - left)}: set HRDAHead.output_stride to the pixels between '
                "two scores of its head, and a detail of multiples of the backbone's strides"
            )
        whole = detail.new_zeros(*detail.shape[:2], *size)
        whole[..., top:bottom, left:right] = detail
        detail = whole
        top, left, bottom, right = scaled_box(box, step / shrink)
        inside = torch.zeros_like(attention)
        inside[..., top:bottom, left:right] = 1
        attention = attention * inside
    rest = _enlarged((1 - attention) * context, size)
    return _enlarged(attention, size) * detail + rest


def _enlarged(scores: Tensor, size: Sequence[int]) -> Tensor:
    return resize(scores, size=tuple(size), mode='bilinear', align_corners=False)


@MODELS.register_module()
class HRDAHead(BaseModule):
    """One head for both resolutions, and another one that says where the detail counts.

    Parameters have the names of the authors' code: ``head``, ``scale_attention``.

    Args:
        head: config of the head that gives class scores, such as ``DAFormerHead``.
        scale_attention: config of the head that gives the attention from maps of the context, of
            as many classes as ``head`` or of one for all; or a number from 0 to 1.
        detail_weight: of the loss on the detail alone; the loss on the joined scores has what is
            left of 1.
        context_weight: of a loss on the context alone, which the authors set to 0.
        output_stride: pixels between two scores of ``head``: 4 of ``DAFormerHead`` on MiT, 8 of
            ``DeepLabV2Head``.
        context_scale: side of the context's images, of that of the full ones.

    Raises:
        ValueError: a number is out of its range, or a head gives masks instead of scores.

    Source: Hoyer et al., ECCV 2022 (arXiv:2204.13132).
    """

    def __init__(
        self,
        head: dict,
        scale_attention: dict | float,
        detail_weight: float = 0.1,
        context_weight: float = 0.0,
        output_stride: int = 4,
        context_scale: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if min(detail_weight, context_weight) < 0 or detail_weight + context_weight > 1:
            raise ValueError(
                f'HRDAHead: detail_weight={detail_weight}, context_weight={context_weight}; both '
                'are 0 or more and their sum is 1 at most'
            )
        if output_stride < 1 or not 0 < context_scale < 1:
            raise ValueError(
                f'HRDAHead: output_stride={output_stride}, context_scale={context_scale}; the '
                'stride is 1 or more, the scale between 0 and 1'
            )
        self.head = MODELS.build(head)
        if getattr(self.head, 'takes_queries', False):
            raise ValueError(
                f'HRDAHead.head is a {type(self.head).__name__}, which predicts masks; use one '
                'that gives class scores, such as DAFormerHead'
            )
        self.fixed_attention = None if isinstance(scale_attention, dict) else scale_attention
        if self.fixed_attention is None:
            self.scale_attention = MODELS.build(scale_attention)
            channels = self.scale_attention.out_channels
            if channels not in (1, self.head.out_channels):
                raise ValueError(
                    f'HRDAHead.scale_attention has {channels} classes; use 1 or those of the head, '
                    f'{self.head.out_channels}'
                )
        elif not 0 <= scale_attention <= 1:
            raise ValueError(f'HRDAHead.scale_attention is {scale_attention}; use 0 to 1')
        self.detail_weight, self.context_weight = detail_weight, context_weight
        self.output_stride, self.context_scale = output_stride, context_scale
        self.num_classes, self.out_channels = self.head.num_classes, self.head.out_channels
        self.align_corners = self.head.align_corners
        self.threshold = getattr(self.head, 'threshold', None)

    @property
    def sampler(self) -> object | None:
        """What weighs pixels in the losses of ``head``."""
        return self.head.sampler

    @sampler.setter
    def sampler(self, sampler: object | None) -> None:
        self.head.sampler = sampler

    def forward(self, context: Sequence[Tensor], detail: Tensor, box: Box | None = None) -> Tensor:
        """Joined scores (B, K, h, w).

        Args:
            context: maps of the whole images in small.
            detail: scores (B, K, h', w') of what is in the box.
            box: (top, left, bottom, right) in pixels; None where the detail covers the images.
        """
        seen, attention = self._of_context(context)
        return self._joined(seen, attention, detail, box)

    def _of_context(self, context: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Scores of the whole images in small, and where the detail counts."""
        seen = self.head(context)
        if self.fixed_attention is None:
            return seen, self.scale_attention(context).sigmoid()
        return seen, torch.full_like(seen[:, :1], self.fixed_attention)

    def _joined(self, seen: Tensor, attention: Tensor, detail: Tensor, box: Box | None) -> Tensor:
        return fused_scores(seen, detail, attention, box, self.output_stride, self.context_scale)

    def loss(self, maps: TwoResolutions, samples: SampleList, train_cfg: dict) -> dict:
        """Losses of the joined scores, and of either resolution that has a weight.

        Args:
            maps: of both resolutions.
            samples: with labels of the full images.
            train_cfg: not used.
        """
        # The context first, as the authors: statistics of batch norms weigh what comes last more.
        context, attention = self._of_context(maps.context)
        detail = self.head(maps.detail)
        joined = self._joined(context, attention, detail, maps.box)
        rest = 1 - self.detail_weight - self.context_weight
        losses = _times(self.head.loss_by_feat(joined, samples), rest)
        if self.context_weight:
            found = _times(self.head.loss_by_feat(context, samples), self.context_weight)
            losses |= {f'context.{name}': value for name, value in found.items()}
        if self.detail_weight:
            found = _times(self._detail_loss(detail, samples, maps.box), self.detail_weight)
            losses |= {f'detail.{name}': value for name, value in found.items()}
        return losses

    def _detail_loss(self, detail: Tensor, samples: SampleList, box: Box) -> dict:
        """Losses of the detail on the labels, and by the weights of pixels, in its box."""
        top, left, bottom, right = box
        parts = []
        for sample in samples:
            labels = sample.gt_sem_seg.data[..., top:bottom, left:right]
            parts.append(SegDataSample(gt_sem_seg=PixelData(data=labels)))
        sampler = self.sampler
        if hasattr(sampler, 'cropped'):
            self.sampler = sampler.cropped(box)
        try:
            return self.head.loss_by_feat(detail, parts)
        finally:
            self.sampler = sampler

    def predict(self, maps: TwoResolutions, metas: list[dict], test_cfg: dict) -> Tensor:
        """Joined scores (B, K, H, W) of maps that a training step made."""
        return _enlarged(self(maps.context, self.head(maps.detail), maps.box), maps.size)


def _times(losses: dict, weight: float) -> dict:
    return {name: value * weight if 'loss' in name else value for name, value in losses.items()}
