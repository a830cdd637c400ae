"""How a student sees images with labels and images with a teacher's labels: together or in turn."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.utils import SampleList
from torch import Tensor, nn

from rein.models.segmentors.gradients import ORDERS


@dataclass(frozen=True)
class Lesson:
    """What a student learns from in a step.

    Attributes:
        images: (B, 3, H, W), normalised.
        samples: one for each image, all with ``gt_sem_seg``.
        taught: for each image whether its labels are the teacher's.
        weights: (B, H, W) of pixels in the loss; None counts all alike.
        restyled: (B, 3, H, W), second views for losses that compare two.
    """

    images: Tensor
    samples: SampleList
    taught: Sequence[bool]
    weights: Tensor | None = None
    restyled: Tensor | None = None

    def part(self, *, taught: bool) -> 'Lesson | None':
        """Those images whose labels are the teacher's, or the others; None where there are none."""
        numbers = [k for k, each in enumerate(self.taught) if each == taught]
        return self._chosen(numbers) if numbers else None

    def first(self, count: int) -> 'Lesson':
        """The first images."""
        return self._chosen(range(min(count, len(self.images))))

    def seen_as(self, images: Tensor) -> 'Lesson':
        """The same with other pictures of the images, (B, 3, H, W)."""
        return replace(self, images=images)

    def _chosen(self, numbers: Sequence[int]) -> 'Lesson':
        numbers = list(numbers)
        return Lesson(
            self.images[numbers],
            [self.samples[k] for k in numbers],
            [self.taught[k] for k in numbers],
            None if self.weights is None else self.weights[numbers],
            None if self.restyled is None else self.restyled[numbers],
        )


def joined(lessons: Sequence[Lesson]) -> Lesson:
    """Several lessons as one; pixels without weights count fully where others have some."""
    if len(lessons) == 1:
        return lessons[0]
    weights = None
    if any(each.weights is not None for each in lessons):
        weights = torch.cat(
            [
                torch.ones_like(each.images[:, 0]) if each.weights is None else each.weights
                for each in lessons
            ]
        )
    return Lesson(
        torch.cat([each.images for each in lessons]),
        [sample for each in lessons for sample in each.samples],
        [taught for each in lessons for taught in each.taught],
        weights,
    )


@MODELS.register_module()
class OneBatch:
    """All images in one batch and one loss, as CLOUDS: the kinds weigh what they are many.

    Losses keep their names.
    """

    takes_wrappers = False
    backward = 'joint'

    def __call__(
        self, segmentor: EncoderDecoder, student: EncoderDecoder, lesson: Lesson
    ) -> Iterator[dict]:
        """Losses of the student.

        Raises:
            ValueError: pixels have weights, and a head takes none.
        """
        if lesson.weights is None:
            yield student.loss(lesson.images, lesson.samples)
            return
        if not _take_weights(student):
            raise ValueError(
                f'{type(student.decode_head).__name__} takes no weights of pixels; set '
                "passes=dict(type='SourceThenTarget'), or labelling parts that give none, such as "
                "dict(type='IgnoreUnsure', threshold=...)"
            )
        with pixel_weights(student, lesson.weights):
            yield student.loss(lesson.images, lesson.samples)


@MODELS.register_module()
class SourceThenTarget:
    """Labelled images, then the others, each kind with a loss of its own, as DACS.

    Batch statistics are those of each kind; losses are named ``source.*`` and ``target.*``. A
    head that takes no weights of pixels (``PlainMask2FormerHead``) has its whole loss on the
    others multiplied by their mean, which is the same where all pixels weigh alike.

    Args:
        weight: of the losses on the others.
        backward: 'joint', or 'sequential': gradients of labelled images, of the others and of
            masked ones are worked out in turn, each before the next part runs, in less memory.

    Raises:
        ValueError: ``weight`` is negative, or ``backward`` unknown.
    """

    takes_wrappers = True

    def __init__(self, weight: float = 1.0, backward: str = 'joint') -> None:
        if weight < 0:
            raise ValueError(f'SourceThenTarget.weight is {weight}; use 0 or more')
        if backward not in ORDERS:
            raise ValueError(f'SourceThenTarget.backward is {backward!r}; use one of {ORDERS}')
        self.weight, self.backward = weight, backward

    def __call__(
        self, segmentor: nn.Module, student: EncoderDecoder, lesson: Lesson
    ) -> Iterator[dict]:
        """Losses of the segmentor on labelled images, then of the student on the others."""
        source, target = lesson.part(taught=False), lesson.part(taught=True)
        if source is not None:
            views = () if segmentor is student else (second_views(segmentor, source),)
            found = segmentor.loss(source.images, source.samples, *views)
            yield {f'source.{name}': value for name, value in found.items()}
        if target is not None:
            yield weighted_losses(student, target, self.weight, 'target')


def weighted_losses(
    student: EncoderDecoder, lesson: Lesson, factor: float | Tensor, prefix: str
) -> dict:
    """Losses of a student whose pixels may have weights, times a factor, named ``prefix.*``."""
    if lesson.weights is None or not _take_weights(student):
        found = student.loss(lesson.images, lesson.samples)
        factor = factor if lesson.weights is None else factor * lesson.weights.mean()
    else:
        with pixel_weights(student, lesson.weights):
            found = student.loss(lesson.images, lesson.samples)
    return {
        f'{prefix}.{name}': _times(value, factor) if 'loss' in name else value
        for name, value in found.items()
    }


def second_views(segmentor: nn.Module, lesson: Lesson) -> Tensor | None:
    """Second views of labelled images, for a wrapper of a segmentor.

    Raises:
        ValueError: it compares two views, and the second is the first one again.
    """
    views = lesson.restyled
    if segmentor.views > 1 and views is not None and torch.equal(views, lesson.images):
        raise ValueError(
            f'{type(segmentor).__name__} compares two views, but labelled images have no second '
            "view; put dict(type='TwoViews', ...) into the pipeline of SourceAndTarget.source"
        )
    return views


@contextmanager
def pixel_weights(student: EncoderDecoder, weights: Tensor) -> Iterator[None]:
    """Context in which the heads of MMSegmentation weigh pixels by ``weights`` (B, H, W)."""
    heads = _heads(student)
    samplers = [head.sampler for head in heads]
    for head in heads:
        head.sampler = _Weights(weights, head.sampler)
    try:
        yield
    finally:
        for head, sampler in zip(heads, samplers, strict=True):
            head.sampler = sampler


class _Weights:
    """What heads of MMSegmentation ask for the weights of pixels, in the place of a sampler."""

    def __init__(self, weights: Tensor, sampler: object) -> None:
        self.weights, self.sampler = weights, sampler

    def cropped(self, box: tuple[int, int, int, int]) -> '_Weights':
        """Those in a box (top, left, bottom, right)."""
        top, left, bottom, right = box
        return _Weights(self.weights[:, top:bottom, left:right], self.sampler)

    def sample(self, logits: Tensor, labels: Tensor) -> Tensor:
        """(B, H, W), times what the head's own sampler says."""
        if self.sampler is None:
            return self.weights
        return self.weights * self.sampler.sample(logits, labels)


def _heads(student: EncoderDecoder) -> list[nn.Module]:
    if not student.with_auxiliary_head:
        return [student.decode_head]
    others = student.auxiliary_head
    return [student.decode_head, *(others if isinstance(others, nn.ModuleList) else [others])]


def _take_weights(student: EncoderDecoder) -> bool:
    return all(hasattr(head, 'sampler') for head in _heads(student))


def _times(value: Tensor | list, factor: float | Tensor) -> Tensor | list:
    return [each * factor for each in value] if isinstance(value, list) else value * factor
