"""Prompts written by a language model: asked class by class, checked line by line."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from rein.datasets.classes import CLASSES
from rein.generation.grammar import from_grammar
from rein.generation.model_files import EXTRA, find_model
from rein.generation.prompts import Prompt, classes_in
from rein.runtime.seeds import mixed_seed

Writer = Callable[[str, int], str]
REQUEST = (
    'I want a list of {count} prompts for a text-to-image model. Each prompt describes one '
    'photograph of a street scene taken from a car, in 8 to 17 words, and names: {name}. Vary '
    'weather, season, time of day, place and what else is there. Write one prompt a line and '
    'nothing else.'
)
WORDS = range(5, 31)  # allowed numbers of words; CLIP's encoder reads 75 tokens
ALIKE = 0.8  # share of common words from which two sentences count as one
PER_CALL = 10
_MARK = re.compile(r'^\s*(?:[-*•]|\(?\d+[.):])\s*')
_TALK = re.compile(
    r"\b(i|i'm|i'll|sure|certainly|here are|here's|as an ai|sorry|cannot|prompts?)\b", re.I
)


def from_language_model(
    write: Writer,
    count: int,
    seed: int = 0,
    *,
    classes: Sequence[str] = CLASSES,
    source: str = 'language model',
) -> tuple[list[Prompt], Counter]:
    """Ask for sentences about each class, keep the good ones, and let the grammar write the rest.

    The class with the fewest sentences is asked for next, so the classes stay balanced. A line is
    kept when it has 5 to 30 words in Latin letters, names the class, does not speak to the user,
    and is not like another one. So many calls are made as would be enough if one line in three
    were good.

    Args:
        write: answers a request; the same seed gives the same answer.
        count: of sentences.
        seed: of the first one; those of the calls follow from it.
        classes: to ask for.
        source: name of the model, kept with the sentences.

    Returns:
        The sentences, and the number of lines refused by reason; 'from the grammar' counts those
        that the model did not give.
    """
    kept: dict[str, list[str]] = {name: [] for name in classes}
    words: list[set[str]] = []
    refused: Counter = Counter()
    share = -(-count // len(kept))
    for call in range(most_calls(count, len(kept))):
        name = min(kept, key=lambda name: len(kept[name]))
        if sum(map(len, kept.values())) >= count:
            break
        request = REQUEST.format(count=PER_CALL, name=name)
        for line in lines_of(write(request, mixed_seed(seed, call))):
            reason = 'enough of the class' if len(kept[name]) >= share else fault(line, name, words)
            if reason:
                refused[reason] += 1
                continue
            kept[name].append(line)
            words.append(_bag(line))
    texts = [text for turn in range(share) for k in kept.values() for text in k[turn : turn + 1]]
    prompts = [Prompt(t, classes_in(t), seed + k, source) for k, t in enumerate(texts[:count])]
    missing = count - len(prompts)
    if missing:
        refused['from the grammar'] = missing
        rest = from_grammar(missing, seed, classes=classes, without=prompts)
        prompts += [replace(p, seed=seed + len(prompts) + k) for k, p in enumerate(rest)]
    return prompts, refused


def most_calls(count: int, classes: int) -> int:
    """How often a model is asked at most."""
    return 3 * classes * -(-count // (classes * PER_CALL))


def lines_of(answer: str) -> list[str]:
    """Sentences of an answer, without numbers, marks of lists, quotation marks and bold type."""
    lines = (_MARK.sub('', line).replace('**', '').strip(' "\'“”`') for line in answer.splitlines())
    return [line for line in lines if line]


def fault(line: str, name: str, others: Sequence[set[str]] = ()) -> str:
    """Say why a line is no sentence about a class; '' if it is one.

    Args:
        line: to check.
        name: of the class.
        others: words of the sentences that there are already.
    """
    if len(line.split()) not in WORDS:
        return 'length'
    if not re.fullmatch(r"[A-Za-z0-9 ,.;:'’()/&-]+", line):
        return 'letters'
    if _TALK.search(line) or line.endswith((':', '?')):
        return 'talk'
    if name not in classes_in(line):
        return 'class not named'
    bag = _bag(line)
    if any(len(bag & other) >= ALIKE * len(bag | other) for other in others):
        return 'repeated'
    return ''


def transformers_writer(
    model: str, *, device: str = 'cpu', temperature: float = 0.9, max_new_tokens: int = 600
) -> Writer:
    """A causal language model of transformers; its chat template is used if it has one.

    Args:
        model: id of the hub or folder of ``save_pretrained``.
        device: to run on.
        temperature: > 0, of the sampling.
        max_new_tokens: of an answer.

    Raises:
        FileNotFoundError: the model is not there.
        ImportError: the extra 'generate' is not installed.
    """
    files = find_model(model)
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ImportError(f'transformers is not installed: {EXTRA}') from error
    tokenizer = AutoTokenizer.from_pretrained(files.folder)
    network = AutoModelForCausalLM.from_pretrained(files.folder, dtype='auto').to(device).eval()

    @torch.no_grad()
    def write(request: str, seed: int) -> str:
        if tokenizer.chat_template:
            chat = [{'role': 'user', 'content': request}]
            request = tokenizer.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=True
            )
        inputs = tokenizer(
            request, return_tensors='pt', add_special_tokens=not tokenizer.chat_template
        )
        inputs = {k: v.to(device) for k, v in inputs.items() if k != 'token_type_ids'}
        torch.manual_seed(seed)
        answer = network.generate(
            **inputs,
            do_sample=True,
            temperature=temperature,
            top_p=0.95,
            max_new_tokens=max_new_tokens,
            pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
        )
        return tokenizer.decode(answer[0, inputs['input_ids'].shape[1] :], skip_special_tokens=True)

    return write


def _bag(line: str) -> set[str]:
    return set(re.findall(r'[a-z0-9]+', line.lower()))
