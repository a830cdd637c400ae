"""Plots of results: bars for each domain, curves of training."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rein.report.results import mean_and_deviation, score
from rein.report.runs import Run

INCHES = (10, 4)
SMOOTHING = 0.1  # share of a curve's length that one point is the mean of
INCH_PER_BAR = 0.24


def bars(results: Mapping, shown: Mapping[str, str], path: Path) -> None:
    """Bars of mIoU: a group for each domain, a bar for each row, the spread over the seeds.

    Args:
        results: from ``collect``.
        shown: domain -> its name in the plot, in order.
        path: the PNG to write.
    """
    rows = list(results['rows'].values())
    # A bar keeps its width, so that the numbers over it stay apart.
    inches = max(INCHES[0], INCH_PER_BAR * len(rows) * len(shown)), INCHES[1]
    figure = Figure(inches, layout='constrained')
    axes = figure.subplots()
    width = 0.8 / len(rows)
    for number, row in enumerate(rows):
        values = [score(row, domain) for domain in shown]
        left = [place + number * width - 0.4 + width / 2 for place in range(len(shown))]
        heights, errors = zip(*map(mean_and_deviation, values), strict=True)
        drawn = axes.bar(left, heights, width * 0.92, label=row['title'], yerr=errors, capsize=2)
        axes.bar_label(drawn, [f'{height:.0f}' for height in heights], fontsize=7, padding=1)
    axes.set_xticks(range(len(shown)), list(shown.values()))
    _finish(axes, '', 'mIoU, %')
    figure.legend(ncols=min(len(rows), 4), loc='outside upper center', frameon=False)
    figure.savefig(path, dpi=110)


def curves(runs: Sequence[Run], titles: Mapping[str, str], path: Path) -> None:
    """Training loss and validation mIoU over the iterations, a colour for each row.

    Args:
        runs: finished runs.
        titles: name of a row -> its name in the plot.
        path: the PNG to write.
    """
    figure = Figure(INCHES, layout='constrained')
    left, right = figure.subplots(1, 2)
    colours = mpl.color_sequences['tab10']
    rows = list(dict.fromkeys(run.row for run in runs))
    for run in runs:
        number = rows.index(run.row)
        label = titles.get(run.row, run.row) if run.seed == runs[0].seed else None
        style = dict(color=colours[number % len(colours)], label=label, linewidth=1.3, alpha=0.8)
        lines = run.log()
        losses = [(line['step'], line['loss']) for line in lines if 'loss' in line]
        left.plot(*zip(*smooth(losses), strict=True), **style)
        checks = [(line['step'], line['mean_mIoU']) for line in lines if 'mean_mIoU' in line]
        if checks:
            right.plot(*zip(*checks, strict=True), marker='o', markersize=3, **style)
    _finish(left, 'iteration', 'training loss')
    _finish(right, 'iteration', 'mIoU on held-out wild scenes, %')
    left.legend(frameon=False)
    figure.savefig(path, dpi=110)


def smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Running mean of the values over a tenth of all points; as many points as before."""
    reach = int(len(points) * SMOOTHING / 2)
    values = [value for _, value in points]
    return [
        (place, statistics.fmean(values[max(0, k - reach) : k + reach + 1]))
        for k, (place, _) in enumerate(points)
    ]


def _finish(axes: Axes, below: str, beside: str) -> None:
    axes.set_xlabel(below)
    axes.set_ylabel(beside)
    axes.grid(axis='y', alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)
