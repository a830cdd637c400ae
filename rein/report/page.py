"""A report as one HTML file, with its pictures inside and no script."""

import base64
import html
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

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

KINDS = {'.png': 'image/png', '.jpg': 'image/jpeg'}
STYLE = """
:root{color-scheme:light dark;--back:#fff;--text:#1c1e21;--faint:#62676e;--line:#d9dce0;
--band:#f5f6f8;--tint:38,110,190;--warn:#8a4b00;--warnback:#fff4e0}
@media(prefers-color-scheme:dark){:root{--back:#16181b;--text:#e4e6e9;--faint:#9aa0a8;
--line:#3a3e44;--band:#1f2226;--tint:70,150,235;--warn:#ffc46b;--warnback:#33270f}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:0 auto;padding:1.2rem 1rem 3rem;
background:var(--back);color:var(--text);overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.6rem;border-bottom:1px solid var(--line)}
h3{margin-top:1.8rem}
.warning{color:var(--warn);background:var(--warnback);padding:.5rem .8rem;border-radius:.4rem}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}
.caption{color:var(--faint);font-size:.92rem;margin:1.2rem 0 -.6rem}
td,th{padding:.22rem .55rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;vertical-align:bottom}tr>:first-child{text-align:left}
tbody tr>:first-child{position:sticky;left:0;background:var(--back)}
thead th{background:var(--band)}thead tr>:first-child{position:sticky;left:0}
.title{color:var(--faint);font-style:italic;white-space:normal;text-align:left}
.title span{display:inline-block;position:sticky;left:.45rem;max-width:calc(100vw - 3.5rem)}
.words th{text-align:left}
.words td{text-align:left;white-space:normal;min-width:14rem;max-width:34rem;vertical-align:top;
overflow-wrap:anywhere;font-size:.9rem}
td.tint{background:rgba(var(--tint),calc(var(--v)*.62))}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,28rem),1fr));gap:1rem}
.thumbnails{grid-template-columns:repeat(auto-fill,minmax(10rem,1fr));gap:.5rem}
figure{margin:0 0 1rem}figcaption{color:var(--faint);font-size:.92rem}
img{max-width:100%;height:auto;display:block;border-radius:.3rem}figure>img{width:100%}
code{background:var(--band);padding:.1rem .3rem;border-radius:.2rem;overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;list-style:none;font-size:.92rem}
.legend span{display:inline-block;width:.9em;height:.9em;margin-right:.4em;
border:1px solid var(--line);vertical-align:-.08em}
@media(max-width:40rem){body{font-size:15px}td,th{padding:.2rem .45rem}.words td{min-width:11rem}
tbody tr>:first-child{max-width:9.5rem;white-space:normal}}
@media print{:root{color-scheme:light;--back:#fff;--text:#000;--faint:#444;--line:#bbb;--band:#eee;
--tint:38,110,190;--warn:#000;--warnback:#eee}
body{max-width:none;padding:0;font-size:10pt}.wide{overflow:visible}table{font-size:7.5pt}
td,th{padding:.1rem .3rem}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}
tbody tr>:first-child{position:static}.pictures{grid-template-columns:1fr 1fr}
td.tint,.legend span,.warning,thead th{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def write_page(
    path: Path,
    title: str,
    words: Sequence[str],
    table: str,
    pictures: Sequence[tuple[str, Path]],
    commands: Sequence[str],
) -> None:
    """Write a page of one table.

    Args:
        path: the file.
        title: of the page.
        words: paragraphs before the table, plain text.
        table: in Markdown, as ``results.markdown`` writes it.
        pictures: heading and file of each.
        commands: that made what is shown.
    """
    blocks: list[Block] = [*map(Words, words), _grid(table)]
    for heading, file in pictures:
        blocks += [Heading(heading), Picture(file, heading, titled=True)]
    write_html(path, title, [*blocks, Heading('Again, step by step'), Commands(commands)])


def write_html(path: Path, title: str, blocks: Sequence[Block]) -> None:
    """Write a page of any blocks; whatever they say is shown as text."""
    text = '\n'.join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f'<link rel="icon" href="data:,"><title>{html.escape(title)}</title>',
            f'<style>{STYLE}</style></head><body><h1>{html.escape(title)}</h1>',
            *map(_html, blocks),
            '</body></html>\n',
        ]
    )
    write_atomically(path, text.encode())


@singledispatch
def _html(block: Block) -> str:
    raise TypeError(f'a page has no place for a {type(block).__name__}')


@_html.register
def _heading(block: Heading) -> str:
    return f'<h{block.level}>{html.escape(block.text)}</h{block.level}>'


@_html.register
def _words(block: Words) -> str:
    return f'<p{_class(block.kind)}>{html.escape(block.text)}</p>'


@_html.register
def _commands(block: Commands) -> str:
    return '\n'.join(f'<p><code>{html.escape(line)}</code></p>' for line in block.lines)


@_html.register
def _legend(block: Legend) -> str:
    return f'<ul class="legend">{"".join(_entry(*entry) for entry in block.entries)}</ul>'


@_html.register
def _pictures(block: Pictures) -> str:
    kinds = f'pictures {block.kind}'.strip()
    return f'<div class="{kinds}">{"".join(map(_figure, block.pictures))}</div>'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ''


def _entry(name: str, colour: Sequence[int]) -> str:
    shown = ','.join(str(int(value)) for value in colour)
    return f'<li><span style="background:rgb({shown})"></span>{html.escape(name)}</li>'


@_html.register
def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.file.read_bytes()).decode()
    caption = html.escape(picture.caption)
    source = f'data:{KINDS[picture.file.suffix]};base64,{data}'
    below = '' if picture.titled else f'<figcaption>{caption}</figcaption>'
    return f'<figure><img alt="{caption}" src="{source}">{below}</figure>'


@_html.register
def _table(grid: Grid) -> str:
    # Outside of the part that scrolls sideways, so that it is never cut.
    caption = f'<p class="caption">{html.escape(grid.caption)}</p>' if grid.caption else ''
    head = ''.join(f'<th>{html.escape(title)}</th>' for title in grid.head)
    rows = ''.join(_row(cells, len(grid.head)) for cells in grid.rows)
    return (
        f'{caption}<div class="wide"><table{_class(grid.kind)}><thead><tr>{head}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div>'
    )


def _row(cells: Sequence[Cell], width: int) -> str:
    if len(cells) == 1 and width > 1:
        text = html.escape(cells[0].text)
        return f'<tr><td class="title" colspan="{width}"><span>{text}</span></td></tr>'
    return f'<tr>{"".join(map(_cell, cells))}</tr>'


def _cell(cell: Cell) -> str:
    text = html.escape(cell.text)
    text = f'<b>{text}</b>' if cell.best else text
    if cell.share is None:
        return f'<td>{text}</td>'
    return f'<td class="tint" style="--v:{min(max(cell.share, 0.0), 1.0):.3f}">{text}</td>'


def _grid(text: str) -> Grid:
    """A table in Markdown; its second line is the rule between head and body."""
    head, _, *body = (
        [cell.strip() for cell in line.strip().strip('|').split('|')] for line in text.splitlines()
    )
    return Grid(head, [[Cell(cell) for cell in row] for row in body])
