"""Sliding windows: where they lie, and how their scores become one map."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from rein.models.segmentors.window_batch import WindowBatch

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
    if any(
        step > side for step, side in zip(test_cfg['stride'], test_cfg['crop_size'], strict=True)
    ):
        raise ValueError(
            f'model.test_cfg.stride {test_cfg["stride"]} is larger than crop_size '
            f'{test_cfg["crop_size"]}: pixels between the windows would have no scores'
        )
    windows, memory = test_cfg.get('window_batch', 1), test_cfg.get('window_memory')
    if windows != 'auto' and (not isinstance(windows, int) or windows < 1):
        raise ValueError(
            f"model.test_cfg.window_batch is {windows!r}; use 1 or more windows, or 'auto'"
        )
    if memory is not None and memory <= 0:
        raise ValueError(f'model.test_cfg.window_memory is {memory}; use GiB, more than 0')


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


def stitched_bands(
    images: Tensor,
    boxes: list[Box],
    windows: WindowBatch | int,
    predict: Callable[[Tensor], Tensor],
    step: int = 1,
) -> Iterator[Tensor]:
    """Average the scores of overlapping windows, from top to bottom.

    No more is held than the rows that windows still to come reach into.

    Args:
        images: (B, 3, H, W).
        boxes: windows of equal size that cover the image, row by row.
        windows: how many per call of ``predict``, counted over all images. A plain number stays
            as it is when memory runs out, for the caller to deal with.
        predict: crops (n, 3, h, w) -> scores (n, K, h / step, w / step), rounded up.
        step: pixels between two scores; a window begins at a whole score.

    Yields:
        Bands (B, K, rows, W / step), in float32 at least, one under the other.
    """
    width = None
    first = 0
    for top, left, part in _predicted(images, boxes, windows, predict):
        top, left = top // step, left // step
        height, reach = part.shape[-2:]
        if width is None:
            width = boxes[-1][1] // step + reach  # the lower right one ends there
            total = images.new_zeros(len(images), part.shape[1], height, width)
            count = images.new_zeros(1, 1, height, width)
        elif top > first:
            done = top - first
            yield total[..., :done, :] / count[..., :done, :]
            total = F.pad(total[..., done:, :], (0, 0, 0, done))
            count = F.pad(count[..., done:, :], (0, 0, 0, done))
            first = top
        total[..., left : left + reach] += part
        count[..., left : left + reach] += 1
    yield total / count


def _predicted(
    images: Tensor,
    boxes: list[Box],
    windows: WindowBatch | int,
    predict: Callable[[Tensor], Tensor],
) -> Iterator[tuple[int, int, Tensor]]:
    """Top, left and scores (B, K, h, w) of every window; fewer at a time if memory runs out."""
    count = len(images)
    number = windows if isinstance(windows, int) else None
    first = 0
    while first < len(boxes):
        ran_out = None
        try:
            if number is None:
                number = windows.number(_crops(images[:1], boxes[:1]), predict)
            chunk = boxes[first : first + max(number // count, 1)]
            # Fewer windows than images go in parts.
            scores = [predict(part) for part in _crops(images, chunk).split(number)]
        except torch.OutOfMemoryError as error:
            if isinstance(windows, int):
                raise
            ran_out = error.with_traceback(None)  # which would hold what did not fit
        if ran_out is not None:
            tried = 1 if number is None else min(number, len(chunk) * count)
            number = windows.shrink(tried, ran_out)
            continue
        scores = torch.cat(scores).unflatten(0, (len(chunk), count))
        for (top, left, _, _), part in zip(chunk, scores, strict=True):
            yield top, left, part
        first += len(chunk)


def _crops(images: Tensor, boxes: list[Box]) -> Tensor:
    """Windows (boxes * B, 3, h, w) of images (B, 3, H, W)."""
    return torch.cat([images[..., top:low, left:right] for top, left, low, right in boxes])
