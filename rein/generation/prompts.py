"""Prompts: sentences with the classes they speak of and a seed, kept as one line of JSON each."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rein.datasets.classes import CLASSES
from rein.generation.words import PLURALS, STUFF, THINGS, WORD_CLASSES
from rein.hooks.atomic import write_atomically

TOKEN = 'sks'
TEMPLATES = {
    'datum': 'a photo of {token} {class}',  # the released code, with plural names
    'datum_talk': 'a photo of a {token} {class}',  # the authors' slides, with singular names
    'dash_cam': 'a photo of {token} {class} seen from the dash cam',
    'scene': 'a photo of {class} in a {token} scene from a car',
    'instance': 'a photo of a {token} urban scene',
}
CHOICES = {'things': THINGS, 'stuff': STUFF, 'both': (*THINGS, *STUFF)}
_FIELD = re.compile(r'\{(\w*)\}')


@dataclass(frozen=True)
class Prompt:
    """What an image is to show.

    Args:
        prompt: for the text encoder.
        classes: names of the driving classes that it speaks of.
        seed: >= 0; images of the prompt draw their noise from it.
        source: what wrote it: 'list', 'template', 'grammar', or a language model's name.
    """

    prompt: str
    classes: tuple[str, ...] = ()
    seed: int = 0
    source: str = 'list'


def numbered(
    texts: Iterable[str], seed: int, source: str, classes: Iterable[Sequence[str]] | None = None
) -> list[Prompt]:
    """Give sentences their seeds, ``seed`` and upwards, and the classes that are named in them."""
    texts = list(texts)
    named = map(classes_in, texts) if classes is None else classes
    return [
        Prompt(text, tuple(names), seed + k, source)
        for k, (text, names) in enumerate(zip(texts, named, strict=True))
    ]


def classes_in(text: str) -> tuple[str, ...]:
    """Names of the driving classes that a sentence speaks of, in the order of the train ids."""
    found = {WORD_CLASSES[word] for word in _WORDS.findall(text.lower())}
    return tuple(name for name in CLASSES if name in found)


_WORDS = re.compile(
    rf'\b(?:{"|".join(re.escape(w) for w in sorted(WORD_CLASSES, key=len, reverse=True))})\b'
)


def from_template(
    template: str,
    classes: str | Sequence[str] = 'things',
    *,
    token: str = TOKEN,
    plural: bool = True,
    seed: int = 0,
) -> list[Prompt]:
    """One sentence a class.

    Args:
        template: a name of ``TEMPLATES``, or a sentence with ``{class}`` and ``{token}`` in it.
            One without ``{class}`` gives a single prompt.
        classes: 'things', 'stuff', 'both', or names, of driving classes or any others.
        token: that stands for what a generator was personalised on.
        plural: whether the classes are named in the plural.
        seed: of the first prompt; the others have the next ones.

    Raises:
        ValueError: the sentence has another field, or neither of the two; the choice of classes
            is unknown or empty.

    Source: Benigmim et al., CVPR-W 2023 (arXiv:2303.18080); the default is their released code's.
    """
    sentence = TEMPLATES.get(template, template)
    fields = set(_FIELD.findall(sentence))
    if not fields or fields - {'class', 'token'}:
        raise ValueError(
            f'template {template!r} is neither one of {", ".join(TEMPLATES)} nor a sentence with '
            '{class} and {token} in it and no other braces'
        )
    if 'class' not in fields:
        return numbered([sentence.replace('{token}', token)], seed, 'template')
    if isinstance(classes, str):
        if classes not in CHOICES:
            raise ValueError(f'classes={classes!r}: use {", ".join(CHOICES)} or a list of names')
        classes = CHOICES[classes]
    if not classes:
        raise ValueError('classes is empty; name at least one')
    shown = [PLURALS.get(name, name) if plural else name for name in classes]
    texts = [sentence.replace('{class}', name).replace('{token}', token) for name in shown]
    return numbered(texts, seed, 'template', [[name] for name in classes])


def read_prompts(path: str | Path) -> list[Prompt]:
    """Read a written list (.txt, one sentence a line) or what ``write_prompts`` wrote (.jsonl).

    Sentences of a written list have the seeds 0, 1, ... . Empty lines are passed over.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is no prompt, a sentence is there twice, or there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no file of prompts {path}; make one with tools/generate.py prompts, or '
            'write one: a sentence a line, in a file named .txt'
        )
    try:
        lines = list(enumerate(path.read_text('utf-8').splitlines(), 1))
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not text in UTF-8: {error}; save it as such') from error
    lines = [(number, line.strip()) for number, line in lines if line.strip()]
    if path.suffix == '.jsonl':
        prompts = [_parsed(line, f'{path}, line {number}') for number, line in lines]
    else:
        prompts = numbered((line for _, line in lines), 0, 'list')
    if not prompts:
        raise ValueError(f'{path} has no prompts in it; write a sentence a line')
    twice = [text for text, n in Counter(p.prompt for p in prompts).items() if n > 1]
    if twice:
        raise ValueError(
            f'{path} has {len(twice)} sentences more than once, first {twice[0]!r}: leave it once'
        )
    return prompts


def write_prompts(path: str | Path, prompts: Sequence[Prompt]) -> None:
    """Write prompts, a line of JSON each, at once or not at all."""
    lines = (json.dumps(asdict(p), ensure_ascii=False) + '\n' for p in prompts)
    write_atomically(path, ''.join(lines).encode())


def balance(prompts: Iterable[Prompt]) -> dict[str, int]:
    """Number of the prompts that speak of each class."""
    counts = Counter(name for prompt in prompts for name in prompt.classes)
    return {name: counts[name] for name in (*CLASSES, *sorted(counts.keys() - set(CLASSES)))}


def _parsed(line: str, where: str) -> Prompt:
    try:
        content = json.loads(line)
        text, seed = content['prompt'], content.get('seed', 0)
        names, source = content.get('classes', ()), content.get('source', 'list')
    except (json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f'{where}: not a line such as {{"prompt": "a photo of cars", "classes": ["car"], '
            f'"seed": 0}}'
        ) from error
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'{where}: "prompt" is {text!r}; write a sentence')
    if type(seed) is not int or seed < 0:
        raise ValueError(f'{where}: "seed" is {seed!r}; write a whole number from 0 up')
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise ValueError(f'{where}: "classes" is {names!r}; write a list of names')
    return Prompt(text.strip(), tuple(names), seed, str(source))
