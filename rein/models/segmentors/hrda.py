"""HRDA: whole images in small for the context, parts of them in full for the detail."""

import numpy as np
import torch
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor
from torch.nn import functional as F

from rein.models.heads.hrda import TwoResolutions
from rein.models.segmentors.foundation import FoundationSegmentor
from rein.models.segmentors.windows import Box, stitched_bands, window_boxes


@MODELS.register_module()
class HRDASegmentor(FoundationSegmentor):
    """A backbone and an ``HRDAHead`` on images in two resolutions.

    In training the detail is one part of the images, at the same random place in all of a batch.
    Otherwise it is windows that cover them: for a teacher's labels, and within each window of a
    test. A ``FeatureLoss`` sees the maps of the context.

    Args:
        detail_size: height and width of a part, pixels.
        overlap: windows of the detail overlap by half.
        detail_batch: windows at a time, over all images; None takes all at once, as the authors
            do. A teacher by the statistics of its batch (``SelfTraining.teacher_statistics``)
            has those of so many windows.
        far_edge: the random part may touch the lower and the right border; in the authors' code
            it never does, by ``output_stride / context_scale`` pixels.
        **kwargs: of ``FoundationSegmentor``.

    Raises:
        ValueError: the head is another one, there are auxiliary heads, or a size is impossible.

    Source: Hoyer et al., ECCV 2022 (arXiv:2204.13132).
    """

    first_is_tapped = True  # of the two passes that of the context

    def __init__(
        self,
        *args: object,
        detail_size: tuple[int, int] = (512, 512),
        overlap: bool = True,
        detail_batch: int | None = None,
        far_edge: bool = False,
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)
        if not hasattr(self.decode_head, 'output_stride'):
            raise ValueError(
                f'HRDASegmentor.decode_head is a {type(self.decode_head).__name__}; use '
                "dict(type='HRDAHead', head=..., scale_attention=...)"
            )
        if self.with_auxiliary_head:
            raise ValueError('HRDASegmentor takes no auxiliary_head; leave it out')
        self.cell = round(self.decode_head.output_stride / self.decode_head.context_scale)
        if any(side < 1 or side % self.cell for side in detail_size):
            raise ValueError(
                f'HRDASegmentor.detail_size is {tuple(detail_size)}; use multiples of {self.cell} '
                'pixels, output_stride / context_scale of the head'
            )
        if detail_batch is not None and detail_batch < 1:
            raise ValueError(f'HRDASegmentor.detail_batch is {detail_batch}; use 1 or more')
        self.detail_size, self.overlap = tuple(detail_size), overlap
        self.detail_batch, self.far_edge = detail_batch, far_edge

    def _complete(self, head: dict) -> dict:
        parts = {
            name: super(HRDASegmentor, self)._complete(dict(head[name]))
            for name in ('head', 'scale_attention')
            if isinstance(head.get(name), dict)
        }
        return {**head, **parts}

    def random_box(self, size: tuple[int, int]) -> Box:
        """A part (top, left, bottom, right) of images of a size, by NumPy's global numbers."""
        starts = []
        for side, detail in zip(size, self.detail_size, strict=True):
            margin = max(side - detail, 0)
            places = margin // self.cell + 1 if self.far_edge else (margin + 1) // self.cell
            starts.append(self.cell * np.random.randint(0, places) if places else 0)
        top, left = starts
        height, width = self.detail_size
        return top, left, min(top + height, size[0]), min(left + width, size[1])

    def small(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) as the context sees them."""
        scale = self.decode_head.context_scale
        return F.interpolate(images, scale_factor=scale, mode='bilinear', align_corners=False)

    def extract_feat(self, inputs: Tensor) -> TwoResolutions:
        """Maps of images (B, 3, H, W) and of a random part of them."""
        size = tuple(inputs.shape[-2:])
        box = self.random_box(size)
        top, left, bottom, right = box
        context = super().extract_feat(self.small(inputs))
        detail = super().extract_feat(inputs[..., top:bottom, left:right])
        return TwoResolutions(context, detail, box, size)

    def _forward(self, inputs: Tensor, data_samples: SampleList | None = None) -> Tensor:
        """Class scores of images, all of whose detail is seen."""
        parent = super()
        step = 2 if self.overlap else 1
        stride = tuple(side // step for side in self.detail_size)
        boxes = window_boxes(inputs.shape[-2:], self.detail_size, stride)
        bands = stitched_bands(
            inputs,
            boxes,
            self.detail_batch or len(boxes) * len(inputs),
            lambda crops: self.decode_head.head(parent.extract_feat(crops)),
            step=self.decode_head.output_stride,
        )
        detail = torch.cat(list(bands), dim=2)
        return self.decode_head(parent.extract_feat(self.small(inputs)), detail)

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Class scores (B, K, H, W) of images (B, 3, H, W), at the size of the images."""
        size = torch.Size(inputs.shape[-2:])
        return F.interpolate(self._forward(inputs), size=size, mode='bilinear', align_corners=False)
