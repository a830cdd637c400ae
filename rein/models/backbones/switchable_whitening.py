"""Switchable whitening: a normalisation that mixes whitening over the batch and of each image."""

import torch
import torch.distributed as dist
from mmengine.dist import get_world_size
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

# What each kind mixes: whitening over the batch (bw) and of each image (iw), and their plain
# forms, batch norm, instance norm and layer norm.
KINDS = {2: ('bw', 'iw'), 3: ('bw', 'iw', 'ln'), 5: ('bw', 'iw', 'bn', 'in', 'ln')}


@MODELS.register_module()
class SwitchableWhitening(nn.Module):
    """Whitens groups of channels by a learnt mixture of means and covariances.

    Mean and covariance are weighted sums, with a softmax over learnt numbers (all 1 at first),
    of those over the batch, of each image, and, by ``kind``, of their plain forms. The inverse
    root comes from Newton-Schulz steps. Statistics over the batch are those of all processes.

    Kind 5 weighs the plain variances of batch and images by the numbers of the whitened ones, as
    the authors' code does; two of its numbers therefore stay unused.

    Args:
        num_features: channels C.
        group: channels that are whitened together.
        kind: 2, 3 or 5 mixed statistics, see ``KINDS``.
        steps: of Newton-Schulz.
        eps: added to the covariance's diagonal.
        momentum: share of the old statistics that is kept in each step; they begin at 0.

    Raises:
        ValueError: no such kind, or C is not a multiple of ``group``.

    Source: Pan et al., ICCV 2019 (arXiv:1904.09739); in this family Choi et al., CVPR 2021.
    """

    def __init__(
        self,
        num_features: int,
        group: int = 16,
        kind: int = 2,
        steps: int = 5,
        eps: float = 1e-5,
        momentum: float = 0.99,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f'SwitchableWhitening.kind is {kind}; use one of {sorted(KINDS)}')
        if num_features % group:
            raise ValueError(
                f'SwitchableWhitening: {num_features} channels are no multiple of group={group}'
            )
        self.group, self.kind, self.steps = group, kind, steps
        self.eps, self.momentum = eps, momentum
        groups = num_features // group
        self.mean_weight = nn.Parameter(torch.ones(kind))
        self.var_weight = nn.Parameter(torch.ones(kind))
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer('running_mean', torch.zeros(groups, group, 1))
        self.register_buffer('running_cov', torch.zeros(groups, group, group))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        with torch.autocast(maps.device.type, enabled=False):
            whitened = self._whitened(maps if maps.dtype == torch.float64 else maps.float())
        shape = (1, -1, 1, 1)
        return (whitened * self.weight.view(shape) + self.bias.view(shape)).to(maps.dtype)

    def _whitened(self, maps: Tensor) -> Tensor:
        batch = len(maps)
        rows = maps.reshape(batch, -1, self.group, maps[0, 0].numel())  # (B, G, c, H W)
        own_mean = rows.mean(-1, keepdim=True)
        own_cov = _products(rows - own_mean) / rows.shape[-1]  # (B, G, c, c)
        if self.training:
            mean, cov = self._over_batch(rows)
        else:
            mean, cov = self.running_mean, self.running_cov
        m, v = self.mean_weight.softmax(0), self.var_weight.softmax(0)
        eye = torch.eye(self.group, dtype=rows.dtype, device=rows.device)
        mixed_mean = m[0] * mean + m[1] * own_mean
        mixed_cov = v[0] * cov + v[1] * own_cov
        if self.kind == 5:
            mixed_mean = mixed_mean + m[2] * mean + m[3] * own_mean
            mixed_cov = mixed_cov + mixed_cov * eye  # the diagonals, by the same two weights
        if self.kind != 2:
            flat = maps.reshape(batch, -1)
            mixed_mean = mixed_mean + m[-1] * flat.mean(-1).view(-1, 1, 1, 1)
            mixed_cov = mixed_cov + v[-1] * flat.var(-1).view(-1, 1, 1, 1) * eye
        root = self._inverse_root(mixed_cov + self.eps * eye)
        return (root @ (rows - mixed_mean)).view_as(maps)

    def _over_batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (G, c, 1) and covariance (G, c, c) over the images of all processes."""
        mean = _over_processes(rows.mean((0, -1)))[..., None]
        cov = _over_processes((_products(rows - mean) / rows.shape[-1]).mean(0))
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), 1 - self.momentum)
            self.running_cov.lerp_(cov.to(self.running_cov.dtype), 1 - self.momentum)
        return mean, cov

    def _inverse_root(self, cov: Tensor) -> Tensor:
        """(..., c, c) -> its inverse square root, nearly."""
        scale = cov.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
        scaled = cov / scale
        root = torch.eye(self.group, dtype=cov.dtype, device=cov.device).expand_as(cov)
        for _ in range(self.steps):
            root = 1.5 * root - 0.5 * root @ root @ root @ scaled
        return root / scale.sqrt()


def _products(rows: Tensor) -> Tensor:
    return rows @ rows.transpose(-1, -2)


def _over_processes(found: Tensor) -> Tensor:
    """Mean over processes, which all have as many images; gradients flow to all of them."""
    processes = get_world_size()
    if processes == 1:
        return found
    return all_reduce(found, op=dist.ReduceOp.SUM) / processes
