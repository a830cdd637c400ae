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
        raise FileNotFoundError(f'there is no class map {path}; docs/datasets.md shows one')
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is not YAML: {error}') from error
    if not isinstance(content, dict) or not isinstance(content.get('classes'), dict):
        raise ValueError(f'{path} has no `classes`: a name and a colour [red, green, blue] each')
    unknown = content.keys() - {'classes', 'numbers', 'colours'}
    if unknown:
        raise ValueError(
            f'{path} has unknown keys {sorted(unknown)}; known: classes, numbers, colours'
        )
    if ('numbers' in content) == ('colours' in content):
        raise ValueError(f'{path} must have either `numbers` or `colours`, what the masks hold')
    classes = {str(name): _colour(path, value) for name, value in content['classes'].items()}
    places = {**{name: k for k, name in enumerate(classes)}, _NONE: IGNORE}
    mend = f'Name it in {path}, with null for no class'
    if 'numbers' in content:
        ids = {int(k): _place(path, places, name) for k, name in content['numbers'].items()}
        encoding = LabelEncoding(ids, mend)
    else:
        encoding = ColourEncoding(_colours(path, places, content['colours']), mend)
    return ClassMap(tuple(classes), tuple(classes.values()), encoding)


def _colours(path: Path, places: Mapping[str, int], content: Mapping) -> dict:
    found = {}
    for name, value in content.items():
        several = value if value and isinstance(value[0], list) else [value]
        for colour in several:
            found[_colour(path, colour)] = _place(path, places, name)
    return found


def _place(path: Path, places: Mapping[str, int], name: object) -> int:
    name = _NONE if name is None else str(name)
    if name not in places:
        raise ValueError(
            f'{path} maps to {name!r}, which is not among its classes {list(places)[:-1]}, nor null'
        )
    return places[name]


def _colour(path: Path, value: object) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3 or not all(isinstance(v, int) for v in value):
        raise ValueError(f'{path}: {value!r} is not a colour [red, green, blue] of 0 to 255')
    return tuple(value)
