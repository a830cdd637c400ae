"""Class scores of a trained head joined with those that CLIP itself has for its masks.

Source: Yu et al., NeurIPS 2023 (arXiv:2308.02487). Part of CLOUDS' code, and off in its configs.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from rein.models.backbones.weight_files import read_checkpoint
from rein.models.heads.mask_pooling import mask_pool
from rein.models.heads.text_classifier import cosine_logits, read_words

EPS = 1e-8
# Names in an open_clip file and in timm's of the same model -> ours.
NAMES = {
    'norm': ('visual.trunk.head.norm', 'head.norm'),
    'hidden': ('visual.head.mlp.fc1', 'head.pre_logits.fc'),
    'out': ('visual.head.mlp.fc2', 'head.fc'),
}


def ensembled(
    inner: Tensor, outer: Tensor, seen: Tensor, alpha: Tensor | float, beta: Tensor | float
) -> Tensor:
    """Join two opinions on the class of each query by a weighted geometric mean.

    Args:
        inner: (B, Q, K + 1) logits of the head, the last of them "no object".
        outer: (B, Q, K) logits of CLIP.
        seen: (K,) bool, classes that the head was trained on.
        alpha: exponent of CLIP for those, a number or (B, Q, 1).
        beta: exponent of CLIP for the others.

    Returns:
        (B, Q, K + 1) logits; "no object" is as probable as before.
    """
    ours, theirs = inner[..., :-1].log_softmax(-1), outer.log_softmax(-1)
    share = torch.where(seen, alpha, beta)
    classes = ((1 - share) * ours + share * theirs).softmax(-1)
    void = inner.softmax(-1)[..., -1:]
    return (torch.cat([classes * (1 - void), void], dim=-1) + EPS).log()


@MODELS.register_module()
class GeometricEnsemble(nn.Module):
    """Asks CLIP too what is in each mask, when predicting.

    Args:
        num_classes: K.
        embeddings: file of ``tools/text_embeddings.py``, made with the same CLIP.
        projection: config of what CLIP sees in a mask, in the space of its texts:
            ``ConvNextProjection`` or ``AttentionPoolProjection``.
        alpha: exponent of CLIP for classes that were trained on.
        beta: exponent of CLIP for others.
        unseen: numbers of classes that were not trained on.
        scale: of CLIP's cosines.
        empty: ``'ask'`` CLIP about masks without pixels too, or ``'skip'`` them.

    Raises:
        ValueError: ``empty`` is neither of the two; as ``TextClassifier``.
        FileNotFoundError: as ``TextClassifier``.
    """

    def __init__(
        self,
        num_classes: int,
        embeddings: str,
        projection: dict,
        *,
        alpha: float = 0.4,
        beta: float = 0.8,
        unseen: Sequence[int] = (),
        scale: float = 100.0,
        empty: str = 'ask',
    ) -> None:
        super().__init__()
        if empty not in ('ask', 'skip'):
            raise ValueError(f"GeometricEnsemble.empty is {empty!r}; use 'ask' or 'skip'")
        words, class_of = read_words(embeddings, num_classes)
        self.register_buffer('words', words, persistent=False)
        self.register_buffer('class_of', class_of, persistent=False)
        seen = torch.tensor([k not in set(unseen) for k in range(num_classes)])
        self.register_buffer('seen', seen, persistent=False)
        self.projection = MODELS.build(projection).requires_grad_(requires_grad=False)
        self.alpha, self.beta, self.scale, self.empty = alpha, beta, scale, empty

    def forward(self, logits: Tensor, masks: Tensor, clip: Tensor) -> Tensor:
        """Class logits (B, Q, K + 1) of both.

        Args:
            logits: (B, Q, K + 1) of the head.
            masks: (B, Q, H, W) logits.
            clip: (B, C, h, w), CLIP's last map.
        """
        pooled = self.projection(clip, masks)
        outer = cosine_logits(pooled, self.words, self.class_of, logits.new_tensor(self.scale))
        alpha, beta = logits.new_tensor(self.alpha), logits.new_tensor(self.beta)
        if self.empty == 'skip':
            small = F.interpolate(masks, size=clip.shape[-2:], mode='bilinear')
            some = (small > 0).flatten(2).any(-1, keepdim=True)
            alpha, beta = alpha * some, beta * some
        return ensembled(logits, outer, self.seen, alpha, beta)


@MODELS.register_module()
class ConvNextProjection(nn.Module):
    """The end of a CLIP ConvNeXt: a norm and two layers, from the last map to the texts' space.

    Args:
        source: file of the CLIP model, of open_clip or timm.

    Raises:
        WeightsError: it cannot be read, or has no such end.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        state = read_checkpoint(source)
        found = {}
        for name, theirs in NAMES.items():
            prefix = next((p for p in theirs if f'{p}.weight' in state), None)
            if prefix is None:
                raise ValueError(
                    f'ConvNextProjection.source {source} has no {" or ".join(theirs)}; give the '
                    'file of a CLIP ConvNeXt with its end'
                )
            weight = state[f'{prefix}.weight']
            found[f'{name}.weight'] = weight
            found[f'{name}.bias'] = state.get(f'{prefix}.bias', weight.new_zeros(len(weight)))
        hidden, channels = found['hidden.weight'].shape
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.hidden = nn.Linear(channels, hidden)
        self.out = nn.Linear(hidden, len(found['out.weight']))
        self.load_state_dict(found)

    def forward(self, clip: Tensor, masks: Tensor) -> Tensor:
        """Maps (B, C, h, w) and mask logits (B, Q, H, W) -> (B, Q, D)."""
        return self.out(F.gelu(self.hidden(self.norm(mask_pool(clip, masks)))))


@MODELS.register_module()
class AttentionPoolProjection(nn.Module):
    """The end of a CLIP ResNet: one query of attention for each mask, over the pixels in it.

    The query is the mean of the map with the position of the whole image; a mask without pixels
    looks everywhere (the reference's attention has no answer then).

    Args:
        source: file of the CLIP model, of OpenAI, open_clip or timm.

    Raises:
        WeightsError: it cannot be read.
        ValueError: it has no such end.
    """

    HEAD = 64  # channels

    def __init__(self, source: str) -> None:
        super().__init__()
        state = read_checkpoint(source)
        prefix, names = 'visual.attnpool.', ('positional_embedding', 'q_proj', 'k_proj', 'v_proj')
        names = (*names, 'c_proj')
        if f'{prefix}{names[0]}' not in state:
            prefix, names = 'head.', ('pos_embed', 'q', 'k', 'v', 'proj')
        if f'{prefix}{names[0]}' not in state:
            raise ValueError(
                f'AttentionPoolProjection.source {source} has no visual.attnpool.* or '
                'head.pos_embed; give the file of a CLIP ResNet with its end'
            )
        self.position = nn.Parameter(state[f'{prefix}{names[0]}'].float())  # (1 + n, C)
        for part, name in zip(('query', 'key', 'value', 'out'), names[1:], strict=True):
            weight = state[f'{prefix}{name}.weight'].float()
            layer = nn.Linear(weight.shape[1], weight.shape[0])
            bias = state[f'{prefix}{name}.bias'].float()
            layer.load_state_dict({'weight': weight, 'bias': bias})
            self.add_module(part, layer)

    def forward(self, clip: Tensor, masks: Tensor) -> Tensor:
        """Maps (B, C, h, w) and mask logits (B, Q, H, W) -> (B, Q, D)."""
        size = clip.shape[-2:]
        inside = F.interpolate(masks, size=size, mode='bilinear').flatten(2) > 0  # (B, Q, n)
        inside |= ~inside.any(-1, keepdim=True)
        tokens = clip.flatten(2).transpose(1, 2)  # (B, n, C)
        side = round((len(self.position) - 1) ** 0.5)
        grid = self.position[1:].T.unflatten(1, (side, side))[None]
        grid = F.interpolate(grid, size=size, mode='bilinear')[0].flatten(1).T
        query = tokens.mean(1, keepdim=True) + self.position[0]
        query = query.expand(-1, inside.shape[1], -1)
        keys = tokens + grid
        heads = [
            layer(part).unflatten(-1, (-1, self.HEAD)).transpose(1, 2)
            for layer, part in ((self.query, query), (self.key, keys), (self.value, keys))
        ]  # three of (B, heads, Q or n, 64)
        found = F.scaled_dot_product_attention(*heads, attn_mask=inside[:, None])
        return self.out(found.transpose(1, 2).flatten(2))
