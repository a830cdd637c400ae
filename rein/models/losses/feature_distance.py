"""Distance of features to those of the network before training, where things are."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from mmengine import dist
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from rein.models.losses.feature import FeatureLoss, View

IGNORE = 255
THINGS = (6, 7, 11, 12, 13, 14, 15, 16, 17, 18)  # lights, signs, and whatever moves


def shrunk_labels(labels: Tensor, size: tuple[int, int], classes: int, least: float) -> Tensor:
    """The class that fills a cell of a map, if it fills enough of it.

    Args:
        labels: (B, H, W), class numbers, 255 where there is none.
        size: (h, w) of the map; H and W are multiples of it by one factor.
        classes: number K of them.
        least: share of a cell that a class must fill.

    Returns:
        (B, h, w), 255 where no class, or none of 0 to K - 1, fills so much.

    Raises:
        ValueError: the sizes do not go together.
    """
    factor = labels.shape[-1] // size[1]
    if (size[0] * factor, size[1] * factor) != tuple(labels.shape[-2:]):
        raise ValueError(
            f'labels of {tuple(labels.shape[-2:])} and a map of {tuple(size)}: the sides must have '
            'one whole factor; use crops that are multiples of the stride'
        )
    places = labels.long().masked_fill(labels == IGNORE, classes)
    shares = F.one_hot(places, classes + 1).permute(0, 3, 1, 2).float()
    share, found = F.avg_pool2d(shares, factor).max(dim=1)
    return found.masked_fill((share < least) | (found == classes), IGNORE)


def feature_distance(found: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Mean distance between two maps over the chosen positions of all images together.

    Among several processes the mean of what they return is that over the positions of all.

    Args:
        found: (B, C, h, w).
        reference: (B, C, h, w).
        mask: (B, h, w), bool.

    Returns:
        A number; 0, with a gradient of 0, where no position is chosen. (The reference code gives
        NaN there, and the same gradient.)

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887).
    """
    if found.dtype != torch.float64:
        found, reference = found.float(), reference.float()
    away = (found - reference).norm(dim=1)
    count = mask.sum().to(away.dtype)
    dist.all_reduce(count, 'mean')
    return torch.where(mask, away, 0.0).sum() / count.clamp(min=1 / dist.get_world_size())


@MODELS.register_module()
class ThingFeatureDistance(FeatureLoss):
    """Keeps the features of things near those of a network that does not train.

    That network is built when the first step asks for it, so testing needs none of its weights. It
    is no module of the model: no checkpoint has it, and no optimizer sees it.

    Args:
        reference: config of the backbone, with the weights that the student began with.
        sites: the map to compare and its channels, such as ``{'backbone[3]': 512}``.
        loss_weight: factor of the distance.
        level: of the reference's tuple that belongs to the map.
        classes: numbers of the classes that are things.
        num_classes: of the labels.
        least: share of a cell that a thing must fill.
        image_scale: side of the images that the map is of, of that of the images themselves; 0.5
            under ``HRDASegmentor``, whose context the map is of.

    Raises:
        ValueError: there is not one site.

    Source: Hoyer et al., CVPR 2022 (arXiv:2111.14887).
    """

    over_processes = True

    def __init__(
        self,
        reference: dict,
        sites: Mapping[str, int],
        loss_weight: float = 0.005,
        level: int = -1,
        classes: Sequence[int] = THINGS,
        num_classes: int = 19,
        least: float = 0.75,
        image_scale: float = 1.0,
    ) -> None:
        super().__init__(sites, loss_weight)
        if len(self.sites) != 1:
            raise ValueError(f'ThingFeatureDistance.sites names {list(self.sites)}; name one map')
        self._reference, self.level, self.image_scale = reference, level, image_scale
        self.classes, self.num_classes, self.least = tuple(classes), num_classes, least

    @cached_property
    def reference(self) -> nn.Module:
        """The network that does not train."""
        # The step that builds it draws the same random numbers as every other one.
        with torch.random.fork_rng(devices=[]):
            network = MODELS.build(self._reference)
            network.init_weights()
        return network.eval().requires_grad_(requires_grad=False)

    def ready(self) -> None:
        """See ``FeatureLoss``."""
        _ = self.reference

    def forward(self, views: Sequence[View]) -> dict[str, Tensor]:
        """See ``FeatureLoss``; of the original view."""
        (site,) = self.sites
        view = views[0]
        found = self.check_map(site, view.maps[site])
        images = view.images
        if self.image_scale != 1:
            images = F.interpolate(
                images, scale_factor=self.image_scale, mode='bilinear', align_corners=False
            )
        with torch.no_grad():
            wanted = self.reference.to(found.device)(images)[self.level]
        cells = shrunk_labels(view.labels, found.shape[-2:], self.num_classes, self.least)
        things = torch.isin(cells, torch.tensor(self.classes, device=cells.device))
        return {'loss': self.loss_weight * feature_distance(found, wanted, things)}
