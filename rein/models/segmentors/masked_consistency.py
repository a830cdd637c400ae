"""Masked images that a student must label as its teacher labels whole ones."""

from collections.abc import Sequence

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from rein.models.segmentors.student_passes import Lesson, joined, weighted_losses

DOMAINS = ('source', 'target')


@MODELS.register_module()
class BlockMask:
    """Takes square blocks of images away, each with the same probability.

    Args:
        block: side of a block, pixels: 64 for crops of 1024, 32 for crops of 512.
        ratio: probability that a block is taken away.

    Raises:
        ValueError: ``block`` is below 1 or ``ratio`` not from 0 to 1.

    Source: Hoyer et al., CVPR 2023 (arXiv:2212.01322).
    """

    def __init__(self, block: int = 64, ratio: float = 0.7) -> None:
        if block < 1 or not 0 <= ratio <= 1:
            raise ValueError(
                f'BlockMask: block={block}, ratio={ratio}; a block has 1 pixel or more, the ratio '
                'is from 0 to 1'
            )
        self.block, self.ratio = block, ratio

    def draw(self, images: Tensor) -> Tensor:
        """What stays of images (B, 3, H, W): (B, 1, H, W), 1 where it stays and 0 elsewhere.

        The grid has H / block and W / block cells, rounded, 1 at least; so cells of sides that are
        no multiple of the block are a little larger or smaller.
        """
        size = images.shape[-2:]
        grid = [max(1, round(side / self.block)) for side in size]
        stays = torch.rand((len(images), 1, *grid), device=images.device) > self.ratio
        return F.interpolate(stays.to(images.dtype), size=size, mode='nearest')

    def __call__(self, images: Tensor) -> Tensor:
        """Normalised images with blocks of the mean colour."""
        return images * self.draw(images)


@MODELS.register_module()
class MaskedConsistency:
    """The student's loss on masked images, with labels and weights of what is not masked.

    Masked are images without labels, before anything is mixed into them. With both domains it is
    half of each (the first half; one of each in batches of two, as in the reference, which takes
    no others).

    Args:
        mask: config of what takes parts away.
        augment: config of what changes colours first, such as ``JitterAndBlur``; the reference
            does so where it adapts to Cityscapes and not where it adapts to ACDC.
        domains: of the images, ``('target',)`` or ``('source', 'target')``.
        weight: of the losses.

    Raises:
        ValueError: a domain is unknown, or ``weight`` negative.

    Source: Hoyer et al., CVPR 2023 (arXiv:2212.01322).
    """

    def __init__(
        self,
        mask: dict,
        augment: dict | None = None,
        domains: Sequence[str] = ('target',),
        weight: float = 1.0,
    ) -> None:
        if not domains or set(domains) - set(DOMAINS) or len(set(domains)) < len(domains):
            raise ValueError(f'MaskedConsistency.domains is {domains}; use some of {DOMAINS}')
        if weight < 0:
            raise ValueError(f'MaskedConsistency.weight is {weight}; use 0 or more')
        self.mask = MODELS.build(mask)
        self.augment = None if augment is None else MODELS.build(augment)
        self.domains, self.weight = tuple(domains), weight

    def masked(
        self,
        source: Lesson | None,
        target: Lesson,
        normalisation: tuple[Tensor | float, Tensor | float],
    ) -> Lesson | None:
        """What the student sees, with the labels of what is not masked; None without images.

        Args:
            source: labelled images.
            target: others as the teacher saw them, with its labels and their weights.
            normalisation: mean and deviation of the images.
        """
        there = {'source': source, 'target': target}
        parts = [there[name] for name in self.domains if there[name] is not None]
        if not parts:
            return None
        if len(parts) > 1:
            parts = [part.first(-(-len(part.images) // 2)) for part in parts]
        lesson = joined(parts)
        images = lesson.images
        with torch.no_grad():
            if self.augment is not None:
                images = self.augment(images, *normalisation)
            return lesson.seen_as(self.mask(images))

    def losses(self, student: EncoderDecoder, masked: Lesson) -> dict:
        """Losses of the student, named ``masked.*``."""
        return weighted_losses(student, masked, self.weight, 'masked')
