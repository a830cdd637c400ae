"""The report on tests: an HTML page, Markdown, and the pictures that both show."""

from collections.abc import Sequence
from pathlib import Path

from rein.report.blocks import Block, Commands, Grid, Heading, Legend, Picture, Pictures, Words
from rein.report.comparison import warnings
from rein.report.evaluation_pictures import (
    WRONG,
    colours_of,
    draw_colours,
    draw_confusion,
    draw_worst,
)
from rein.report.evaluation_tables import (
    class_table,
    condition_table,
    corruption_table,
    run_table,
    summary,
)
from rein.report.evaluations import Result, read_results
from rein.report.markdown import write_markdown
from rein.report.page import write_html
from rein.report.rows import Row, Table, View, tables

TITLE = 'Test results'
ORACLE_WORDS = (
    'Rows under "oracle" are checkpoints that were chosen by the very labels they are scored on '
    'here. They say how good a checkpoint of that training could be, not how good a method is '
    'that does not see those labels.'
)


def write_evaluation(paths: Sequence[Path], out: Path, title: str = TITLE) -> list[str]:
    """Write ``index.html``, ``report.md`` and ``pictures/`` to a folder.

    Args:
        paths: results of ``tools/test.py --out``.
        out: the folder, made when needed.
        title: of the page.

    Returns:
        What a reader has to know before comparing numbers; it also stands on the page.

    Raises:
        ConfigError: a file is no result, or results do not fit together.
    """
    found = tables(read_results(paths))
    (out / 'pictures').mkdir(parents=True, exist_ok=True)
    said = warnings(found)
    blocks: list[Block] = [Words(text, 'warning') for text in said]
    if any(row.is_oracle for table in found for row in table.rows):
        blocks.append(Words(ORACLE_WORDS))
    for table in found:
        blocks += _summaries(table, alone=len(found) == 1)
    rows = [(table, row) for table in found for row in table.rows]
    for number, (table, row) in enumerate(rows, 1):
        alike = sum(other.name == row.name for _, other in rows) > 1
        tested = f' on {_columns(table)}' if alike else ''
        blocks.append(Heading(f'{row.name}{tested}'))
        blocks += _Chapter(table, row, out / 'pictures', f'{number:02d}').blocks()
    write_html(out / 'index.html', title, blocks)
    write_markdown(out / 'report.md', title, blocks)
    return said


def _summaries(table: Table, *, alone: bool) -> list[Block]:
    """The summary in the main classes and in the further ones that all rows have."""
    title = 'Summary' if alone else f'Summary: {_columns(table)}'
    blocks: list[Block] = [Heading(title), summary(table)]
    sets = [set(r.details['also']) for row in table.rows for r in row.results]
    blocks += [summary(table, key) for key in sorted(set.intersection(*sets))]
    left_out = sorted(set.union(*sets) - set.intersection(*sets))
    if left_out:
        blocks.append(Words(f'Not all of these results have {", ".join(left_out)}; left out.'))
    return blocks


def _columns(table: Table) -> str:
    return ', '.join(view.title for view in table.columns)


class _Chapter:
    """What stands behind one row of the summary.

    Args:
        table: that the row belongs to.
        row: the row.
        folder: for pictures.
        start: of their names.
    """

    def __init__(self, table: Table, row: Row, folder: Path, start: str) -> None:
        self.table = table
        self.row = row
        self.folder = folder
        self.start = start

    def blocks(self) -> list[Block]:
        """Everything, in order."""
        row, views = self.row, self.table.views
        found: list[Block] = [class_table(row, views)]
        conditions: Grid | None = condition_table(row)
        found += [conditions] if conditions else []
        for name, places in self.table.families.items():
            found.append(corruption_table(row, name, places))
        found += [Heading('Confusion matrices', 3), self._confusions(views)]
        found += self._worst(views)
        found += [Heading('Runs', 3), run_table(row)]
        commands = [r.data['command'] for r in row.results if r.data.get('command')]
        return [*found, Commands(commands)]

    def _confusions(self, views: Sequence[View]) -> Pictures:
        """A picture for each view, over all seeds."""
        pictures = []
        for number, view in enumerate(views, 1):
            total = sum(result.confusion(view.domains) for result in self.row.results)
            path = self.folder / f'{self.start}_{number:02d}_confusion.png'
            draw_confusion(total, self.row.first.classes, path)
            together = ', all seeds together' if len(self.row.results) > 1 else ''
            pictures.append(Picture(path, f'{view.title}: percent of each label{together}'))
        return Pictures(pictures)

    def _worst(self, views: Sequence[View]) -> list[Block]:
        """The worst images of the first result that has any."""
        result = next((r for r in self.row.results if r.data.get('worst')), None)
        blocks: list[Block] = [Heading('Worst images', 3)]
        if result is None:
            return [*blocks, Words('None were kept; tools/test.py keeps them with --worst N.')]
        seed = f'seed {result.data.get("seed")}' if len(self.row.results) > 1 else 'this run'
        words = 'Errors are red; pixels that are not counted are dark.'
        blocks.append(Words(f'The lowest mIoU of {seed}, the worst first. {words}'))
        names = result.details['data_classes']
        entries = [*zip(names, colours_of(result.details), strict=False), ('error', WRONG)]
        legend = self.folder / f'{self.start}_colours.png'
        draw_colours(entries, legend)
        blocks.append(Legend(entries, legend))
        for number, view in enumerate(views, 1):
            blocks += self._worst_of(view, result, number)
        return blocks

    def _worst_of(self, view: View, result: Result, number: int) -> list[Block]:
        """The worst images of a view, or why one is not there."""
        kept = [result.data['worst'].get(name, []) for name in view.domains]
        most = max(map(len, kept))
        entries = sorted((e for each in kept for e in each), key=lambda e: e['mIoU'])[:most]
        blocks: list[Block] = [Heading(view.title, 4)]
        pictures = []
        for place, entry in enumerate(entries, 1):
            path = self.folder / f'{self.start}_{number:02d}_worst_{place}.jpg'
            name = Path(entry['image']).name
            try:
                seen = draw_worst(entry, result.path.resolve().parent, result.details, path)
            except (OSError, ValueError) as error:
                blocks.append(Words(f'The picture of {name} is left out: {error}.', 'warning'))
                continue
            caption = f'{name}, mIoU {entry["mIoU"]:.1f} %'
            missing = '' if seen else f'; the image is not at {entry["image"]} in that shape'
            pictures.append(Picture(path, caption + missing))
        if not entries:
            blocks.append(Words('None were kept of this domain.'))
        return [*blocks, Pictures(pictures)] if pictures else blocks
