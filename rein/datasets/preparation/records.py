"""What became of each image: a line of a file, written as soon as it is known.

The file is both the journal that a stopped preparation goes on from and, sorted at the end, the
record that later ones compare the release with.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from rein.runtime.files import replace_file

NAME = 'rein_prepared.jsonl'

READY, SKIPPED, REFUSED = 'ready', 'left out', 'refused'


@dataclass(frozen=True)
class Record:
    """What became of one image.

    Args:
        key: of the pair among all.
        part: of the release.
        image: where it lies: below the output if it is ready, else below the release; '' where it
            is missing.
        label: likewise.
        outcome: ``READY``, ``SKIPPED`` (left out, as documented) or ``REFUSED`` (an error).
        reason: why it is not ready.
        size: width and height of the labels, or of the image where there are none.
        mark: of the image file as it came, by which a changed one is known.
        pixels: number of each class that occurs, by class number; 255 is no class.
        source: SHA-256 of the label file as it came.
        written: size in bytes of the label file that was written; 0 where none was.
    """

    key: str
    part: str
    image: str
    label: str
    outcome: str
    reason: str = ''
    size: tuple[int, int] = (0, 0)
    mark: str = ''
    pixels: tuple[tuple[int, int], ...] = ()
    source: str = ''
    written: int = 0


class Journal:
    """The records of a folder, kept in a file while they come in.

    Args:
        out: folder of the file.
    """

    def __init__(self, out: Path) -> None:
        self.path = out / NAME
        self.records: dict[str, Record] = {}
        self._file: TextIO | None = None

    def begin(self) -> None:
        """Read what an earlier run wrote, and keep the file for this process alone.

        Lines that a kill cut off are passed over.

        Raises:
            ValueError: another process is preparing the folder.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open('a+', errors='replace')
        if not _lock(self._file):
            raise ValueError(f'another process is preparing {self.path.parent}: wait for its end')
        self._file.seek(0)
        content = self._file.read()
        if content and not content.endswith('\n'):
            self._file.write('\n')
        for line in content.splitlines():
            record = _read(line)
            if record is not None:
                self.records[record.key] = record

    def add(self, records: Iterable[Record]) -> None:
        """Keep records and write them behind the others, once the journal was begun."""
        for record in records:
            self.records[record.key] = record
            if self._file is not None:
                self._file.write(_line(record))
        if self._file is not None:
            self._file.flush()

    def restart(self) -> None:
        """Write the file anew with the records as they are."""
        self._file.truncate(0)
        self.add(list(self.records.values()))

    def finish(self, keys: Iterable[str]) -> None:
        """Write the records of these keys sorted, and no others."""
        self.records = {key: self.records[key] for key in sorted(keys)}
        replace_file(self.path, ''.join(map(_line, self.records.values())).encode())

    def close(self) -> None:
        """Let others have the folder."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _lock(file: TextIO) -> bool:
    """Take a file for this process alone, where the system knows such locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(line: str) -> Record | None:
    try:
        fields = json.loads(line)
        fields['size'] = tuple(fields['size'])
        fields['pixels'] = tuple((k, n) for k, n in fields['pixels'])
        return Record(**fields)
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def _line(record: Record) -> str:
    return json.dumps(asdict(record), separators=(',', ':')) + '\n'
