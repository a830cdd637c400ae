"""SAM and SAM 2 as Hugging Face's transformers has them, asked in the way a refiner asks."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from PIL import Image
from torch import Tensor

from rein.models.refiners.promptable import DTYPES, Encoded


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
        ValueError: there is no such dtype, ``prompts`` is below 1, or the source is no SAM.
        FileNotFoundError: there is no such folder, or nothing to be had under the id.
        ImportError: transformers is not installed (extra ``sam``).
    """

    FAMILY = 'Sam'
    TYPES = ('sam',)

    def __init__(
        self,
        source: str,
        device: str | None = None,
        dtype: str = 'float32',
        prompts: int = 64,
    ) -> None:
        import transformers

        if dtype not in DTYPES or prompts < 1:
            raise ValueError(
                f'{type(self).__name__}: dtype={dtype!r}, prompts={prompts}; dtype is one of '
                f'{DTYPES}, prompts 1 or more'
            )
        try:
            config, _ = transformers.PretrainedConfig.get_config_dict(source)
            if not config:
                raise OSError('there is no config.json')
            self._check(config.get('model_type'), source)
            self.processor = getattr(transformers, f'{self.FAMILY}Processor').from_pretrained(
                source
            )
            self.model = getattr(transformers, f'{self.FAMILY}Model').from_pretrained(source)
        except OSError as error:
            raise FileNotFoundError(
                f'{type(self).__name__}.source: no SAM in {source!r} ({_first_line(error)}); give '
                f'a folder of save_pretrained (from {Path.cwd()}) or an id such as '
                "'facebook/sam-vit-base' (for TransformersSam2: 'facebook/sam2.1-hiera-large')"
            ) from error
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.model.requires_grad_(requires_grad=False).eval().to(self.device, getattr(torch, dtype))
        self.prompts = prompts

    def _check(self, kind: str, source: str) -> None:
        if kind not in self.TYPES:
            raise ValueError(
                f'{type(self).__name__}.source {source!r} holds a model of type {kind!r}; '
                f'TransformersSam takes {TransformersSam.TYPES}, TransformersSam2 takes '
                f'{TransformersSam2.TYPES}'
            )

    @torch.no_grad()
    def encode(self, image: np.ndarray) -> Encoded:
        """Work out the embeddings of an image (H, W, 3), RGB, uint8."""
        inputs = self.processor(images=Image.fromarray(image), return_tensors='pt')
        pixels = inputs['pixel_values'].to(self.device, self.model.dtype)
        found = self.model.get_image_embeddings(pixels)
        return Encoded(
            [found] if isinstance(found, Tensor) else list(found),
            image.shape[:2],
            self._resized(inputs),
        )

    def _resized(self, inputs: dict) -> tuple[int, int]:
        return tuple(inputs['reshaped_input_sizes'][0].tolist())

    @torch.no_grad()
    def predict(
        self,
        encoded: Encoded,
        points: Tensor | None = None,
        low: Tensor | None = None,
        boxes: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points or boxes, see ``Promptable``; three proposals for each prompt."""
        scale = torch.tensor(
            [encoded.resized[1] / encoded.size[1], encoded.resized[0] / encoded.size[0]]
        )
        kind = 'input_points' if boxes is None else 'input_boxes'
        prompts = points * scale if boxes is None else boxes * scale.repeat(2)
        answers = []
        for start in range(0, len(prompts), self.prompts):
            part = prompts[start : start + self.prompts]
            mask = None if low is None else low[start : start + self.prompts]
            answers.append(self._answer(encoded, kind, part, mask))
        return tuple(torch.cat(parts) for parts in zip(*answers, strict=True))

    def _answer(
        self, encoded: Encoded, kind: str, prompts: Tensor, low: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        prompts = prompts.to(self.device, self.model.dtype)[:, None]  # a prompt an image
        embeddings = [each.expand(len(prompts), -1, -1, -1) for each in encoded.maps]
        asked = {kind: prompts}
        if kind == 'input_points':
            asked['input_labels'] = torch.ones(
                prompts.shape[:3], dtype=torch.long, device=self.device
            )
        found = self.model(
            image_embeddings=self._arranged(embeddings),
            input_masks=None if low is None else low.to(self.device, self.model.dtype),
            multimask_output=True,
            **asked,
        )
        logits = found.pred_masks[:, 0].float()  # (P, 3, h, w)
        return self._enlarged(logits, encoded) > 0, found.iou_scores[:, 0].float(), logits

    def _arranged(self, embeddings: list[Tensor]) -> Tensor | list[Tensor]:
        return embeddings[0]

    def _enlarged(self, logits: Tensor, encoded: Encoded) -> Tensor:
        """Logits at the size of the image: of the square first, whose padding is cut off."""
        side = max(encoded.resized)
        large = F.interpolate(logits, (side, side), mode='bilinear')
        large = large[..., : encoded.resized[0], : encoded.resized[1]]
        return F.interpolate(large, encoded.size, mode='bilinear')


@MODELS.register_module()
class TransformersSam2(TransformersSam):
    """SAM 2 for images, from a folder or an id such as ``'facebook/sam2.1-hiera-large'``.

    Arguments and errors are those of ``TransformersSam``. An image fills its square, whatever its
    shape.
    """

    FAMILY = 'Sam2'
    TYPES = ('sam2', 'sam2_video')

    def _resized(self, inputs: dict) -> tuple[int, int]:
        return tuple(inputs['pixel_values'].shape[-2:])

    def _arranged(self, embeddings: list[Tensor]) -> Tensor | list[Tensor]:
        return embeddings

    def _enlarged(self, logits: Tensor, encoded: Encoded) -> Tensor:
        return F.interpolate(logits, encoded.size, mode='bilinear')


def _first_line(error: Exception) -> str:
    return str(error).strip().split('\n')[0]
