"""Recipes of Mapillary Vistas: labels mapped by the names in the release's own config file."""

import json
from dataclasses import replace
from pathlib import Path

from rein.datasets.classes import CLASSES, IGNORE
from rein.datasets.driving import RELEASED, Mapillary
from rein.datasets.label_files import LabelEncoding
from rein.datasets.layout import Layout
from rein.datasets.mapillary_classes import GROUPINGS, MAPILLARY_LABELS, V2_GROUPS, V2_VOID
from rein.datasets.preparation.recipe import Recipe

VERSIONS = ('1.2', '2.0')
PARTS = {split: {'split': split, 'folder': folder} for split, folder in RELEASED.items()}


def mapillary_ids(config: Path, version: str, grouping: str) -> dict[int, int]:
    """Train id of each number in the labels, by the names in the release's config file.

    Args:
        config: ``config_v1.2.json`` or ``config_v2.0.json``: the place of a label in its list is
            its number.
        version: '1.2' or '2.0'.
        grouping: 'rein' or, for v1.2, 'robustnet'.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not such a file, holds names that are not known, or v2.0 is asked to be
            grouped as RobustNet groups v1.2.
    """
    if version != '1.2' and grouping != 'rein':
        raise ValueError(f'grouping {grouping!r} is one of v1.2; for v{version} take rein')
    classes = {name: CLASSES.index(c) for c, each in GROUPINGS[grouping].items() for name in each}
    known = set(MAPILLARY_LABELS)
    if version != '1.2':
        classes |= {name: CLASSES.index(c) for c, each in V2_GROUPS.items() for name in each}
        known |= classes.keys() | set(V2_VOID)
    names = _names(config)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'{config} names {", ".join(unknown[:5])} ({len(unknown)} in all), which v{version} '
            'does not have: it is the file of another version'
        )
    return {number: classes.get(name, IGNORE) for number, name in enumerate(names)}


def recipe(release: Path, version: str, grouping: str, prepared: Layout) -> Recipe:
    """Recipe of one version of the labels.

    Early archives have v1.2 alone, as ``config.json`` and ``<training|validation>/labels``.

    Args:
        release: root of the release, which holds the config file.
        version: '1.2' or '2.0'.
        grouping: 'rein' or 'robustnet'.
        prepared: layout to write.
    """
    config, labels = release / f'config_v{version}.json', f'{{folder}}/v{version}/labels'
    early = release / 'config.json'
    if version == '1.2' and early.is_file() and not config.is_file():
        config, labels = early, '{folder}/labels'
    ids = mapillary_ids(config, version, grouping)
    mend = f'The numbers are those of {config.name}: the labels must be of v{version} too'
    layout = replace(
        Mapillary.RELEASE,
        labels=labels,
        encoding=LabelEncoding(ids, mend),
    )
    return Recipe('mapillary', layout, prepared, PARTS, unlabelled=frozenset({'test'}))


def _names(config: Path) -> list[str]:
    if not config.is_file():
        raise FileNotFoundError(
            f'there is no {config}; it comes with the release and says what its numbers mean'
        )
    try:
        return [label['name'] for label in json.loads(config.read_text())['labels']]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{config} is not a list of labels ({error}): unpack it again') from error
