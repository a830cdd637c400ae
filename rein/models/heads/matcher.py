"""Which query answers for which target mask: the cheapest assignment of one to one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor


class Matches(NamedTuple):
    """Pairs of a query and a target, for L predictions of the same B images.

    An image has as many pairs in every layer: the smaller of its numbers of queries and targets.
    """

    image: Tensor  # (n,) number of the image, ascending
    query: Tensor  # (L, n) number of the query in its image
    target: Tensor  # (L, n) number of the target, counted over all images


def class_cost(class_logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the probability of the target's class: (..., Q, K + 1), (G,) -> (..., Q, G)."""
    return -class_logits.softmax(-1)[..., labels]


def bce_cost(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross-entropy over the points: (..., Q, P), (G, P) -> (..., Q, G)."""
    # bce(x, t) = softplus(x) - x t, so that one product serves both kinds of pixel.
    without = F.softplus(logits).sum(-1)[..., None]
    return (without - logits @ masks.T) / logits.shape[-1]


def dice_cost(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - (2 |p t| + 1) / (|p| + |t| + 1) over the points: (..., Q, P), (G, P) -> (..., Q, G)."""
    chance = logits.sigmoid()
    both = chance @ masks.T
    return 1 - (2 * both + 1) / (chance.sum(-1)[..., None] + masks.sum(-1) + 1)


def assign(costs: Sequence[Tensor]) -> Matches:
    """Assign queries to targets at the least total cost (Hungarian algorithm).

    Args:
        costs: (L, Q, G) of each image. A cost that is not a number counts as 0, so that a
            diverged network shows in its losses and not here.

    Returns:
        The pairs, on the device of the costs. They are moved between devices once each way.
    """
    device = costs[0].device
    flat = torch.cat([cost.flatten() for cost in costs]).nan_to_num().cpu()
    blocks = flat.split([cost.numel() for cost in costs])
    images, pairs, first = [], [], 0
    for image, (cost, block) in enumerate(zip(costs, blocks, strict=True)):
        _, queries, targets = cost.shape
        found = [linear_sum_assignment(layer) for layer in block.view(cost.shape).numpy()]
        offset = np.array([[0], [first]])
        pairs.append(np.stack(found).astype(np.int64) + offset)  # (L, 2, n)
        images += [image] * min(queries, targets)
        first += targets
    query, target = torch.from_numpy(np.concatenate(pairs, axis=2)).to(device).unbind(1)
    return Matches(torch.tensor(images, dtype=torch.long, device=device), query, target)
