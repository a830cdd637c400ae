"""What stands beside generated images: a line for each, and the record of a job under way.

``manifest.jsonl`` is written when every image is there. Its first line holds the settings and the
number of images; every other one an image with prompt, seed, model, revision and hash. Until then
the folder ``job`` has the settings, and a journal from each process that took part.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from uuid import uuid4

from rein.hooks.atomic import write_atomically
from rein.runtime.claims import claim, differences
from rein.runtime.files import sha256
from rein.runtime.workers import spread

NAME = 'manifest.jsonl'
JOB = 'job'
FORMAT = 1
IMAGES = 'images'
LABELS = 'labels'
LABEL_ENDING = '_labelTrainIds.png'
SHOWN = 5  # so many files stand in an error


@dataclass(frozen=True)
class Made:
    """A generated image.

    Args:
        number: its place in the set, from 0.
        file: path below the set's folder; '' if there is none, see ``refused``.
        prompt: that it was made of.
        classes: that the prompt speaks of.
        seed: of its noise.
        model: id or folder of the pipeline.
        revision: commit of the hub, or hash of the folder's files.
        settings: digest of the settings in the manifest's first line.
        sha256: of the file.
        size: of the file, bytes.
        redraws: images that were thrown away before this one, each with a seed of its own.
        refused: why there is no image; '' if there is one.
        label: path of its label below the set's folder; '' without labels.
        label_sha256: of that file.
        label_source: file that the label was made of.
    """

    number: int
    file: str
    prompt: str
    classes: tuple[str, ...]
    seed: int
    model: str
    revision: str
    settings: str
    sha256: str = ''
    size: int = 0
    redraws: int = 0
    refused: str = ''
    label: str = ''
    label_sha256: str = ''
    label_source: str = ''


@dataclass(frozen=True)
class Manifest:
    """A finished set.

    Args:
        settings: that made it.
        made_with: versions and hardware, for the record.
        lines: of all images in their order, refused ones too.
    """

    settings: Mapping[str, object]
    made_with: Mapping[str, object]
    lines: tuple[Made, ...]

    @property
    def images(self) -> list[Made]:
        """Lines of the images that are there."""
        return [line for line in self.lines if line.file]


class Job:
    """A set that is being made, by one process or several.

    Args:
        folder: of the set, made when needed.
        settings: that decide every image, plain data.
        count: of images.

    Raises:
        ValueError: the folder holds images of other settings, or its manifest is damaged; no image
            is asked for.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], count: int) -> None:
        if count < 1:
            raise ValueError(f'count is {count}; ask for 1 image or more')
        self.folder, self.count = Path(folder), count
        self.settings: dict = json.loads(json.dumps(dict(settings)))
        self.digest = digest(self.settings)
        self._journal = self.folder / JOB / f'{uuid4().hex}.jsonl'
        mend = 'take another --out, or remove the folder'
        if (self.folder / NAME).is_file():
            differ = differences(read_manifest(self.folder).settings, self.settings)
            if differ:
                raise ValueError(
                    f'{self.folder} holds images that were made otherwise: {"; ".join(differ)}; '
                    f'{mend}'
                )
        record = self.folder / JOB / 'settings.json'
        if not any(record.parent.glob('*.jsonl')):
            record.unlink(missing_ok=True)  # of a job that failed before its first image
        claim(record, self.settings, 'images', mend)
        self.done = self._read()

    def _read(self) -> dict[int, Made]:
        """Lines by number of the images that are there: of the journals, then of the manifest.

        In this order: another process may write the manifest and remove the journals meanwhile.
        """
        journals = sorted((self.folder / JOB).glob('*.jsonl'))
        lines = [line for path in journals for line in _whole_lines(path)]
        if (self.folder / NAME).is_file():
            lines += read_manifest(self.folder).lines
        return {line.number: line for line in lines if self._is_there(line)}

    def _is_there(self, line: Made) -> bool:
        if not line.file:
            return True  # refused: there is nothing to look for
        image, label = self.folder / line.file, self.folder / line.label
        whole = image.is_file() and image.stat().st_size == line.size
        return whole and (not line.label or label.is_file())

    def add(self, line: Made) -> None:
        """Record an image whose files are written."""
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open('a', encoding='utf-8') as file:
            file.write(_encode(line))
        self.done[line.number] = line

    def finish(self, made_with: Mapping[str, object]) -> int:
        """Write the manifest if all images are there; returns the number of those that are not.

        Where several processes share a job, the last one writes it; two at once write the same.
        """
        done = self._read()
        missing = self.count - sum(number < self.count for number in done)
        if missing:
            return missing
        lines = [done[number] for number in sorted(done)]
        head = {
            'format': FORMAT,
            'images': sum(bool(line.file) for line in lines),
            'refused': sum(not line.file for line in lines),
            'settings': self.settings,
            'made_with': dict(made_with),
        }
        text = json.dumps(head, ensure_ascii=False) + '\n' + ''.join(map(_encode, lines))
        write_atomically(self.folder / NAME, text.encode())
        shutil.rmtree(self.folder / JOB, ignore_errors=True)
        return 0


def read_manifest(folder: str | Path) -> Manifest:
    """Read the manifest of a finished set.

    Raises:
        FileNotFoundError: there is none, or the set is not finished.
        ValueError: it is damaged, or of a later format.
    """
    path = Path(folder, NAME)
    if not path.is_file():
        unfinished = Path(folder, JOB).is_dir()
        raise FileNotFoundError(
            f'{folder} has no {NAME}: '
            + (
                'its images are not all made yet; the same command of tools/generate.py images '
                'goes on'
                if unfinished
                else 'it was not written by tools/generate.py images'
            )
        )
    try:
        text = path.read_text('utf-8') or 'null'
        head, *rest = [json.loads(line) for line in text.splitlines()]
        lines = tuple(_decode(line) for line in rest)
        if head['format'] > FORMAT:
            raise ValueError(
                f'{path} is of format {head["format"]}, this version reads up to {FORMAT}: update '
                'rein'
            )
        whole = len(lines) == head['images'] + head['refused']
        manifest = Manifest(head['settings'], head['made_with'], lines)
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f'{path} is damaged ({error!r}): copy it again') from error
    if not whole:
        raise ValueError(
            f'{path} is cut off: it has {len(lines)} lines of the {head["images"]} images and '
            f'{head["refused"]} refused ones that it announces: copy it again'
        )
    return manifest


def compare(folder: str | Path, manifest: Manifest, *, hashes: bool, workers: int = 1) -> list[str]:
    """Compare the files of a set with its manifest.

    Args:
        folder: of the set.
        manifest: of it.
        hashes: whether contents are read and hashed; else sizes are compared.
        workers: processes that hash.

    Returns:
        What does not match, one sentence a kind; empty if all does.
    """
    folder = Path(folder)
    expected = {line.file: line.size for line in manifest.images}
    there = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in (folder / IMAGES).rglob('*')
        if path.is_file() and not path.name.startswith('.')
    }
    labels = [line.label for line in manifest.images if line.label]
    found = {
        'missing': sorted(expected.keys() - there.keys())
        + [label for label in labels if not (folder / label).is_file()],
        'not in the manifest': sorted(there.keys() - expected.keys()),
        'of another size': [f for f, size in expected.items() if there.get(f, size) != size],
    }
    if hashes:
        sums = {line.file: line.sha256 for line in manifest.images}
        sums |= {line.label: line.label_sha256 for line in manifest.images if line.label}
        files = [file for file in sums if (folder / file).is_file()]
        now = spread(partial(_sha256_below, folder), files, workers)
        found['of other content'] = [f for f, h in zip(files, now, strict=True) if h != sums[f]]
    return [f'{len(files)} {what}: {_some(files)}' for what, files in found.items() if files]


def digest(settings: Mapping[str, object]) -> str:
    """A short name of settings, equal for equal ones."""
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sha256_below(folder: Path, file: str) -> str:
    return sha256(folder / file)


def _encode(line: Made) -> str:
    return json.dumps(asdict(line), ensure_ascii=False) + '\n'


def _decode(content: Mapping) -> Made:
    return Made(**{**content, 'classes': tuple(content['classes'])})


def _whole_lines(path: Path) -> Iterator[Made]:
    """Lines of a journal, but for one that a kill cut off."""
    try:
        text = path.read_text('utf-8', errors='replace')
    except FileNotFoundError:
        return  # another process has finished the job
    for line in text.splitlines():
        try:
            yield _decode(json.loads(line))
        except (json.JSONDecodeError, KeyError, TypeError):
            continue


def _some(files: Sequence[str]) -> str:
    shown = ', '.join(files[:SHOWN])
    return shown if len(files) <= SHOWN else f'{shown}, ...'
