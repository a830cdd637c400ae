"""What a preparation leaves beside the files: a manifest and the statistics of the classes.

``rein_manifest.json`` says what was done and what was left out; data sets read it, so that a pair
that was left out is not missed. ``sample_class_stats.json`` and ``samples_with_class.json`` have
the form that DAFormer, HRDA and MIC read for rare class sampling.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rein.datasets.classes import IGNORE
from rein.datasets.preparation.recipe import Plan
from rein.datasets.preparation.records import READY, REFUSED, SKIPPED, Record
from rein.runtime.files import replace_file

NAME = 'rein_manifest.json'
STATISTICS = 'sample_class_stats.json'
BY_CLASS = 'samples_with_class.json'
FORMAT = 1  # raise it when the same release begins to give other files


def settings(plan: Plan) -> dict:
    """What decides every file that is written; two preparations of one folder must agree."""
    recipe = plan.recipe
    ids = {str(k): int(v) for k, v in sorted(recipe.release.encoding.ids.items())}
    return {
        'dataset': recipe.name,
        'classes': list(recipe.classes),
        'ids': ids,
        'ids_sha256': hashlib.sha256(json.dumps(ids).encode()).hexdigest(),
        'images': plan.images,
        'format': FORMAT,
    }


def write_manifest(plan: Plan, records: Iterable[Record], *, finished: bool) -> dict:
    """Write the manifest of a folder.

    Args:
        plan: of the preparation.
        records: of all files, in the order of their keys.
        finished: whether all were gone through.

    Returns:
        The manifest.
    """
    manifest = summary(plan, list(records))
    manifest['complete'] = finished and not manifest['refused']
    _write(plan.out / NAME, manifest)
    return manifest


def summary(plan: Plan, records: Sequence[Record]) -> dict:
    """The content of the manifest."""
    parts = sorted({record.part for record in records})
    return {
        'settings': settings(plan),
        'complete': False,
        'parts': {part or 'all': _part(plan, _of(records, part)) for part in parts},
        'left_out': [_file(record) for record in records if record.outcome == SKIPPED],
        'refused': [_file(record) for record in records if record.outcome == REFUSED],
    }


def claim(plan: Plan) -> None:
    """Make the folder that of this preparation, or find that it already is.

    Raises:
        ValueError: it holds the manifest of another preparation.
    """
    path = plan.out / NAME
    if not path.is_file():
        write_manifest(plan, [], finished=False)
        return
    try:
        there = json.loads(path.read_text())['settings']
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no manifest of rein: remove it') from error
    mine = settings(plan)
    differ = [key for key in mine if there.get(key) != mine[key]]
    if differ:
        raise ValueError(
            f'{plan.out} was prepared before with other {", ".join(differ)} '
            f'({path} says so): take another --out, or write over it with --replace'
        )


def write_statistics(plan: Plan, records: Iterable[Record]) -> None:
    """Write how many pixels of each class the labels for training have.

    ``sample_class_stats.json`` is a list with an entry for each label file: its path below the
    root, and the number of pixels by class. ``samples_with_class.json`` has for each class the
    files with it and the number of its pixels. Pixels of no class are not counted.
    """
    statistics, by_class = [], {str(k): [] for k in range(len(plan.recipe.classes))}
    for record in records:
        if record.outcome != READY or not plan.recipe.is_training(record.part):
            continue
        pixels = {str(k): n for k, n in record.pixels if k != IGNORE}
        statistics.append({**pixels, 'file': record.label})
        for k, n in pixels.items():
            by_class[k].append([record.label, n])
    if statistics:
        _write(plan.out / STATISTICS, statistics)
        _write(plan.out / BY_CLASS, {k: files for k, files in by_class.items() if files})


def left_out(root: str | Path) -> frozenset[str]:
    """Paths below a root that its preparation left out; none where there was no preparation.

    Raises:
        ValueError: the manifest is damaged.
    """
    path = Path(root, NAME)
    if not path.is_file():
        return frozenset()
    try:
        files = json.loads(path.read_text())['left_out']
        return frozenset(file[kind] for file in files for kind in ('image', 'label') if file[kind])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}): prepare the data set again') from error


def _of(records: Sequence[Record], part: str) -> list[Record]:
    return [record for record in records if record.part == part and record.outcome == READY]


def _part(plan: Plan, ready: Sequence[Record]) -> dict:
    """Counts of one part; the hash is over the labels as they came."""
    names = {**dict(enumerate(plan.recipe.classes)), IGNORE: 'no class'}
    pixels = Counter()
    for record in ready:
        pixels.update(dict(record.pixels))
    sizes = Counter(f'{width}x{height}' for width, height in (record.size for record in ready))
    labelled = [record for record in ready if record.source]
    sources = ''.join(f'{record.key} {record.source}\n' for record in labelled)
    return {
        'images': len(ready),
        'labels': len(labelled),
        'sizes': dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        'pixels': {names[k]: pixels[k] for k in sorted(names) if pixels[k]},
        'labels_sha256': hashlib.sha256(sources.encode()).hexdigest(),
    }


def _file(record: Record) -> dict:
    return {'image': record.image, 'label': record.label, 'reason': record.reason}


def _write(path: Path, content: object) -> None:
    replace_file(path, (json.dumps(content, indent=1) + '\n').encode())
