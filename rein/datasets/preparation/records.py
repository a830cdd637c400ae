"""What became of each image: a line of a file, written as soon as it is known.

The file is both the journal that a stopped preparation goes on from and, sorted at the end, the
record that later ones compare the release with.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rein.runtime.files import replace_file

NAME = 'rein_prepared.jsonl'

READY, SKIPPED, REFUSED = 'ready', 'left out', 'refused'


@dataclass(frozen=True)
class Record:
    """What became of one image.

    Args:
        key: of the pair among all.
        part: of the release.
        image: where it lies, below the root; '' where it is missing.
        label: likewise.
        outcome: ``READY``, ``SKIPPED`` (left out, as documented) or ``REFUSED`` (an error).
        reason: why it is not ready.
        size: width and height of the labels, or of the image where there are none.
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

    def load(self) -> None:
        """Read what an earlier run wrote; a line that a kill cut off is passed over."""
        if not self.path.is_file():
            return
        for line in self.path.read_text().splitlines():
            try:
                fields = json.loads(line)
                fields['size'] = tuple(fields['size'])
                fields['pixels'] = tuple((k, n) for k, n in fields['pixels'])
                record = Record(**fields)
            except (json.JSONDecodeError, KeyError, TypeError, ValueError):
                continue
            self.records[record.key] = record

    def add(self, records: Iterable[Record]) -> None:
        """Keep records and write them behind the others."""
        lines = []
        for record in records:
            self.records[record.key] = record
            lines.append(_line(record))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open('a') as file:
            file.write(''.join(lines))

    def finish(self, keys: Iterable[str]) -> None:
        """Write the records of these keys sorted, and no others."""
        self.records = {key: self.records[key] for key in sorted(keys)}
        replace_file(self.path, ''.join(map(_line, self.records.values())).encode())


def _line(record: Record) -> str:
    return json.dumps(asdict(record), separators=(',', ':')) + '\n'
