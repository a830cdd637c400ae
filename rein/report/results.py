"""What the runs of several configs found, as one dictionary and as a table in Markdown."""

import math
import platform
import statistics
from collections.abc import Mapping, Sequence

import torch

from rein.report.runs import Run
from rein.runtime.machine import processor

MEAN = 'mean'  # stands for the mean over the domains that the metric averages


def collect(runs: Sequence[Run], titles: Mapping[str, str], threads: int) -> dict:
    """Gather the results of finished runs.

    Args:
        runs: all runs; those of one config become a row.
        titles: name of a row -> how a table calls it.
        threads: that each run had.

    Returns:
        ``rows``: for each its ``title``, ``config``, ``trained`` parameters, ``seeds``, and for
        each seed the ``minutes`` of training and the ``metrics``, percent; ``machine``.
    """
    rows: dict[str, dict] = {}
    for run in runs:
        if run.row not in rows:
            rows[run.row] = {
                'title': titles.get(run.row, run.row),
                'config': '/'.join(run.config.parts[-2:]),
                'trained': run.trained(),
                'iterations': run.iterations,
                'seeds': [],
                'minutes': [],
                'metrics': [],
            }
        row = rows[run.row]
        row['seeds'].append(run.seed)
        row['minutes'].append(round(run.minutes(), 2))
        row['metrics'].append(run.scores())
    return {'rows': rows, 'machine': machine(threads)}


def machine(threads: int) -> dict[str, str | int]:
    """What the numbers were measured on, by runs of so many threads."""
    return {
        'processor': processor(),
        'threads': threads,
        'python': platform.python_version(),
        'torch': torch.__version__,
    }


def domains(results: Mapping) -> list[str]:
    """The domains that the rows were tested on, in the order of their first row's tests."""
    keys = next(iter(results['rows'].values()))['metrics'][0]
    return [key.removesuffix('/mIoU') for key in keys if key.endswith('/mIoU')]


def score(row: Mapping, domain: str) -> list[float]:
    """The mIoU of each seed of a row on a domain, percent; nan where there is none."""
    key = 'mean_mIoU' if domain == MEAN else f'{domain}/mIoU'
    values = (metrics.get(key) for metrics in row['metrics'])
    return [math.nan if value is None else value for value in values]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 of a single value); nan where a value is nan."""
    if any(math.isnan(value) for value in values):
        return math.nan, math.nan
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; the value alone where there is one, - where none."""
    mean, deviation = mean_and_deviation(values)
    if math.isnan(mean):
        return '-'
    return f'{mean:.1f}' if len(values) < 2 else f'{mean:.1f} ± {deviation:.1f}'


def markdown(results: Mapping, shown: Mapping[str, str]) -> str:
    """The table.

    Args:
        results: from ``collect``.
        shown: domain -> title of its column, in order.
    """
    head = ['', 'trained', 'min', *shown.values()]
    lines = ['| ' + ' | '.join(head) + ' |', '|---' * len(head) + '|']
    for row in results['rows'].values():
        cells = [row['title'], _count(row['trained']), f'{statistics.fmean(row["minutes"]):.1f}']
        cells += [spread(score(row, domain)) for domain in shown]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def _count(number: int) -> str:
    return f'{number / 1e6:.2f} M' if number >= 1e5 else f'{number / 1e3:.0f} k'
