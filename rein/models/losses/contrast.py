"""Pixel contrasts between an image and its restyled view.

Source: Ahn et al., Style Blind Domain Generalized Semantic Segmentation via Covariance Alignment
and Semantic Consistence Contrastive Learning, CVPR 2024 (arXiv:2403.06122), section 3.3.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from rein.models.losses.pixels import Pixels, places_in_groups, random_order, sizes_of

NEGATIVES = ('all', 'other_classes')


@dataclass
class Choice:
    """Pixels that a contrast compares, numbered through the whole batch.

    Attributes:
        queries: pixels of the restyled view.
        keys: pixels of the original view.
        note: what the contrast needs to know of them again.
    """

    queries: Tensor
    keys: Tensor
    note: Tensor


def class_contrast(
    queries: Tensor,
    keys: Tensor,
    samples: int,
    temperature: float,
    negatives: Literal['all', 'other_classes'] = 'all',
) -> Tensor:
    """Contrast of each query with the key of the same pixel, CWCL in the paper.

    Args:
        queries: (B, S, D), of length 1; S is a multiple of ``samples``.
        keys: (B, S, D), of the same pixels, of length 1; no gradient flows into them.
        samples: so many neighbours in S are of one class.
        temperature: divides the products of queries and keys.
        negatives: ``'other_classes'`` of the same image, as published; ``'all'`` keys of the image,
            the query's own and those of its class among them, as the released code does (its masks
            are inverted as bytes, which leaves all of them true). A loss is then at least log 2.

    Returns:
        (B, S), each query's loss.

    Raises:
        ValueError: ``negatives`` is neither.
    """
    if negatives not in NEGATIVES:
        raise ValueError(f'negatives is {negatives!r}; use one of {NEGATIVES}')
    keys = keys.detach()
    products = queries @ keys.transpose(1, 2) / temperature  # (B, S, S)
    own = torch.diagonal(products, dim1=1, dim2=2)
    if negatives == 'other_classes':
        kind = torch.arange(queries.shape[1], device=queries.device) // samples
        products = products.masked_fill(kind == kind[:, None], float('-inf'))
    return torch.logaddexp(own, products.logsumexp(-1)) - own


def disentanglement_contrast(
    queries: Tensor, keys: Tensor, negatives: Tensor, pool: Tensor, temperature: float
) -> Tensor:
    """Contrast of confused pixels with pixels of the class that they are taken for.

    SDCL in the paper.

    Args:
        queries: (A, D), restyled view, of length 1.
        keys: (A, D), the same pixels in the original view; no gradient flows into them.
        negatives: (G, n, D), pools of pixels of the restyled view; gradient does flow here.
        pool: (A,) number of each query's pool.
        temperature: divides the products.

    Returns:
        (A,), each query's loss.
    """
    own = (queries * keys.detach()).sum(-1) / temperature
    every = torch.einsum('ad,gnd->agn', queries, negatives) / temperature
    wrong = every.gather(1, pool[:, None, None].expand(-1, 1, every.shape[-1]))[:, 0]  # (A, n)
    return torch.logaddexp(own, wrong.logsumexp(-1)) - own


def choose_by_class(
    pixels: Pixels, classes: int, samples: int, negatives: Literal['all', 'other_classes']
) -> tuple[Tensor, Tensor]:
    """Draw ``samples`` pixels of each of ``classes`` classes, in every image.

    A class takes part where it has more than ``samples`` pixels, the lowest numbers first. Half of
    its pixels are those that the network gets wrong in the original view and half those that it
    gets right, as far as there are so many; the wrong ones come first. What is left of the
    ``classes`` is filled up with pixels of the whole image, with ``'other_classes'`` with those
    that were not drawn yet.

    Args:
        pixels: what is known of the (B, N) pixels.
        classes: number of classes, M.
        samples: pixels of each, n.
        negatives: see ``class_contrast``.

    Returns:
        Pixels (B, M n), each numbered in its image; whether any image has a class to draw from.

    Raises:
        ValueError: the map has fewer than (M - 1) n pixels, which filling up takes where an image
            shows one class. Where it shows none and M n are wanted, pixels come twice.
    """
    batch, size = pixels.labels.shape
    slots = classes * samples
    if size < slots - samples:
        raise ValueError(
            f'ClassContrast draws up to {classes - 1} x {samples} = {slots - samples} pixels of an '
            f'image, but a map has {size}; use larger crops, or fewer classes or samples'
        )
    kinds = pixels.classes + 1  # the last is "no class"
    image = torch.arange(batch, device=pixels.labels.device)[:, None]
    right = (pixels.original == pixels.labels).long()
    groups = ((image * kinds + pixels.labels) * 2 + right).flatten()
    sizes = sizes_of(groups, batch * kinds * 2)
    wrongs, rights = sizes.view(batch, kinds, 2)[:, :-1].unbind(-1)  # (B, K)
    valid = wrongs + rights > samples
    valid &= valid.cumsum(1) <= classes
    half = samples // 2
    enough = samples - half  # n / 2, rounded up
    from_right = torch.where(wrongs < enough, samples - wrongs, rights.clamp(max=enough))
    quota = torch.stack((samples - from_right, from_right), -1) * valid[..., None]  # (B, K, 2)
    first = torch.stack((torch.zeros_like(from_right), samples - from_right), -1)
    first = first + ((valid.cumsum(1) - 1) * samples)[..., None]
    quota, first = (nn.functional.pad(each, (0, 0, 0, 1)).flatten() for each in (quota, first))

    place = places_in_groups(groups, sizes)
    drawn = (place < quota[groups]).view(batch, size)
    slot = torch.where(drawn, (first[groups] + place).view(batch, size), slots)
    # One slot more than are wanted takes what is not drawn.
    chosen = torch.full((batch, slots + 1), -1, device=slot.device)
    numbers = torch.arange(size, device=slot.device).expand(batch, size)
    chosen = chosen.scatter_(1, slot, numbers)[:, :-1]

    filler = image.expand(batch, size) * 2
    if negatives == 'other_classes':
        filler = filler + drawn
    filler = random_order(filler.flatten()).view(batch, size) - image * size
    taken = valid.sum(1, keepdim=True) * samples
    rest = torch.arange(slots, device=slot.device) - taken  # place among the fillers
    chosen = torch.where(rest < 0, chosen, filler.gather(1, rest.clamp(min=0) % size))
    return chosen, valid.any()


def choose_confused(pixels: Pixels, patches: int, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find pixels that are right in the original view and wrong in the restyled one.

    A pixel takes part if ``patches`` pixels of its image at least are labelled with the class that
    it is taken for; as many of those are drawn, once for all pixels so confused in the image.

    Args:
        pixels: what is known of the (B, N) pixels.
        patches: size of a pool of negatives, n.
        most: keep a random choice of so many pixels of the whole batch.

    Returns:
        Confused pixels (A,), in the order of their images and wrong classes; pools of negatives
        (G, n); number of each pixel's pool (A,). Pixels are numbered through the whole batch.
    """
    batch, size = pixels.labels.shape
    kinds = pixels.classes + 1
    image = torch.arange(batch, device=pixels.labels.device)[:, None] * kinds
    labelled = (image + pixels.labels).flatten()
    seen = (image + pixels.restyled).flatten()
    sizes = sizes_of(labelled, batch * kinds)
    confused = (pixels.original == pixels.labels) & (pixels.restyled != pixels.original)
    confused = confused.flatten() & (sizes[seen] >= patches)
    anchors = confused.nonzero()[:, 0]  # the one place where the device is waited for ...
    anchors = anchors[torch.sort(seen[anchors], stable=True).indices]
    if len(anchors) > most:
        anchors = anchors[torch.randperm(len(anchors), device=anchors.device)[:most]]
    used, pool = seen[anchors].unique(return_inverse=True)  # ... but for this one

    place = places_in_groups(labelled, sizes)
    row = torch.full((batch * kinds,), len(used), device=used.device)
    row[used] = torch.arange(len(used), device=used.device)
    kept = (place < patches) & (row[labelled] < len(used))
    slot = torch.where(kept, row[labelled] * patches + place, len(used) * patches)
    pools = torch.zeros(len(used) * patches + 1, dtype=torch.long, device=used.device)
    pools.scatter_(0, slot, torch.arange(batch * size, device=used.device))
    return anchors, pools[:-1].view(-1, patches), pool


@MODELS.register_module()
class ClassContrast(nn.Module):
    """Class-wise contrastive loss (CWCL) as a term of ``PixelContrast``.

    Args:
        classes: at most so many classes of an image take part.
        samples: pixels drawn of each.
        temperature: divides the products.
        negatives: ``'all'`` as released (the default) or ``'other_classes'`` as published, see
            ``class_contrast``.
        loss_weight: factor of the loss.

    Raises:
        ValueError: a number is not above 0, or ``negatives`` is neither.
    """

    def __init__(
        self,
        *,
        classes: int = 15,
        samples: int = 50,
        temperature: float = 0.07,
        negatives: Literal['all', 'other_classes'] = 'all',
        loss_weight: float = 0.3,
    ) -> None:
        super().__init__()
        _check_above_zero(self, classes=classes, samples=samples, temperature=temperature)
        if negatives not in NEGATIVES:
            raise ValueError(f'ClassContrast.negatives is {negatives!r}; use one of {NEGATIVES}')
        self.classes = classes
        self.samples = samples
        self.temperature = temperature
        self.negatives = negatives
        self.loss_weight = loss_weight

    def choose(self, pixels: Pixels) -> Choice:
        """Draw the pixels to compare, see ``choose_by_class``."""
        chosen, any_class = choose_by_class(pixels, self.classes, self.samples, self.negatives)
        batch, size = pixels.labels.shape
        offsets = torch.arange(batch, device=chosen.device)[:, None] * size
        flat = (chosen + offsets).flatten()
        return Choice(flat, flat, any_class)

    def forward(self, choice: Choice, queries: Tensor, keys: Tensor) -> Tensor:
        """Mean loss of queries (P, D) with their keys (P, D); 0 without a class to draw from."""
        shape = (-1, self.classes * self.samples, queries.shape[-1])
        losses = class_contrast(
            queries.view(shape), keys.view(shape), self.samples, self.temperature, self.negatives
        )
        return losses.mean() * choice.note


@MODELS.register_module()
class DisentanglementContrast(nn.Module):
    """Semantic disentanglement contrastive loss (SDCL) as a term of ``PixelContrast``.

    Args:
        patches: negatives drawn for each image and wrong class; fewer leave the class out.
        most: at most so many confused pixels an image, on the mean of the batch.
        temperature: divides the products.
        loss_weight: factor of the loss.

    Raises:
        ValueError: a number is not above 0.
    """

    def __init__(
        self,
        *,
        patches: int = 20,
        most: int = 1000,
        temperature: float = 0.07,
        loss_weight: float = 0.3,
    ) -> None:
        super().__init__()
        _check_above_zero(self, patches=patches, most=most, temperature=temperature)
        self.patches = patches
        self.most = most
        self.temperature = temperature
        self.loss_weight = loss_weight

    def choose(self, pixels: Pixels) -> Choice:
        """Find the confused pixels and draw their negatives, see ``choose_confused``."""
        most = self.most * len(pixels.labels)
        anchors, pools, pool = choose_confused(pixels, self.patches, most)
        return Choice(torch.cat((anchors, pools.flatten())), anchors, pool)

    def forward(self, choice: Choice, queries: Tensor, keys: Tensor) -> Tensor:
        """Mean loss of the confused pixels; 0 without any."""
        anchors, negatives = queries.split((len(keys), len(queries) - len(keys)))
        if not len(keys):
            return queries.sum()
        pools = negatives.view(-1, self.patches, queries.shape[-1])
        return disentanglement_contrast(anchors, keys, pools, choice.note, self.temperature).mean()


def _check_above_zero(part: nn.Module, **numbers: float) -> None:
    for name, number in numbers.items():
        if not number > 0:
            raise ValueError(f'{type(part).__name__}.{name} is {number}; use a number above 0')
