"""Write embeddings of the words for the driving classes: python tools/text_embeddings.py --help.

Every word stands in 14 sentences; what a text encoder makes of them is averaged. Done once; a
``TextClassifier`` reads the file.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

import rein
from rein.checkpoints.writing import write_checkpoint
from rein.datasets.class_texts import CLASS_OF, SYNONYMS, TEMPLATES, TEXTS
from rein.models.heads.text_classifier import text_embeddings
from rein.runtime.failures import Guard

Encoder = Callable[[list[str]], Tensor]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument(
        'model',
        help='a CLIP of transformers (folder or id, openai/clip-vit-large-patch14), or of '
        'open_clip (open_clip:NAME/TAG, open_clip:convnext_large_d_320/laion2b_s29b_b131k_ft_soup)',
    )
    main.add_argument('out', type=Path, help='file to write (.safetensors)')
    main.add_argument('--batch', type=int, default=128, help='sentences at a time')
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def by_transformers(source: str) -> Encoder:
    """The text encoder of a CLIP in the layout of transformers."""
    from transformers import AutoTokenizer, CLIPTextModelWithProjection

    try:
        model = CLIPTextModelWithProjection.from_pretrained(source).eval()
        tokens = AutoTokenizer.from_pretrained(source)
    except OSError as error:
        raise FileNotFoundError(
            f'no CLIP in {source!r}: {str(error).splitlines()[0]}; give a folder of '
            "save_pretrained or an id such as 'openai/clip-vit-large-patch14'"
        ) from error

    def encode(texts: list[str]) -> Tensor:
        inputs = tokens(texts, padding='max_length', truncation=True, return_tensors='pt')
        return model(**inputs).text_embeds

    return encode


def by_open_clip(name: str, tag: str) -> Encoder:
    """The text encoder of a CLIP of open_clip."""
    try:
        import open_clip
    except ImportError as error:
        raise ImportError('open_clip is not installed: pip install open_clip_torch') from error
    if name.startswith('RN') and tag == 'openai' and not name.endswith('quickgelu'):
        raise ValueError(
            f'OpenAI trained {name} with QuickGELU: take open_clip:{name}-quickgelu/openai'
        )
    model = open_clip.create_model(name, pretrained=tag).eval()
    tokens = open_clip.get_tokenizer(name)
    return lambda texts: model.encode_text(tokens(texts))


@torch.no_grad()
def embeddings(encode: Encoder, batch: int) -> Tensor:
    """Embeddings (60, D) of all words."""
    parts = range(0, len(TEXTS), batch)
    found = [encode(TEXTS[k : k + batch]).float() for k in tqdm(parts, unit='batch')]
    return text_embeddings(torch.cat(found), len(TEMPLATES))


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    debug = args.debug or bool(os.environ.get('REIN_DEBUG'))
    with Guard(debug=debug, stopped='nothing was written; start it again') as guard:
        kind, colon, rest = args.model.partition(':')
        if kind == 'open_clip' and colon:
            encode = by_open_clip(*rest.rpartition('/')[::2])
        else:
            encode = by_transformers(args.model)
        words = embeddings(encode, args.batch)
        note = {'model': args.model, 'words': SYNONYMS, 'rein_version': rein.__version__}
        state = {'words': words, 'class_of': torch.tensor(CLASS_OF)}
        write_checkpoint(args.out, state, {'meta': note})
        sys.stdout.write(f'{args.out}: {len(words)} words of {words.shape[1]} numbers\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
