"""Depth from features, as a second task beside labels."""

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads import SETRUPHead
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor


def log_depth_error(predicted: Tensor, depth: Tensor) -> Tensor:
    """Mean absolute difference of logarithms of depth: 0.1 is an error of ten percent.

    Args:
        predicted: (B, 1, H, W), natural logarithm of metres.
        depth: (B, 1, H, W), metres, above 0.

    Returns:
        A number, 0 or more.

    Raises:
        ValueError: a depth is not above 0, or the shapes differ.
    """
    if predicted.shape != depth.shape:
        raise ValueError(f'depth is {tuple(depth.shape)}, predicted {tuple(predicted.shape)}')
    if not (depth > 0).all():
        raise ValueError(f'a depth of {depth.min():g} m has no logarithm; depths are above 0')
    return F.l1_loss(predicted, depth.log())


# The base class insists on a loss of labels; this one is never called.
_NO_LABELS = dict(type='CrossEntropyLoss', avg_non_ignore=True)


@MODELS.register_module()
class LogDepthHead(SETRUPHead):
    """MMSegmentation's ``SETRUPHead`` that regresses the logarithm of depth.

    Its targets are the samples' ``gt_depth_map`` in metres, such as ``DrawnScenes`` gives.

    Args:
        loss_weight: factor on ``loss_depth``.
        **kwargs: of ``SETRUPHead``, less ``num_classes``.
    """

    def __init__(self, *, loss_weight: float = 1.0, **kwargs: object) -> None:
        super().__init__(num_classes=1, threshold=0.0, loss_decode=_NO_LABELS, **kwargs)
        self.loss_weight = loss_weight

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> dict[str, Tensor]:
        """Compare (B, 1, h, w), resized, with the depth of the samples."""
        depth = torch.stack([sample.gt_depth_map.data for sample in batch_data_samples])
        logits = F.interpolate(seg_logits, size=depth.shape[-2:], mode='bilinear')
        return {'loss_depth': self.loss_weight * log_depth_error(logits, depth)}
