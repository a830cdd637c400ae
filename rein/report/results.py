"""What the runs of several configs found, as one dictionary and as a table in Markdown."""

import math
import platform
import statistics
from collections.abc import Mapping, Sequence

import torch

from rein.report.runs import Run

UNSEEN = 'mean'  # the mean over the domains that training never sees


def collect(runs: Sequence[Run], titles: Mapping[str, str]) -> dict:
    """Gather the results of finished runs.

    Args:
        runs: all runs; those of one config become a row.
        titles: name of a row -> how a table calls it.

    Returns:
        ``rows``: for each its ``title``, ``config``, ``trained`` parameters, ``seeds``, and for
        each seed the ``minutes`` of training and the ``metrics``, percent; ``machine``.
    """
    rows: dict[str, dict] = {}
    for run in runs:
        row = rows.setdefault(
            run.row,
            {
                'title': titles.get(run.row, run.row),
                'config': '/'.join(run.config.parts[-2:]),
                'trained': run.trained(),
                'iterations': run.iterations,
                'seeds': [],
                'minutes': [],
                'metrics': [],
            },
        )
        row['seeds'].append(run.seed)
        row['minutes'].append(round(run.minutes(), 2))
        row['metrics'].append(run.scores())
    return {'rows': rows, 'machine': machine()}


def machine() -> dict[str, str | int]:
    """What the numbers were measured on."""
    return {
        'processor': _processor(),
        'threads': torch.get_num_threads(),
        'python': platform.python_version(),
        'torch': torch.__version__,
    }


def _processor() -> str:
    try:
        with open('/proc/cpuinfo') as file:
            lines = [line for line in file if line.startswith('model name')]
    except OSError:
        lines = []
    if lines:
        return lines[0].split(':', 1)[1].strip()
    return platform.processor() or platform.machine()


def domains(results: Mapping) -> list[str]:
    """The domains that the rows were tested on, in the order of their first row's tests."""
    keys = next(iter(results['rows'].values()))['metrics'][0]
    return [key.removesuffix('/mIoU') for key in keys if key.endswith('/mIoU')]


def score(row: Mapping, domain: str) -> list[float]:
    """The mIoU of each seed of a row on a domain, percent; nan where there is none."""
    key = 'mean_mIoU' if domain == UNSEEN else f'{domain}/mIoU'
    values = (metrics.get(key) for metrics in row['metrics'])
    return [math.nan if value is None else value for value in values]


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation; the value alone where there is one."""
    mean = f'{statistics.fmean(values):.1f}'
    return mean if len(values) < 2 else f'{mean} ± {statistics.stdev(values):.1f}'


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
