"""The baseline arrangement: a model's own weights, run the way the published code runs them.

The same numbers come out; the work is arranged otherwise. Windows go one at a time, each padded to
the whole image before it is added; the adapter transposes to (N, B, C) and back and projects its
tokens for every window; attention is spelled out as it is without xFormers; the body's wide maps
are enlarged before the head reduces them; the head makes full masks behind every layer, resizes
them for the next one's attention, copies them for each of its heads, and stacks all samples of the
deformable attention; every layer is matched by itself with points of its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import MethodType

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import EncoderDecoder
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from rein.models.adapters import ReinAdapter
from rein.models.heads import PlainMask2FormerHead
from rein.models.heads.deformable_attention import DeformableAttention, Levels
from rein.models.heads.mask_losses import SetLoss, mean_over_ranks
from rein.models.heads.mask_targets import class_masks
from rein.models.heads.masked_decoder import Attention
from rein.models.heads.matcher import bce_cost, class_cost, dice_cost
from rein.models.heads.points import sample_at
from rein.models.heads.sine_encoding import sine_encoding

PYRAMID = 'ResizePyramid'


@contextmanager
def baseline_arrangement(model: nn.Module, *, attention: bool = True) -> Iterator[None]:
    """Run a segmentor in the baseline arrangement within the context.

    Args:
        model: a ``FoundationSegmentor`` with a plain ``PlainMask2FormerHead``.
        attention: spell the body's attention out.

    Raises:
        ValueError: the published arrangement of such a head is not known.
    """
    head = model.decode_head
    if not isinstance(head, PlainMask2FormerHead) or head.pooling or head.ensemble:
        raise ValueError(
            'the baseline arrangement is that of Rein: model.decode_head must be a '
            'PlainMask2FormerHead without pooling and ensemble'
        )
    forwards = {
        ReinAdapter: _adapter_forward,
        DeformableAttention: _deformable_forward,
        Attention: _attention_forward,
    }
    changes: list[tuple[object, str, object]] = [
        (part, 'forward', MethodType(forward, part))
        for kind, forward in forwards.items()
        for part in model.modules()
        if isinstance(part, kind)
    ]
    changes.append((head.criterion, 'forward', MethodType(_set_losses, head.criterion)))
    changes += [
        (head, name, MethodType(method, head))
        for name, method in (('forward', _predict_all), ('loss', _loss), ('predict', _predict))
    ]
    scales, pyramid = head.pixel_decoder.scales, model.backbone.pyramid
    if pyramid is not None and type(pyramid).__name__ == PYRAMID and set(pyramid.scales) == {1}:
        changes.append((pyramid, 'scales', scales))
        changes.append((head.pixel_decoder, 'scales', (1,) * len(scales)))
    if attention:
        changes += [(m, 'fused_attn', False) for m in model.modules() if hasattr(m, 'fused_attn')]
    slide = MethodType(EncoderDecoder.slide_inference, model)
    with changed([*changes, (model, 'slide_inference', slide)]):
        yield


@contextmanager
def changed(changes: Sequence[tuple[object, str, object]]) -> Iterator[None]:
    """Set attributes of objects within the context: (object, name, value) each."""
    before = [(part, name, vars(part).get(name, changed)) for part, name, _ in changes]
    try:
        for part, name, value in changes:
            setattr(part, name, value)
        yield
    finally:
        for part, name, value in before:
            if value is changed:  # it was the class's
                delattr(part, name)
            else:
                setattr(part, name, value)


def _adapter_forward(self: ReinAdapter, tokens: Tensor, layer: int) -> Tensor:
    found = tokens.permute(1, 0, 2)  # (N, B, C)
    keys = self.layer_tokens(layer)
    attention = torch.einsum('nbc,mc->nbm', found, keys) * self.dims**-0.5
    attention = F.softmax(attention, dim=-1)
    delta = torch.einsum('nbm,mc->nbc', attention[:, :, 1:], self.token_proj(keys[1:]))
    found = found + self.scale * self.delta_proj(delta + found)
    return found.permute(1, 0, 2)


def _deformable_forward(
    self: DeformableAttention, tokens: Tensor, position: Tensor, levels: Levels
) -> Tensor:
    batch, count, dims = tokens.shape
    shape = (batch, count, self.heads, self.levels, self.points)
    query = tokens + position
    offsets = self.sampling_offsets(query).view(*shape, 2)
    weights = self.attention_weights(query).view(*shape[:3], -1).softmax(-1)
    value = self.value_proj(tokens).view(batch, count, self.heads, -1).float()
    places = levels.centres[:, None, :, None] + offsets
    grid = 2 * (places + 0.5) / levels.lengths[:, None] - 1
    samples, first = [], 0
    for level, (height, width) in enumerate(levels.sizes):
        part = value[:, first : first + height * width]
        first += height * width
        maps = part.flatten(2).transpose(1, 2).reshape(batch * self.heads, -1, height, width)
        seen = grid[:, :, :, level].transpose(1, 2).flatten(0, 1)  # (B * heads, S, points, 2)
        samples.append(F.grid_sample(maps, seen, align_corners=False))
    shares = weights.transpose(1, 2).reshape(batch * self.heads, 1, count, -1)
    found = (torch.stack(samples, -2).flatten(-2) * shares).sum(-1)
    return self.output_proj(found.view(batch, dims, count).transpose(1, 2))


def _attention_forward(
    self: Attention, query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None = None
) -> Tensor:
    return self.attn(query, key, value, attn_mask=None if allowed is None else ~allowed)[0]


def _layers(
    self: PlainMask2FormerHead, maps: Sequence[Tensor], queries: Tensor | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Classes and full masks before the first layer and behind each."""
    batch = len(maps[0])
    content, position = self._start(queries, batch)
    sizes = self.pixel_decoder.coarse_sizes(maps)
    places = [sine_encoding(size, self.dims, maps[0].device) for size in sizes]
    levels, features = self.pixel_decoder(maps, places)
    decoder, heads = self.transformer_decoder, self.transformer_decoder.layers[0].cross_attn.attn
    for number in range(len(decoder.layers) + 1):
        state = decoder.post_norm(content)
        embeds = self.mask_embed(state)
        masks = torch.einsum('bqc,bchw->bqhw', embeds, features)
        yield self.classify(state, embeds, features), masks
        if number == len(decoder.layers):
            return
        level = number % len(levels)
        small = F.interpolate(masks, sizes[level], mode='bilinear', align_corners=False)
        allowed = small.flatten(2)[:, None].repeat(1, heads.num_heads, 1, 1).flatten(0, 1)
        allowed = (allowed.sigmoid() >= 0.5).detach()
        allowed[torch.where(~allowed.any(-1))] = True
        value = levels[level] + self.level_embed.weight[level]
        key = value + places[level]
        content = decoder.layers[number](content, position, key, value, allowed)


def _predict_all(
    self: PlainMask2FormerHead, maps: Sequence[Tensor], queries: Tensor | None = None
) -> list[tuple[Tensor, Tensor]]:
    return list(_layers(self, maps, queries))


def _predict(
    self: PlainMask2FormerHead,
    maps: Sequence[Tensor],
    batch_img_metas: Sequence[dict],
    test_cfg: dict | None = None,
    queries: Tensor | None = None,
) -> Tensor:
    classes, masks = self.forward(maps, queries)[-1]
    size = tuple(batch_img_metas[0]['img_shape'])[:2]
    masks = F.interpolate(masks, size=size, mode='bilinear', align_corners=False)
    chances = F.softmax(classes, dim=-1)[..., :-1]
    return torch.einsum('bqc,bqhw->bchw', chances, masks.sigmoid())


def _loss(
    self: PlainMask2FormerHead,
    maps: Sequence[Tensor],
    data_samples: Sequence,
    train_cfg: dict | None = None,
    queries: Tensor | None = None,
) -> dict[str, Tensor]:
    targets = [class_masks(sample, self.num_classes) for sample in data_samples]
    return self.criterion(self.forward(maps, queries), targets)


def _set_losses(
    self: SetLoss, predictions: Sequence[tuple[Tensor, Tensor]], targets: Sequence
) -> dict[str, Tensor]:
    losses = {}
    with torch.autocast(predictions[0][0].device.type, enabled=False):
        for number, (classes, masks) in enumerate(predictions):
            prefix = '' if number == len(predictions) - 1 else f'd{number}.'
            found = _layer_losses(self, classes.float(), masks.float(), targets)
            losses |= {f'{prefix}{name}': value for name, value in found.items()}
    return losses


def _layer_losses(
    self: SetLoss, classes: Tensor, masks: Tensor, targets: Sequence
) -> dict[str, Tensor]:
    wanted = classes.new_full(classes.shape[:2], self.num_classes, dtype=torch.long)
    matched, truths = [], []
    for image, target in enumerate(targets):
        query, number = _assigned(self, classes[image], masks[image], target)
        wanted[image, query] = target.labels[number]
        matched.append(masks[image, query])
        truths.append(target.masks[number])
    matched, truths = torch.cat(matched), torch.cat(truths)
    bce, dice = self.compare(matched, truths)
    number = mean_over_ranks(len(matched), masks.device)
    cls = F.cross_entropy(classes.flatten(0, 1), wanted.flatten(), self.class_weight)
    return {
        'loss_cls': self.cls_weight * cls,
        'loss_mask': self.mask_weight * bce.sum() / number,
        'loss_dice': self.dice_weight * dice.sum() / number,
    }


@torch.no_grad()
def _assigned(self: SetLoss, classes: Tensor, masks: Tensor, target: tuple) -> tuple:
    points = torch.rand(1, self.num_points, 2, device=masks.device)
    logits, truth = (
        sample_at(each[:, None], points.expand(len(each), -1, -1)).squeeze(1)
        for each in (masks, target.masks)
    )
    cost = (
        self.cls_weight * class_cost(classes, target.labels)
        + self.mask_weight * bce_cost(logits, truth)
        + self.dice_weight * dice_cost(logits, truth)
    )
    found = linear_sum_assignment(cost.cpu().numpy())
    return tuple(torch.from_numpy(each).to(masks.device) for each in found)
