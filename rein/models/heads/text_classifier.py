"""Classes told apart by the words for them: cosines with embeddings of a text encoder.

Source: Yu et al., NeurIPS 2023 (arXiv:2308.02487); Benigmim et al., CVPR 2024 (arXiv:2312.09788).
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

LARGEST_SCALE = 100.0
START = 1 / 0.07


def text_embeddings(features: Tensor, templates: int) -> Tensor:
    """Embeddings of words from those of the sentences that they stand in.

    Args:
        features: (S * templates, D), all sentences of a word one after another.
        templates: number of sentences of a word.

    Returns:
        (S, D), each of length 1: the mean of the sentences' directions.
    """
    features = F.normalize(features, dim=-1).unflatten(0, (-1, templates))
    return F.normalize(features.mean(1), dim=-1)


def cosine_logits(queries: Tensor, words: Tensor, class_of: Tensor, scale: Tensor) -> Tensor:
    """Scaled cosines of queries with the word of each class that fits best.

    Args:
        queries: (..., D).
        words: (S, D), of length 1.
        class_of: (S,) class of each word, rising from 0.
        scale: what cosines are multiplied by, at most 100.

    Returns:
        (..., K).
    """
    found = scale.clamp(max=LARGEST_SCALE) * F.normalize(queries, dim=-1) @ words.T
    classes = int(class_of[-1]) + 1
    logits = found.new_full((*found.shape[:-1], classes), -math.inf)
    index = class_of.expand_as(found)
    return logits.scatter_reduce(-1, index, found, 'amax')


@MODELS.register_module()
class TextClassifier(nn.Module):
    """Class logits of queries by the words for the classes; "no object" is a learned word.

    Args:
        dims: C, width of the queries.
        num_classes: K.
        embeddings: file that ``tools/text_embeddings.py`` wrote, of K classes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or another number of classes.
    """

    def __init__(self, dims: int, num_classes: int, embeddings: str) -> None:
        super().__init__()
        words, class_of = read_words(embeddings, num_classes)
        self.register_buffer('words', words)
        self.register_buffer('class_of', class_of)
        self.void = nn.Parameter(torch.randn(1, words.shape[1]))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(START)))
        self.mlp = nn.Sequential(
            nn.Linear(dims, dims),
            nn.ReLU(inplace=True),
            nn.Linear(dims, dims),
            nn.ReLU(inplace=True),
            nn.Linear(dims, words.shape[1]),
        )

    def forward(self, queries: Tensor) -> Tensor:
        """Logits (..., K + 1) of queries (..., C), the last of them "no object"."""
        words = torch.cat([self.words, F.normalize(self.void, dim=-1)])
        class_of = torch.cat([self.class_of, self.class_of[-1:] + 1])
        return cosine_logits(self.mlp(queries), words, class_of, self.logit_scale.exp())


def read_words(path: str, num_classes: int) -> tuple[Tensor, Tensor]:
    """Words (S, D), of length 1, and the class (S,) of each, from a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or another number of classes.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'embeddings: there is no file {path}; make it with '
            f'tools/text_embeddings.py MODEL {path}'
        )
    try:
        held = load_file(path)
    except SafetensorError as error:
        raise ValueError(f'embeddings {path} is damaged ({error})') from error
    if not {'words', 'class_of'} <= held.keys():
        raise ValueError(
            f'embeddings {path} holds {sorted(held)}, no words and their classes; '
            'make it with tools/text_embeddings.py'
        )
    classes = int(held['class_of'].max()) + 1
    if classes != num_classes:
        raise ValueError(
            f'embeddings {path} has words for {classes} classes, and '
            f'decode_head.num_classes is {num_classes}'
        )
    return held['words'].float(), held['class_of'].long()
