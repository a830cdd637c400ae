"""Images of one domain with classes of another pasted in."""

import math

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

POOLS = ('batch', 'image')


@MODELS.register_module()
class ClassMix:
    """Pastes half of the classes of a labelled image into one without labels.

    Args:
        pool: where the classes are drawn from: ``'image'``, the labelled one, or ``'batch'``, all
            labelled ones, as in the code of DAFormer. 255 counts as a class, there too.

    Raises:
        ValueError: there is no such pool.

    Source: Olsson et al., WACV 2021 (arXiv:2007.07936).
    """

    def __init__(self, pool: str = 'batch') -> None:
        if pool not in POOLS:
            raise ValueError(f'ClassMix.pool is {pool!r}; use one of {POOLS}')
        self.pool = pool

    def masks(self, labels: Tensor) -> Tensor:
        """Where labelled images are pasted: labels (N, H, W) -> (N, H, W) bool.

        Classes are drawn from NumPy's global numbers, image by image.
        """
        joint = torch.unique(labels) if self.pool == 'batch' else None
        found = []
        for each in labels:
            classes = torch.unique(each) if joint is None else joint
            count = math.ceil(len(classes) / 2)
            chosen = np.random.choice(len(classes), count, replace=False)
            drawn = classes[torch.from_numpy(chosen).to(classes.device)]
            found.append(torch.isin(each, drawn))
        return torch.stack(found)


def pasted(
    mixing: ClassMix, source: Tensor, own: Tensor, target: tuple[Tensor, Tensor, Tensor | None]
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Images without labels with labelled ones pasted in, over and over in their order.

    Args:
        mixing: says where, by ``masks``.
        source: labelled images (N, 3, H, W).
        own: their labels (N, H, W).
        target: images (U, 3, H, W) without, the teacher's labels of them, and the weights of pixels
            or None.

    Returns:
        Images, labels, and weights, which are 1 where something was pasted.
    """
    images, labels, weights = target
    partner = [k % len(own) for k in range(len(images))]
    own, source = own[partner], source[partner]
    where = mixing.masks(own)
    images = torch.where(where[:, None], source, images)
    if weights is not None:
        weights = weights.masked_fill(where, 1.0)
    return images, torch.where(where, own, labels), weights
