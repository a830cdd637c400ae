"""Prompts put together of scene words: weather, time of day, place, object, viewpoint."""

from collections.abc import Iterator, Sequence

import numpy as np

from rein.datasets.classes import CLASSES
from rein.generation.prompts import Prompt, classes_in, numbered
from rein.generation.words import OBJECTS, OPENINGS, PLACES, TIMES, VIEWPOINTS, WEATHERS


def from_grammar(
    count: int,
    seed: int = 0,
    *,
    classes: Sequence[str] = CLASSES,
    without: Sequence[Prompt] = (),
) -> list[Prompt]:
    """Write different sentences about street scenes.

    Each is about one class, and the classes take turns: their numbers of sentences differ by one
    at most. What the place names beside it is counted among the sentence's classes too.

    Args:
        count: of sentences.
        seed: the same one gives the same sentences; theirs are ``seed`` and upwards.
        classes: that take turns; driving classes.
        without: prompts whose sentences are not to be written again.

    Raises:
        ValueError: a class is unknown, or there are fewer sentences than asked for, or none is.
    """
    if count < 1:
        raise ValueError(f'count is {count}; ask for 1 sentence or more')
    unknown = [name for name in classes if name not in OBJECTS]
    if unknown or not classes:
        raise ValueError(f'no words for the classes {unknown}; known are {", ".join(OBJECTS)}')
    draw = np.random.default_rng(seed)
    order = [classes[k] for k in draw.permutation(len(classes))]
    streams = {name: _sentences(name, draw) for name in order}
    seen = {prompt.prompt for prompt in without}
    texts: dict[str, tuple[str, ...]] = {}
    while len(texts) < count:
        name = order[len(texts) % len(order)]
        found = next((pair for pair in streams[name] if pair[0] not in seen), None)
        if found is None:
            raise ValueError(
                f'there are no more sentences about {name!r} after {len(texts)}, {count} were '
                'asked for; make more images of each prompt instead'
            )
        seen.add(found[0])
        texts[found[0]] = found[1]
    return numbered(texts, seed, 'grammar', texts.values())


def _sentences(name: str, draw: np.random.Generator) -> Iterator[tuple[str, tuple[str, ...]]]:
    """All sentences about a class, shuffled, with what else they show."""
    parts = (OPENINGS, OBJECTS[name], PLACES, TIMES, WEATHERS, VIEWPOINTS)
    sizes = [len(part) for part in parts]
    for number in draw.permutation(int(np.prod(sizes))):
        chosen = np.unravel_index(number, sizes)
        opening, thing, place, time, weather, view = (
            part[k] for part, k in zip(parts, chosen, strict=True)
        )
        text = f'{opening} {thing} {place} {time} {weather}, {view}.'
        yield text, classes_in(f'{thing} {place}')  # "seen from a car" shows no car
