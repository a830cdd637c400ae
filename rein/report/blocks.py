"""What a report is made of, whatever it is written as: headings, words, tables, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Heading:
    """The title of what follows; ``level`` 2 for a part, 3 for a part of one."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Words:
    """A paragraph; ``kind`` is '' or 'warning'."""

    text: str
    kind: str = ''


@dataclass(frozen=True)
class Commands:
    """Lines to type."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Cell:
    """A place of a table.

    Args:
        text: what stands there.
        share: from 0 to 1, how strongly it is coloured; None for not at all.
        best: whether it is the best of its column.
    """

    text: str
    share: float | None = None
    best: bool = False


@dataclass(frozen=True)
class Grid:
    """A table.

    Args:
        head: titles of the columns.
        rows: their cells, the first of which names the row; a row with one cell is a title over
            the whole width.
        caption: what it shows.
        kind: '' for numbers, 'words' for texts.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ''
    kind: str = ''


@dataclass(frozen=True)
class Picture:
    """A picture's file, what it shows, and whether that stands above it already."""

    file: Path
    caption: str
    titled: bool = False


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, as many as fit; ``kind`` is '' or 'thumbnails' for small ones."""

    pictures: Sequence[Picture]
    kind: str = ''


@dataclass(frozen=True)
class Legend:
    """Names and colours (red, green, blue), and a picture of them for where colours cannot be."""

    entries: Sequence[tuple[str, tuple[int, int, int]]]
    file: Path


Block = Heading | Words | Commands | Grid | Picture | Pictures | Legend
