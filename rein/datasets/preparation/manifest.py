"""What a preparation leaves beside the files: a manifest and the statistics of the classes.

``rein_manifest.json`` says what was done and what was left out; data sets read it, so that a pair
that was left out is not missed. ``sample_class_stats.json`` and ``samples_with_class.json`` have
the form that DAFormer, HRDA and MIC read for rare class sampling.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
    encoding = recipe.release.encoding
    ids = {str(k): int(v) for k, v in sorted(encoding.ids.items())}
    described = json.dumps([type(encoding).__name__, ids])
    return {
        'dataset': recipe.name,
        'classes': list(recipe.classes),
        'ids': ids,
        'ids_sha256': hashlib.sha256(described.encode()).hexdigest(),
        'images': plan.images,
        'format': FORMAT,
    }


def write_manifest(plan: Plan, records: Iterable[Record]) -> dict:
    """Write the manifest of a folder, when all else is written; returns it."""
    manifest = summary(plan, list(records))
    _write(plan.out / NAME, manifest)
    return manifest


def summary(plan: Plan, records: Sequence[Record]) -> dict:
    """The content of the manifest, from the records of all files in the order of their keys.

    It is not complete where files were refused, or where a part that should have labels has none.
    """
    parts = sorted({record.part for record in records})
    refused = [_file(record) for record in records if record.outcome == REFUSED]
    found = {part: _part(plan, _of(records, part)) for part in parts}
    empty = [part for part in parts if not found[part]['images']]
    return {
        'settings': settings(plan),
        'complete': bool(parts) and not refused and not empty,
        'parts': {part or 'all': content for part, content in found.items()},
        'left_out': [_file(record) for record in records if record.outcome == SKIPPED],
        'refused': refused,
    }


@dataclass(frozen=True)
class Claim:
    """What an earlier run left in a folder.

    Args:
        differs: settings of it that are not those of this run.
        replacing: whether it was to write over what was there, and was stopped.
    """

    differs: tuple[str, ...] = ()
    replacing: bool = False


def look(plan: Plan, *, replaces: bool) -> Claim:
    """Find whether a folder can be that of this preparation.

    Raises:
        ValueError: it holds the manifest of another preparation, or none of rein's.
    """
    path = plan.out / NAME
    if not path.is_file():
        return Claim()
    try:
        content = json.loads(path.read_text())
        there, replacing = dict(content['settings']), bool(content.get('replacing'))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        if replaces:
            return Claim(differs=('manifest',))
        raise ValueError(f'{path} is no manifest of rein: remove it') from error
    mine = settings(plan)
    differ = tuple(key for key in mine if there.get(key) != mine[key])
    if differ and not replaces:
        raise ValueError(
            f'{plan.out} was prepared before with other {", ".join(differ)} '
            f'({path} says so): take another --out, or write over it with --replace'
        )
    return Claim(differ, replacing and not differ)


def claim(plan: Plan, *, replacing: bool) -> None:
    """Mark a folder as one that is being prepared; what was left out before is kept in mind."""
    path = plan.out / NAME
    content = {'settings': settings(plan), 'parts': {}, 'left_out': [], 'refused': []}
    if path.is_file() and not replacing:
        content = json.loads(path.read_text())
    content['complete'] = False
    if replacing:
        content['replacing'] = True
    _write(path, content)


def write_statistics(plan: Plan, records: Iterable[Record]) -> None:
    """Write how many pixels of each class the labels for training have.

    ``sample_class_stats.json`` is a list with an entry for each label file: its path below the
    root, and the number of pixels by class. ``samples_with_class.json`` has for each class the
    files with it and the number of its pixels. Pixels of no class are not counted.
    """
    statistics, by_class = [], {str(k): [] for k in range(len(plan.recipe.classes))}
    for record in records:
        if record.outcome != READY or not plan.recipe.is_training(record.part, record.label):
            continue
        pixels = {str(k): n for k, n in record.pixels if k != IGNORE}
        statistics.append({**pixels, 'file': record.label})
        for k, n in pixels.items():
            by_class[k].append([record.label, n])
    if not statistics:
        (plan.out / STATISTICS).unlink(missing_ok=True)
        (plan.out / BY_CLASS).unlink(missing_ok=True)
        return
    _write(plan.out / STATISTICS, statistics)
    _write(plan.out / BY_CLASS, {k: files for k, files in by_class.items() if files})


@dataclass(frozen=True)
class LeftOut:
    """What the preparation of a data set left out, by paths below its root.

    Args:
        pairs: images and labels of pairs that do not fit.
        alone: images without a label, and labels without an image.
    """

    pairs: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()


def left_out(root: str | Path, *, prepared: bool) -> LeftOut:
    """What a preparation left out of a folder; nothing where there was no preparation.

    Args:
        root: of the data set.
        prepared: whether the files that it wrote are to be read.

    Raises:
        ValueError: the manifest is damaged; or it was not prepared to the end and is to be read.
    """
    path = Path(root, NAME)
    if not path.is_file():
        return LeftOut()
    try:
        content = json.loads(path.read_text())
        files, complete = content['left_out'], content['complete']
        pairs = [each for each in files if each['image'] and each['label']]
        alone = [each for each in files if not (each['image'] and each['label'])]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error}): prepare the data set again') from error
    if prepared and not complete:
        raise ValueError(
            f'{root} was not prepared to its end, or files were refused ({path} says which): run '
            'its program of data_prep again; --skip-damaged leaves refused files out'
        )
    return LeftOut(_paths(pairs), _paths(alone))


def _paths(files: Iterable[Mapping[str, str]]) -> frozenset[str]:
    return frozenset(file[kind] for file in files for kind in ('image', 'label') if file[kind])


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
        'labels_sha256': hashlib.sha256(sources.encode(errors='surrogateescape')).hexdigest(),
    }


def _file(record: Record) -> dict:
    return {'image': record.image, 'label': record.label, 'reason': record.reason}


def _write(path: Path, content: object) -> None:
    replace_file(path, (json.dumps(content, indent=1) + '\n').encode())
