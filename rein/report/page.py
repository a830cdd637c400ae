"""A report as one HTML file, with its pictures inside."""

import base64
import html
from collections.abc import Sequence
from pathlib import Path

STYLE = (
    'body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}'
    'table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:right}'
    'tr:nth-child(even){background:#f4f4f4}th:first-child,td:first-child{text-align:left}'
    'img{width:100%}code{background:#eee;overflow-wrap:anywhere}div{overflow-x:auto}'
)


def write_page(
    path: Path,
    title: str,
    words: Sequence[str],
    table: str,
    pictures: Sequence[tuple[str, Path]],
    commands: Sequence[str],
) -> None:
    """Write a page.

    Args:
        path: the file.
        title: of the page.
        words: paragraphs before the table, plain text.
        table: in Markdown, as ``results.markdown`` writes it.
        pictures: heading and PNG file of each.
        commands: that made what is shown.
    """
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>',
        f'<style>{STYLE}</style><h1>{html.escape(title)}</h1>',
        *(f'<p>{html.escape(each)}</p>' for each in words),
        f'<div>{_table(table)}</div>',
    ]
    for heading, file in pictures:
        data = base64.b64encode(file.read_bytes()).decode()
        parts.append(f'<h2>{html.escape(heading)}</h2>')
        parts.append(f'<img alt="{html.escape(heading)}" src="data:image/png;base64,{data}">')
    parts.append('<h2>Again, step by step</h2>')
    parts += [f'<p><code>{html.escape(command)}</code></p>' for command in commands]
    path.write_text('\n'.join(parts) + '</html>\n')


def _table(text: str) -> str:
    """A table in Markdown as HTML; its second line is the rule between head and body."""
    head, _, *body = (line.strip('|').split('|') for line in text.splitlines())
    lines = [_line('th', head), *(_line('td', cells) for cells in body)]
    return f'<table>{"".join(lines)}</table>'


def _line(tag: str, cells: Sequence[str]) -> str:
    return f'<tr>{"".join(f"<{tag}>{html.escape(cell.strip())}</{tag}>" for cell in cells)}</tr>'
