"""The classes of one's own data set, as a YAML file says them.

```yaml
classes:            # names in the order of their numbers, and a colour to show them in
  background: [0, 0, 0]
  crack: [220, 20, 60]
numbers:            # either: number in the masks -> name of a class, or null for no class
  0: background
  255: crack
colours:            # or: name of a class -> its exact colours in the masks; null is no class
  crack: [[255, 0, 0], [254, 0, 0]]
```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from rein.datasets.classes import IGNORE
from rein.datasets.colours import ColourEncoding
from rein.datasets.label_files import LabelEncoding

_NONE = 'null'


@dataclass(frozen=True)
class ClassMap:
    """Classes, the colours to show them in, and what the masks hold."""

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    encoding: LabelEncoding


def read_class_map(path: Path) -> ClassMap:
    """Read the classes of a data set.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not YAML, or does not say what it has to.
    """
    if not path.is_file():
        raise FileNotFoundError(f'there is no class map {path}; docs/datasets/folder.md shows one')
    try:
        content = yaml.load(path.read_text(encoding='utf-8'), _Once)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is not YAML in UTF-8: {error}') from error
    if not isinstance(content, dict) or not isinstance(content.get('classes'), dict):
        raise ValueError(f'{path} has no `classes`: a name and a colour [red, green, blue] each')
    unknown = sorted(map(str, content.keys() - {'classes', 'numbers', 'colours'}))
    if unknown:
        raise ValueError(f'{path} has unknown keys {unknown}; known: classes, numbers, colours')
    if ('numbers' in content) == ('colours' in content):
        raise ValueError(f'{path} must have either `numbers` or `colours`, what the masks hold')
    for key, value in content.items():
        if not isinstance(value, dict) or not value:
            raise ValueError(f'{path}: `{key}` is empty, or not of the form name: value')
    classes = {str(name): _colour(path, value) for name, value in content['classes'].items()}
    places = {**{name: k for k, name in enumerate(classes)}, _NONE: IGNORE}
    mend = f'Name it in {path.name}, with null for no class'
    if 'numbers' in content:
        ids = {_number(path, k): _place(path, places, n) for k, n in content['numbers'].items()}
        encoding = LabelEncoding(ids, mend)
    else:
        encoding = ColourEncoding(_colours(path, places, content['colours']), mend)
    return ClassMap(tuple(classes), tuple(classes.values()), encoding)


class _Once(yaml.SafeLoader):
    """YAML in which no key may stand twice; plain YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, *args: object, **kwargs: object) -> dict:
        """As YAML, but refuse a second key."""
        keys = [self.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f'{sorted(map(str, twice))} stand there twice')
        return super().construct_mapping(node, *args, **kwargs)


def _colours(path: Path, places: Mapping[str, int], content: Mapping) -> dict:
    found = {}
    for name, value in content.items():
        several = (
            value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
        )
        for each in several:
            colour, place = _colour(path, each), _place(path, places, name)
            if found.setdefault(colour, place) != place:
                raise ValueError(f'{path} gives the colour {colour} to two classes')
    return found


def _number(path: Path, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f'{path}: {value!r} in `numbers` is not a number of the masks')
    return value


def _place(path: Path, places: Mapping[str, int], name: object) -> int:
    name = _NONE if name is None else str(name)
    if name not in places:
        raise ValueError(
            f'{path} maps to {name!r}, which is not among its classes {list(places)[:-1]}, nor null'
        )
    return places[name]


def _colour(path: Path, value: object) -> tuple[int, int, int]:
    good = isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) for v in value)
    if not good or not all(0 <= v <= 255 for v in value):
        raise ValueError(f'{path}: {value!r} is not a colour [red, green, blue] of 0 to 255')
    return tuple(value)
