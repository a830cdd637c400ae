"""The report of a benchmark on drawn streets: results, table, plots, pictures, page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rein.hooks.atomic import write_atomically
from rein.report.grid import Example, draw_grid, predict
from rein.report.page import write_page
from rein.report.plots import bars, curves
from rein.report.results import domains, markdown
from rein.report.runs import Run

SOURCE = 'game'
UNSEEN = ('night', 'fog', 'rain', 'snow', 'palette')
TITLES = {
    'scratch': 'from scratch',
    'full': 'full fine-tuning',
    'frozen': 'frozen + head',
    'rein': 'frozen + Rein',
    'resnet': 'ResNet, plain',
    'resnet_isw': 'ResNet + ISW',
    'resnet_views': 'ResNet, two views',
    'resnet_blindnet': 'ResNet + BlindNet',
    'rein_views': 'Rein, two views',
    'rein_styles': 'Rein + style losses',
    'rein_selftraining': 'Rein, self-training',
    'rein_selftraining_sure': 'Rein, self-training on sure labels',
    'rein_selftraining_vote': 'Rein, self-training + votes in masks',
    'rein_selftraining_sam': 'Rein, self-training + point prompts',
    'uda': 'adapted to 100 images at night',
    'uda_one_shot': 'adapted to one of them',
    'uda_generated': 'adapted to 100 in the look of the one',
}
COLUMNS = {
    SOURCE: 'game (source)',
    **{style: style for style in UNSEEN},
    'mean': 'unseen, mean',
    'camvid-day': 'CamVid day',
    'camvid-dusk': 'CamVid dusk',
}
WORDS = (
    'Every row learnt from labels of drawn scenes in the style "game" alone. Numbers are mIoU in '
    'percent on held scenes, mean ± standard deviation over the seeds; "unseen, mean" is over the '
    'five styles that no label was seen of. CamVid, where it stands, is real: 11 merged classes, '
    'and no real image was trained on. Minutes are those of the training iterations.'
)


def columns(results: Mapping) -> dict[str, str]:
    """Domain -> title of each column of the table that there are results for."""
    there = {*domains(results), 'mean'}
    return {domain: title for domain, title in COLUMNS.items() if domain in there}


def table(results: Mapping) -> str:
    """The table of all rows, in Markdown."""
    return markdown(results, columns(results))


def write_report(
    out: Path,
    results: Mapping,
    runs: Sequence[Run],
    examples: Sequence[Example],
    commands: Sequence[str],
) -> None:
    """Write ``results.json``, ``table.md``, ``bars.png``, ``curves.png``, ``grid.png`` and a page.

    Args:
        out: folder for the files.
        results: of ``runs``, from ``collect``.
        runs: finished; those of the first seed predict the examples.
        examples: images to show.
        commands: that made the results, to be shown on the page.
    """
    write_atomically(out / 'results.json', (json.dumps(results, indent=2) + '\n').encode())
    write_atomically(out / 'table.md', (table(results) + '\n').encode())
    bars(results, columns(results), out / 'bars.png')
    curves(runs, TITLES, out / 'curves.png')
    first = [run for run in runs if run.seed == runs[0].seed]
    predictions = [(TITLES.get(run.row, run.row), predict(run, examples)) for run in first]
    draw_grid(examples, predictions, out / 'grid.png')
    machine = ', '.join(f'{key} {value}' for key, value in results['machine'].items())
    write_page(
        out / 'index.html',
        'Trained on one style of drawn streets, tested on others',
        [WORDS, f'Measured on: {machine}.'],
        table(results),
        [
            ('mIoU in every style', out / 'bars.png'),
            ('Training', out / 'curves.png'),
            ('Image, label and predictions', out / 'grid.png'),
        ],
        commands,
    )
