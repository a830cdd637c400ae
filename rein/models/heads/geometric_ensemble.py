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
        projection: config of what brings a pooled map to CLIP's text space, such as
            ``ConvNextProjection``.
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
        pooled = self.projection(mask_pool(clip, masks))
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

    def forward(self, pooled: Tensor) -> Tensor:
        """(..., C) -> (..., D)."""
        return self.out(F.gelu(self.hidden(self.norm(pooled))))
