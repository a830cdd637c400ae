"""Sliding windows: where they lie, and how their scores become one map."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Box = tuple[int, int, int, int]


def check_windows(test_cfg: Mapping) -> None:
    """Refuse settings that no windows can be made of, naming the key.

    Raises:
        ValueError: ``mode`` is unknown, or in mode ``'slide'`` a size is missing or not positive.
    """
    mode = test_cfg.get('mode', 'whole')
    if mode not in ('whole', 'slide'):
        raise ValueError(f"model.test_cfg.mode is {mode!r}; use 'whole' or 'slide'")
    if mode == 'whole':
        return
    for key in ('crop_size', 'stride'):
        pair = test_cfg.get(key)
        if not isinstance(pair, Sequence) or len(pair) != 2 or min(pair) < 1:
            raise ValueError(
                f"model.test_cfg.{key} is {pair!r}; mode 'slide' takes (height, width) in pixels"
            )
    if test_cfg.get('window_batch', 1) < 1:
        raise ValueError(
            f'model.test_cfg.window_batch is {test_cfg["window_batch"]}; use 1 or more windows'
        )


def window_boxes(
    size: tuple[int, int], crop: tuple[int, int], stride: tuple[int, int]
) -> list[Box]:
    """Windows (top, left, bottom, right) in pixels that cover an image, row by row.

    The last window of a row or column is shifted inward, so all have the same size; an image
    smaller than ``crop`` is one window without padding.

    Args:
        size: height and width of the image.
        crop: height and width of a window.
        stride: vertical and horizontal step between windows.
    """
    spans = []
    for length, width, step in zip(size, crop, stride, strict=True):
        width = min(width, length)
        count = max(length - width + step - 1, 0) // step + 1
        starts = [min(k * step, length - width) for k in range(count)]
        spans.append([(start, start + width) for start in starts])
    return [(top, left, bottom, right) for top, bottom in spans[0] for left, right in spans[1]]


def stitch_windows(
    images: Tensor,
    boxes: list[Box],
    batch: int,
    predict: Callable[[Tensor], Tensor],
    step: int = 1,
) -> Tensor:
    """Average the scores of overlapping windows.

    Args:
        images: (B, 3, H, W).
        boxes: windows of equal size that cover the image.
        batch: windows per call of ``predict``, counted over all images.
        predict: crops (n, 3, h, w) -> scores (n, K, h / step, w / step), rounded up.
        step: pixels between two scores; a window begins at a whole score.

    Returns:
        (B, K, H / step, W / step), in float32 at least.
    """
    total = count = None
    each = max(batch // len(images), 1)
    for first in range(0, len(boxes), each):
        chunk = boxes[first : first + each]
        crops = [images[..., top:bottom, left:right] for top, left, bottom, right in chunk]
        scores = predict(torch.cat(crops)).unflatten(0, (len(chunk), len(images)))
        height, width = scores.shape[-2:]
        if total is None:
            top, left, _, _ = boxes[-1]  # the lower right one
            size = top // step + height, left // step + width
            total = images.new_zeros(len(images), scores.shape[2], *size)
            count = images.new_zeros(1, 1, *size)
        for (top, left, _, _), part in zip(chunk, scores, strict=True):
            top, left = top // step, left // step
            total[..., top : top + height, left : left + width] += part
            count[..., top : top + height, left : left + width] += 1
    return total / count
