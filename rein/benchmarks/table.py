"""Ways of doing the same work side by side: as a table, as JSON, as bars."""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from matplotlib.figure import Figure
from tqdm import tqdm

from rein.benchmarks.timing import Bench, How, Run

NAMES = {torch.float32: 'fp32', torch.bfloat16: 'bf16'}
INCHES = (9, 0.45, 1.2)  # width; height of a bar and of all around them


@dataclass
class Row:
    """One way of doing the work, and how it went."""

    title: str
    bench: Bench
    how: How
    runs: list[Run] = field(default_factory=list)
    flops: int | None = None

    def count_flops(self) -> None:
        """Count the work of a run. Compiled code does what the same code not compiled does."""
        how = How(self.how.precision, self.how.windows, baseline=self.how.baseline)
        self.flops = self.bench.flops(how)

    def steps(self) -> dict[str, float]:
        """Median seconds of each step."""
        names = self.runs[0].steps
        return {n: statistics.median(run.steps[n] for run in self.runs) for n in names}

    def ratios(self, first: 'Row') -> list[float]:
        """How many times as fast as ``first`` in the same turn, ascending."""
        pairs = zip(first.runs, self.runs, strict=True)
        return sorted(other.total / own.total for other, own in pairs)

    def same_labels(self, first: 'Row') -> float | None:
        """Part of the pixels with the labels of ``first``; None where another model made those."""
        own, other = self.runs[-1].labels, first.runs[-1].labels
        return (
            None
            if own is None or self.bench is not first.bench
            else (own == other).float().mean().item()
        )

    def reached(self, ceilings: Mapping[torch.dtype, float]) -> float | None:
        """Part of the machine's matrix ceiling that the work ran at."""
        ceiling = ceilings.get(self.how.precision)
        if self.flops is None or ceiling is None:
            return None
        return self.flops / statistics.median(run.total for run in self.runs) / ceiling


def take_turns(rows: Sequence[Row], iterations: int) -> None:
    """Run every row once for warm-up, then ``iterations`` times, one after the other."""
    with tqdm(total=(iterations + 1) * len(rows), desc='runs') as bar:
        for number in range(iterations + 1):
            for row in rows:
                run = row.bench.run(row.how)
                if number:
                    row.runs.append(run)
                bar.update()


def figures(rows: Sequence[Row], ceilings: Mapping[torch.dtype, float]) -> list[dict]:
    """All that was measured, of each row, in plain values."""
    found = []
    for row in rows:
        totals = [run.total for run in row.runs]
        ratios = row.ratios(rows[0])
        found.append(
            {
                'title': row.title,
                'precision': NAMES[row.how.precision],
                'windows': row.how.windows,
                'compiled': row.how.compiled,
                'baseline': row.how.baseline,
                'steps': row.steps(),
                'seconds': statistics.median(totals),
                'fastest': min(totals),
                'times_as_fast': statistics.median(ratios),
                'spread': [ratios[0], ratios[-1]],
                'gigabytes': max(run.gigabytes for run in row.runs),
                'same_labels': row.same_labels(rows[0]),
                'gflops': None if row.flops is None else row.flops / 1e9,
                'of_ceiling': row.reached(ceilings),
            }
        )
    return found


def describe(rows: Sequence[Row], ceilings: Mapping[torch.dtype, float]) -> str:
    """A Markdown table."""
    values = figures(rows, ceilings)
    steps = list(values[0]['steps'])
    titles = ['config', 'precision', 'windows', *steps, 'seconds', 'fastest', 'times as fast']
    titles += ['working memory, GB']
    labelled = any(each['same_labels'] is not None for each in values)
    titles += ['same labels'] * labelled + ['GFLOP', 'of the ceiling'] * bool(ceilings)
    lines = [titles, ['---'] * len(titles)]
    for each in values:
        low, high = each['spread']
        numbers = [*each['steps'].values(), each['seconds'], each['fastest']]
        cells = [
            each['title'] + ', compiled' * each['compiled'],
            each['precision'],
            str(each['windows']),
            *(f'{number:.3g}' for number in numbers),
            f'{each["times_as_fast"]:.2f} ({low:.2f}-{high:.2f})',
            f'{each["gigabytes"]:.1f}',
        ]
        if labelled:
            same = each['same_labels']
            cells.append('' if same is None else f'{100 * same:.2f} %')
        if ceilings:
            cells += [f'{each["gflops"]:.1f}', f'{100 * each["of_ceiling"]:.0f} %']
        lines.append(cells)
    text = ''.join(f'| {" | ".join(cells)} |\n' for cells in lines)
    for dtype, ceiling in ceilings.items():
        text += f'\nlarge matrix products in {NAMES[dtype]}: {ceiling / 1e9:.0f} GFLOP/s\n'
    return text


def write(
    folder: Path, title: str, rows: Sequence[Row], ceilings: Mapping[torch.dtype, float]
) -> None:
    """Write ``benchmark.json``, ``benchmark.md`` and ``benchmark.png`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    values = figures(rows, ceilings)
    text = json.dumps({'title': title, 'rows': values}, indent=1)
    (folder / 'benchmark.json').write_text(text + '\n')
    (folder / 'benchmark.md').write_text(f'{title}\n\n{describe(rows, ceilings)}')
    _bars(title, values, folder / 'benchmark.png')


def _bars(title: str, values: Sequence[dict], path: Path) -> None:
    """A bar for each row, its steps one behind the other."""
    width, bar, around = INCHES
    figure = Figure((width, around + bar * len(values)), layout='constrained')
    axes = figure.subplots()
    places = range(len(values))
    left = [0.0] * len(values)
    for step in values[0]['steps']:
        seconds = [each['steps'][step] for each in values]
        axes.barh(places, seconds, left=left, label=step)
        left = [a + b for a, b in zip(left, seconds, strict=True)]
    for place, each, end in zip(places, values, left, strict=True):
        axes.text(end, place, f' {each["times_as_fast"]:.2f}x', va='center', fontsize=8)
    names = []
    for each in values:
        windows = f', {each["windows"]} at once' if 'windows' in each['steps'] else ''
        compiled = ', compiled' * each['compiled']
        names.append(f'{each["title"]}, {each["precision"]}{windows}{compiled}')
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.1 * max(left))
    axes.set_xlabel('seconds')
    axes.set_title(title, fontsize=9)
    axes.spines[['top', 'right']].set_visible(False)
    figure.legend(ncols=6, loc='outside lower center', frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
