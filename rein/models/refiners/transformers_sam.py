"""SAM as Hugging Face's transformers has it, asked in the way a refiner asks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import MODELS
from PIL import Image
from torch import Tensor

DTYPES = ('float32', 'bfloat16', 'float16')


@dataclass
class Encoded:
    """What all prompts on an image share.

    Attributes:
        embedding: (1, C, h, w).
        size: (height, width) of the image.
        resized: (height, width) of the image within SAM's square.
    """

    embedding: Tensor
    size: tuple[int, int]
    resized: tuple[int, int]


@MODELS.register_module()
class TransformersSam:
    """SAM from a folder or a repository in the layout of transformers, frozen.

    It is no module: nothing of it is trained, saved, or moved with a model that uses it.

    Args:
        source: folder, or id such as ``'facebook/sam-vit-huge'``, downloaded once.
        device: where it runs; the GPU if there is one by default.
        dtype: ``'float32'``, ``'bfloat16'`` or ``'float16'``.
        prompts: that are answered at once.

    Raises:
        ValueError: there is no such dtype, or ``prompts`` is below 1.
        FileNotFoundError: there is no such folder, or nothing to be had under the id.
        ImportError: transformers is not installed (extra ``sam``).
    """

    def __init__(
        self,
        source: str,
        device: str | None = None,
        dtype: str = 'float32',
        prompts: int = 64,
    ) -> None:
        from transformers import SamModel, SamProcessor

        if dtype not in DTYPES or prompts < 1:
            raise ValueError(
                f'TransformersSam: dtype={dtype!r}, prompts={prompts}; dtype is one of {DTYPES}, '
                'prompts 1 or more'
            )
        try:
            self.processor = SamProcessor.from_pretrained(source)
            self.model = SamModel.from_pretrained(source)
        except OSError as error:
            raise FileNotFoundError(
                f'TransformersSam.source: no SAM in {source!r} ({_first_line(error)}); give a '
                f'folder of save_pretrained (from {Path.cwd()}) or an id such as '
                "'facebook/sam-vit-base'"
            ) from error
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.model.requires_grad_(requires_grad=False).eval().to(self.device, getattr(torch, dtype))
        self.prompts = prompts

    @torch.no_grad()
    def encode(self, image: np.ndarray) -> Encoded:
        """Work out the embedding of an image (H, W, 3), RGB, uint8."""
        inputs = self.processor(images=Image.fromarray(image), return_tensors='pt')
        pixels = inputs['pixel_values'].to(self.device, self.model.dtype)
        resized = tuple(inputs['reshaped_input_sizes'][0].tolist())
        return Encoded(self.model.get_image_embeddings(pixels), image.shape[:2], resized)

    @torch.no_grad()
    def predict(
        self, encoded: Encoded, points: Tensor, low: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points, see ``Promptable``; three proposals for each prompt."""
        scale = torch.tensor(
            [encoded.resized[1] / encoded.size[1], encoded.resized[0] / encoded.size[0]]
        )
        answers = [
            self._answer(
                encoded, part * scale, None if low is None else low[start : start + len(part)]
            )
            for start, part in zip(
                range(0, len(points), self.prompts), points.split(self.prompts), strict=True
            )
        ]
        return tuple(torch.cat(parts) for parts in zip(*answers, strict=True))

    def _answer(
        self, encoded: Encoded, points: Tensor, low: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        points = points.to(self.device, self.model.dtype)[:, None]  # (P, 1, N, 2)
        count = len(points)
        found = self.model(
            image_embeddings=encoded.embedding.expand(count, -1, -1, -1),
            input_points=points,
            input_labels=torch.ones(points.shape[:3], dtype=torch.long, device=self.device),
            input_masks=None if low is None else low.to(self.device, self.model.dtype),
            multimask_output=True,
        )
        logits = found.pred_masks[:, 0].float()  # (P, 3, h, w)
        side = max(encoded.resized)
        large = torch.nn.functional.interpolate(logits, (side, side), mode='bilinear')
        large = large[..., : encoded.resized[0], : encoded.resized[1]]
        masks = torch.nn.functional.interpolate(large, encoded.size, mode='bilinear') > 0
        return masks, found.iou_scores[:, 0].float(), logits


def _first_line(error: Exception) -> str:
    return str(error).strip().split('\n')[0]
