"""SAM from a checkpoint of its authors, by their own package."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from rein.checkpoints.safe_files import DamagedFileError, load_plain
from rein.models.refiners.promptable import DTYPES, Encoded

KINDS = ('vit_b', 'vit_l', 'vit_h', 'mobile')


@MODELS.register_module()
class SegmentAnything:
    """SAM or MobileSAM from a file of weights, frozen and in evaluation mode.

    It is no module: nothing of it is trained, saved, or moved with a model that uses it.

    Args:
        checkpoint: such as ``checkpoints/sam_vit_h_4b8939.pth`` or ``checkpoints/mobile_sam.pt``;
            None leaves the weights random.
        kind: ``'vit_b'``, ``'vit_l'``, ``'vit_h'``, or ``'mobile'`` with its TinyViT.
        device: where it runs; the GPU if there is one by default.
        dtype: ``'float32'``, ``'bfloat16'`` or ``'float16'``, of the matrix products.
        prompts: that are answered at once.

    Raises:
        ValueError: there is no such kind or dtype, ``prompts`` is below 1, or the file is
            damaged or holds the weights of another kind.
        FileNotFoundError: there is no such file.
        UnsafeFileError: the file holds more than weights.
        ImportError: the package is not installed (extra ``sam``).

    Source: Kirillov et al., ICCV 2023 (arXiv:2304.02643); Zhang et al., 2023 (arXiv:2306.14289).
    """

    def __init__(
        self,
        checkpoint: str | None,
        kind: str = 'vit_h',
        device: str | None = None,
        dtype: str = 'float32',
        prompts: int = 64,
    ) -> None:
        if kind not in KINDS or dtype not in DTYPES or prompts < 1:
            raise ValueError(
                f'SegmentAnything: kind={kind!r}, dtype={dtype!r}, prompts={prompts}; kind is one '
                f'of {KINDS}, dtype one of {DTYPES}, prompts 1 or more'
            )
        try:
            from segment_anything import SamPredictor
        except ImportError as error:
            raise ImportError(
                "SegmentAnything needs the package segment-anything: pip install -e '.[sam]'"
            ) from error
        from rein.models.refiners.sam_networks import build_sam, load_sam

        sam = build_sam(kind)
        if checkpoint is not None:
            load_sam(sam, _read(checkpoint), kind, checkpoint)
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        sam.requires_grad_(requires_grad=False).eval().to(self.device)
        self.predictor = SamPredictor(sam)
        self.dtype, self.prompts = getattr(torch, dtype), prompts

    @torch.no_grad()
    def encode(self, image: np.ndarray) -> Encoded:
        """Work out the features of an image (H, W, 3), RGB, uint8."""
        with self._precision():
            self.predictor.set_image(image)
        return Encoded(
            [self.predictor.features.float()], image.shape[:2], self.predictor.input_size
        )

    @torch.no_grad()
    def predict(
        self,
        encoded: Encoded,
        points: Tensor | None = None,
        low: Tensor | None = None,
        boxes: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masks of points or boxes, see ``Promptable``; three proposals for each prompt."""
        predictor = self.predictor
        predictor.features, predictor.is_image_set = encoded.maps[0], True
        predictor.original_size, predictor.input_size = encoded.size, encoded.resized
        prompts = points if boxes is None else boxes
        answers = []
        for start in range(0, len(prompts), self.prompts):
            part = prompts[start : start + self.prompts].to(self.device)
            mask = None if low is None else low[start : start + self.prompts].to(self.device)
            answers.append(self._answer(part, mask, boxes=boxes is not None))
        return tuple(torch.cat(parts) for parts in zip(*answers, strict=True))

    def _answer(
        self, prompts: Tensor, low: Tensor | None, *, boxes: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        size, frame = self.predictor.original_size, self.predictor.transform
        points = labels = box = None
        if boxes:
            box = frame.apply_boxes_torch(prompts, size)
        else:
            points = frame.apply_coords_torch(prompts, size)
            labels = torch.ones(points.shape[:2], dtype=torch.int, device=self.device)
        with self._precision():
            masks, claims, logits = self.predictor.predict_torch(
                points, labels, box, low, multimask_output=True
            )
        return masks, claims.float(), logits.float()

    def _precision(self) -> torch.autocast | nullcontext:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, self.dtype)


def _read(checkpoint: str) -> dict[str, Tensor]:
    if not Path(checkpoint).is_file():
        raise FileNotFoundError(
            f'SegmentAnything.checkpoint: there is no file {checkpoint}; checkpoints/README.md '
            'says where it comes from'
        )
    try:
        return load_plain(Path(checkpoint))
    except DamagedFileError as error:
        raise ValueError(
            f'SegmentAnything.checkpoint {checkpoint} is damaged or no file of weights; take it '
            'again'
        ) from error
