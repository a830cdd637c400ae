"""Losses of a set of predicted masks against the masks of an image."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine import dist
from torch import Tensor, nn

from rein.models.heads.mask_targets import ClassMasks
from rein.models.heads.matcher import Matches, assign, bce_cost, class_cost, dice_cost
from rein.models.heads.points import sample_at, uncertain_points


def dice_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """1 - (2 Σ p t + 1) / (Σ p + Σ t + 1) of each mask: (n, P), (n, P) -> (n,), in [0, 1)."""
    chance = logits.sigmoid()
    both = (chance * masks).sum(-1)
    return 1 - (2 * both + 1) / (chance.sum(-1) + masks.sum(-1) + 1)


def bce_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean binary cross-entropy of each mask over its points: (n, P), (n, P) -> (n,)."""
    return F.binary_cross_entropy_with_logits(logits, masks, reduction='none').mean(-1)


def mean_over_ranks(number: int, device: torch.device) -> Tensor:
    """Mean of a count over all processes, at least 1; no communication with a single process."""
    count = torch.tensor(float(number), device=device)
    if dist.get_world_size() > 1:
        dist.all_reduce(count, 'mean')
    return count.clamp(min=1)


def precise(tensor: Tensor) -> Tensor:
    """float32 in place of a half precision; anything wider stays."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


class SetLoss(nn.Module):
    """Match queries to target masks, then score classes and masks.

    Costs of the matching and losses have the same weights. Everything is computed in float32,
    also under autocast.

    Args:
        num_classes: K.
        num_points: points at which a mask is compared.
        oversample_ratio: how many times as many are drawn to choose the undecided from.
        importance_ratio: part of the points that is chosen so; the rest lies anywhere.
        cls_weight: weight of the cross-entropy over classes.
        mask_weight: weight of the binary cross-entropy over points.
        dice_weight: weight of the dice loss over points.
        no_object_weight: weight of the class "no object" in the cross-entropy; others have 1.

    Source: Cheng et al., CVPR 2022 (arXiv:2112.01527). Its code draws new points for every layer
    to match on; here the layers of an image share theirs, which makes one product of the mask
    features do for all of them and leaves each layer's distribution as it is.
    """

    def __init__(
        self,
        num_classes: int,
        num_points: int = 12544,
        oversample_ratio: float = 3.0,
        importance_ratio: float = 0.75,
        cls_weight: float = 2.0,
        mask_weight: float = 5.0,
        dice_weight: float = 5.0,
        no_object_weight: float = 0.1,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_points = num_points
        self.oversample_ratio = oversample_ratio
        self.importance_ratio = importance_ratio
        self.cls_weight = cls_weight
        self.mask_weight = mask_weight
        self.dice_weight = dice_weight
        weight = torch.ones(num_classes + 1)
        weight[-1] = no_object_weight
        self.register_buffer('class_weight', weight, persistent=False)

    def forward(
        self,
        class_logits: Tensor,
        mask_embeds: Tensor,
        features: Tensor,
        targets: Sequence[ClassMasks],
    ) -> dict[str, Tensor]:
        """Losses of every layer.

        A mask is the product of a mask embedding with the features. Masks are made only where
        somebody looks at them: for the matching at its points, then whole for matched queries.

        Args:
            class_logits: (L, B, Q, K + 1).
            mask_embeds: (L, B, Q, C).
            features: (B, C, h, w).
            targets: classes and masks of each image.

        Returns:
            Weighted ``loss_cls``, ``loss_mask``, ``loss_dice`` of the last layer, and the same of
            the others with ``d0.``, ``d1.``, ... in front.
        """
        with torch.autocast(features.device.type, enabled=False):
            class_logits, mask_embeds = precise(class_logits), precise(mask_embeds)
            features = precise(features)
            matches = self.match(class_logits, mask_embeds, features, targets)
            by_class = self._class_losses(class_logits, matches, targets)
            by_mask = self._mask_losses(mask_embeds, features, matches, targets)
        losses, last = {}, len(class_logits) - 1
        for layer, (cls, (bce, dice)) in enumerate(zip(by_class, by_mask, strict=True)):
            prefix = '' if layer == last else f'd{layer}.'
            losses[f'{prefix}loss_cls'] = self.cls_weight * cls
            losses[f'{prefix}loss_mask'] = self.mask_weight * bce
            losses[f'{prefix}loss_dice'] = self.dice_weight * dice
        return losses

    @torch.no_grad()
    def match(
        self,
        class_logits: Tensor,
        mask_embeds: Tensor,
        features: Tensor,
        targets: Sequence[ClassMasks],
    ) -> Matches:
        """Match every layer's queries to the targets at random points; as ``forward``."""
        points = torch.rand(len(features), self.num_points, 2, device=features.device)
        points = points.to(features.dtype)
        seen = sample_at(features, points)  # (B, C, P)
        costs = []
        for image, target in enumerate(targets):
            logits = mask_embeds[:, image] @ seen[image]  # (L, Q, P)
            masks = target.masks.to(logits.dtype)[None]
            masks = sample_at(masks, points[image, None])[0]  # (G, P)
            costs.append(
                self.cls_weight * class_cost(class_logits[:, image], target.labels)
                + self.mask_weight * bce_cost(logits, masks)
                + self.dice_weight * dice_cost(logits, masks)
            )
        return assign(costs)

    def _class_losses(
        self, class_logits: Tensor, matches: Matches, targets: Sequence[ClassMasks]
    ) -> list[Tensor]:
        """Cross-entropy of each layer; queries without a target are "no object"."""
        layers = torch.arange(len(class_logits), device=class_logits.device)[:, None]
        labels = torch.cat([target.labels for target in targets])
        classes = labels.new_full(class_logits.shape[:-1], self.num_classes)  # (L, B, Q)
        classes[layers, matches.image, matches.query] = labels[matches.target]
        weight = self.class_weight.to(class_logits.dtype)
        return [
            F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), weight)
            for logits, wanted in zip(class_logits, classes, strict=True)
        ]

    def _mask_losses(
        self,
        mask_embeds: Tensor,
        features: Tensor,
        matches: Matches,
        targets: Sequence[ClassMasks],
    ) -> list[tuple[Tensor, Tensor]]:
        """Cross-entropy and dice loss of each layer, per mask of an average process."""
        layers = torch.arange(len(mask_embeds), device=mask_embeds.device)[:, None]
        queries = mask_embeds.shape[2]
        matched = mask_embeds[layers, matches.image, matches.query]  # (L, n, C)
        matched = matched.split([min(queries, len(target.labels)) for target in targets], dim=1)
        logits = torch.cat(
            [
                (embeds @ maps.flatten(1)).unflatten(2, maps.shape[1:])
                for embeds, maps in zip(matched, features, strict=True)
            ],
            dim=1,
        )  # (L, n, h, w)
        masks = torch.cat([target.masks for target in targets])
        number = mean_over_ranks(logits.shape[1], logits.device)
        return [
            tuple(loss.sum() / number for loss in self.compare(mine, masks[wanted]))
            for mine, wanted in zip(logits, matches.target, strict=True)
        ]

    def compare(self, logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Compare masks at uncertain points.

        Args:
            logits: (n, h, w).
            masks: (n, H, W) in [0, 1].

        Returns:
            Binary cross-entropy and dice loss, each (n,).
        """
        if len(logits) == 0:
            nothing = logits.sum((1, 2))
            return nothing, nothing
        points = uncertain_points(
            logits, self.num_points, self.oversample_ratio, self.importance_ratio
        ).to(logits.dtype)
        seen = sample_at(logits[:, None], points).squeeze(1)  # (n, P)
        wanted = sample_at(masks[:, None].to(logits.dtype), points).squeeze(1)
        return bce_loss(seen, wanted), dice_loss(seen, wanted)
