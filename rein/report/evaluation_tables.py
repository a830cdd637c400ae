"""Tables of a report on tests: the summary, and what stands behind each of its rows."""

import json
import math
from collections.abc import Callable, Sequence

import numpy as np

from rein.metrics.confusion import mean, scores
from rein.report.blocks import Cell, Grid
from rein.report.comparison import same_means, uneven_domains
from rein.report.evaluations import Result
from rein.report.results import mean_and_deviation, spread
from rein.report.rows import Row, Table, View
from rein.runtime.record import GIVEN, LAST, ORACLE, VALIDATED

CONDITIONS = 'acdc-'
TITLES = {
    LAST: 'last checkpoint of the training',
    VALIDATED: 'best checkpoint on validation data that are not tested here',
    GIVEN: 'a given file; how it was chosen is not known',
    ORACLE: 'oracle: chosen by its score on the test domains themselves; not ranked',
}
Values = Callable[[Row], list[float]]


def summary(table: Table, also: str = '') -> Grid:
    """Rows and domains; the best of each column is marked among rows that compare.

    Args:
        table: the rows.
        also: name of a further set of classes, '' for the classes of the table.
    """
    key = f'mIoU-{also}' if also else 'mIoU'
    uneven = set(uneven_domains(table))
    columns: list[tuple[str, Values, bool]] = []
    for view in table.columns:
        title = view.title if len(view.domains) == 1 else f'{view.title}, mean of all'
        even = not uneven & set(view.domains)
        columns.append((title, lambda row, v=view: row.view(v, key), even))
    for name, names in table.rows[0].first.details['means'].items():
        if name and also:
            continue
        title, metric = (f'mean: {name}', f'mean_mIoU-{name}') if name else ('mean', f'mean_{key}')
        even = not uneven & set(names) and same_means(table)
        columns.append((title, lambda row, m=metric: row.metric(m), even))
    selections = sorted(dict.fromkeys(row.selection for row in table.rows), key=_oracle_last)
    lines: list[list[Cell]] = []
    for selection in selections:
        rows = [row for row in table.rows if row.selection == selection]
        lines.append([Cell(TITLES.get(selection, selection))])
        lines += _lines(rows, columns)
    head = ['', 'seeds', *(title for title, _, _ in columns)]
    return Grid(head, lines, _caption(table, also))


def _oracle_last(selection: str) -> bool:
    return selection == ORACLE


def _lines(rows: Sequence[Row], columns: Sequence[tuple[str, Values, bool]]) -> list[list[Cell]]:
    """Rows of one selection."""
    lines = [[Cell(row.title), Cell(str(len(row.results)))] for row in rows]
    for _, values, even in columns:
        found = [values(row) for row in rows]
        # As they are shown: what looks the same is equally good.
        shown = [round(mean_and_deviation(each)[0], 1) for each in found]
        ranked = [each for each in shown if not math.isnan(each)]
        compared = even and len(ranked) > 1 and not rows[0].is_oracle
        for line, each, number in zip(lines, found, shown, strict=True):
            line.append(Cell(spread(each), best=compared and number == max(ranked)))
    return lines


def _caption(table: Table, also: str) -> str:
    first = table.rows[0].first
    if also:
        names = first.details['also'][also]
        without = [name for name in first.details['data_classes'] if name not in names]
        words = f'mIoU over {len(names)} classes ({also}; without {", ".join(without)})'
    else:
        words = f'mIoU over {len(table.classes)} classes'
    over = first.details['means']['']
    which = 'all domains' if set(over) == set(first.domains) else ', '.join(over)
    if not same_means(table):
        which = 'other domains in each row, see above'
    return f'{words}, percent, mean ± sample standard deviation over the seeds; mean: over {which}.'


def class_table(row: Row, views: Sequence[View]) -> Grid:
    """Classes and domains of a row, coloured by IoU."""
    found = {view.title: row.class_scores(view) for view in views}  # (results, classes) each
    lines = [
        [Cell(name), *(_coloured(list(found[view.title][:, k])) for view in views)]
        for k, name in enumerate(row.first.classes)
    ]
    for title, key in (('mIoU', 'mIoU'), ('mean accuracy', 'mAcc'), ('pixel accuracy', 'aAcc')):
        lines.append([Cell(title), *(_coloured(row.view(view, key)) for view in views)])
    return Grid(
        ['class', *found],
        lines,
        'IoU of each class, percent; "-": neither labelled nor predicted, in one seed at least.',
    )


def corruption_table(row: Row, name: str, places: dict[tuple[str, int], str]) -> Grid:
    """Corruptions and levels of a row.

    Args:
        row: the row.
        name: of the set of images.
        places: (corruption, level) -> domain.
    """
    corruptions = list(dict.fromkeys(corruption for corruption, _ in places))
    levels = sorted({level for _, level in places})

    def cell(chosen: Sequence[tuple[str, int]]) -> Cell:
        domains = tuple(places[place] for place in chosen if place in places)
        return _coloured(row.view(View('', domains))) if domains else Cell('-')

    lines = [
        [
            Cell(corruption),
            *(cell([(corruption, level)]) for level in levels),
            cell([(corruption, level) for level in levels]),
        ]
        for corruption in corruptions
    ]
    every = [cell([(corruption, level) for corruption in corruptions]) for level in levels]
    lines.append([Cell('mean'), *every, cell(list(places))])
    head = ['corruption', *(f'level {level}' for level in levels), 'mean']
    return Grid(head, lines, f'{name}: mIoU, percent; the means are over what was tested.')


def condition_table(row: Row) -> Grid | None:
    """ACDC by condition; None for a row that was not tested on two of them."""
    names = [name for name in row.first.domains if name.startswith(CONDITIONS)]
    if len(names) < 2:
        return None
    lines = []
    for name in names:
        cells = [_coloured(row.view(View(name, (name,)), key)) for key in ('mIoU', 'mAcc', 'aAcc')]
        lines.append([Cell(name.removeprefix(CONDITIONS)), _count(row, [name]), *cells])
    every = View('', tuple(names))
    cells = [_coloured(row.view(every, key)) for key in ('mIoU', 'mAcc', 'aAcc')]
    lines.append([Cell('mean of the conditions'), _count(row, names), *cells])
    pooled = [scores(r.confusion(names), len(r.classes)) for r in row.results]
    cells = [_coloured([mean(each[key]) for each in pooled]) for key in ('IoU', 'Acc', 'aAcc')]
    lines.append([Cell('all pixels in one matrix'), _count(row, names), *cells])
    head = ['ACDC', 'images', 'mIoU', 'mean accuracy', 'pixel accuracy']
    caption = 'ACDC by condition, percent. Its server scores all pixels in one matrix.'
    return Grid(head, lines, caption)


def _count(row: Row, domains: Sequence[str]) -> Cell:
    return Cell(str(sum(len(row.first.details['domains'][name]['images']) for name in domains)))


def _coloured(values: Sequence[float]) -> Cell:
    """A number of each result, percent, as one cell."""
    middle = mean_and_deviation([float(value) for value in values])[0]
    return Cell(spread(list(values)), None if np.isnan(middle) else middle / 100)


def run_table(row: Row) -> Grid:
    """Where each result of a row comes from: a column for each."""
    lines = [
        [Cell(title), *(Cell(_shown(value(result))) for result in row.results)]
        for title, value in FACTS.items()
    ]
    seeds = [result.data.get('seed') for result in row.results]
    return Grid(['', *(f'seed {seed}' for seed in seeds)], lines, kind='words')


def _shown(value: object) -> str:
    if value is None or value in ('', {}):
        return '-'
    if isinstance(value, dict):
        return ', '.join(f'{key} {each}' for key, each in value.items() if each is not None)
    return value if isinstance(value, str) else json.dumps(value)


def _sizes(result: Result, key: str) -> str:
    """Sizes and the domains that have them."""
    found: dict[str, list[str]] = {}
    for name, each in result.details['domains'].items():
        sizes = each.get(key) or {}
        found.setdefault(', '.join(list(sizes)[:3]) or 'unknown', []).append(name)
    if len(found) == 1:
        return next(iter(found))
    return '; '.join(f'{size} ({", ".join(names)})' for size, names in found.items())


def _field(name: str) -> Callable[[Result], object]:
    return lambda result: result.data.get(name)


FACTS: dict[str, Callable[[Result], object]] = {
    'result': lambda result: str(result.path),
    'config': _field('config'),
    'options': _field('options'),
    'digest of the config': _field('config_digest'),
    'test sets': _field('test_sets'),
    'checkpoint': _field('checkpoint'),
    'its SHA-256': _field('checkpoint_sha256'),
    'selection': _field('selection'),
    'selected by': _field('selected_by'),
    'iteration': _field('iteration'),
    'frozen body': _field('body'),
    'tested at': lambda result: _sizes(result, 'sizes'),
    'scored at': lambda result: _sizes(result, 'scored_sizes'),
    'prediction': _field('inference'),
    'precision': _field('precision'),
    'versions': _field('versions'),
    'hardware': _field('hardware'),
    'date': _field('date'),
    'seconds': _field('seconds'),
}
