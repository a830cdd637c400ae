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
