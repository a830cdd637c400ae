"""A report as Markdown, with its pictures beside it."""

import os
import re
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from urllib.parse import quote

from rein.hooks.atomic import write_atomically
from rein.report.blocks import (
    Block,
    Cell,
    Commands,
    Grid,
    Heading,
    Legend,
    Picture,
    Pictures,
    Words,
)

SPECIAL = re.compile(r'([\\`*_\[\]|~#])')


def write_markdown(path: Path, title: str, blocks: Sequence[Block]) -> None:
    """Write blocks; pictures are linked where they lie, seen from the file's folder."""
    parts = [f'# {escaped(title)}', *(_markdown(block, path.parent) for block in blocks)]
    write_atomically(path, ('\n\n'.join(parts) + '\n').encode())


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = ' '.join(text.split()).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
    return SPECIAL.sub(r'\\\1', text)


@singledispatch
def _markdown(block: Block, home: Path) -> str:
    raise TypeError(f'Markdown has no place for a {type(block).__name__}, for {home}')


@_markdown.register
def _heading(block: Heading, home: Path) -> str:
    return f'{"#" * block.level} {escaped(block.text)}'


@_markdown.register
def _words(block: Words, home: Path) -> str:
    text = escaped(block.text)
    return f'> **Note:** {text}' if block.kind == 'warning' else text


@_markdown.register
def _commands(block: Commands, home: Path) -> str:
    return '```bash\n' + '\n'.join(' '.join(line.split()) for line in block.lines) + '\n```'


@_markdown.register
def _picture(block: Picture, home: Path) -> str:
    return _image(block.file, block.caption, home)


@_markdown.register
def _pictures(block: Pictures, home: Path) -> str:
    return '\n\n'.join(_picture(each, home) for each in block.pictures)


@_markdown.register
def _legend(block: Legend, home: Path) -> str:
    return _image(block.file, ', '.join(name for name, _ in block.entries), home)


@_markdown.register
def _table(grid: Grid, home: Path) -> str:
    lines = [f'{escaped(grid.caption)}\n'] if grid.caption else []
    align = '---' if grid.kind == 'words' else '---:'
    lines.append(_line([escaped(title) for title in grid.head]))
    lines.append(_line(['---', *[align] * (len(grid.head) - 1)]))
    for cells in grid.rows:
        texts = [_text(cell) for cell in cells]
        if len(cells) == 1 and len(grid.head) > 1:
            texts = [f'*{texts[0]}*', *[''] * (len(grid.head) - 1)]
        lines.append(_line(texts))
    return '\n'.join(lines)


def _image(file: Path, caption: str, home: Path) -> str:
    link = quote(os.path.relpath(file, home).replace(os.sep, '/'))
    return f'![{escaped(caption)}]({link})\n\n{escaped(caption)}'


def _text(cell: Cell) -> str:
    return f'**{escaped(cell.text)}**' if cell.best else escaped(cell.text)


def _line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'
