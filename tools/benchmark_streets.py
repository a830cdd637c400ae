"""Compare ways of training on drawn streets: python tools/benchmark_streets.py.

Draws scenes in the style of a game and in five styles that training never sees, trains every
row with every seed, tests it on all styles (and on CamVid, where it is), and writes table, plots
and a page. A call that was stopped goes on where it was. A row is a config of configs/streets/ or
any other config that trains and tests on the same data sets.
"""

import argparse
import ast
import os
import sys
import time
from pathlib import Path

from mmengine.logging import MMLogger

from rein.report.study import Study
from rein.report.write import TITLES, table
from rein.runtime.failures import Guard

ROOT = Path(__file__).resolve().parents[1]
ROWS = ('scratch', 'full', 'frozen', 'rein')  # of the table in docs/streets.md
CAMVID = Path(os.environ.get('CAMVID_ROOT', ROOT.parent / 'shared/data/camvid'))


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('--out', type=Path, default=Path('work_dirs/streets'), help='folder to write')
    main.add_argument(
        '--rows',
        nargs='+',
        default=ROWS,
        metavar='ROW',
        help=f'{", ".join(TITLES)}, or the file of a config',
    )
    main.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    main.add_argument('--train', type=int, default=500, help='scenes to train on')
    main.add_argument('--val', type=int, default=100, help='scenes of each style to test on')
    main.add_argument('--iterations', type=int, help='of training, instead of those of the config')
    main.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='runs at a time')
    main.add_argument('--camvid', type=Path, help='folder of CamVid, by default CAMVID_ROOT')
    main.add_argument(
        '--sweep',
        nargs='+',
        metavar='KEY=V1,V2',
        help='train each row with these settings and validate it on wild scenes; test nothing',
    )
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def study(args: argparse.Namespace) -> Study:
    """What the command line asks for.

    Raises:
        ValueError: a row is neither known nor a file, there is no such folder of CamVid, or a
            number is not above 0.
    """
    for name in ('train', 'val', 'jobs'):
        if getattr(args, name) < 1:
            raise ValueError(f'--{name} is {getattr(args, name)}; use 1 or more')
    camvid = args.camvid or (CAMVID if CAMVID.is_dir() else None)
    for time_of_day in ('day', 'dusk'):
        if camvid is not None and not (camvid / time_of_day).is_dir():
            raise ValueError(f'--camvid: there is no folder {camvid / time_of_day}')
    return Study(
        home=ROOT,
        out=args.out.resolve(),
        configs=[config_of(row) for row in args.rows],
        seeds=args.seeds,
        train=args.train,
        val=args.val,
        jobs=args.jobs if args.sweep else min(args.jobs, len(args.rows) * len(args.seeds)),
        camvid=None if camvid is None else camvid.resolve(),
        say=say,
        iterations=args.iterations,
    )


def config_of(row: str) -> Path:
    """The config's file of a row, by its name or its path."""
    if row in TITLES:
        return ROOT / 'configs/streets' / f'{row}.py'
    if Path(row).is_file():
        return Path(row).resolve()
    raise ValueError(f'--rows {row}: it is none of {", ".join(TITLES)}, and there is no such file')


def settings(words: list[str]) -> dict[str, list[object]]:
    """Read ``key=v1,v2`` as a key and its values."""
    grid = {}
    for word in words:
        key, equals, values = word.partition('=')
        if not equals or not values:
            raise ValueError(f'--sweep takes KEY=V1,V2, such as ...lr=1e-3,2e-3, not {word!r}')
        grid[key] = [value_of(each) for each in values.split(',')]
    return grid


def value_of(text: str) -> object:
    """A number, True, False or None where the text is one, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    started = time.monotonic()
    with Guard(debug=args.debug, stopped='the same command goes on where it was') as guard:
        asked = study(args)
        # MMEngine tells of every variable in every config that is read.
        MMLogger.get_instance('benchmark_streets', log_level='WARNING')
        os.chdir(ROOT)  # the configs name checkpoints/ from here
        os.environ.update(asked.environment)
        if args.sweep:
            for chosen, score in asked.sweep(settings(args.sweep)):
                say(f'{score:6.2f}  ' + '  '.join(f'{k}={v}' for k, v in chosen.items()))
        else:
            say(f'\n{table(asked.compare())}\n\npage: {asked.out / "index.html"}')
        say(f'done in {(time.monotonic() - started) / 60:.1f} minutes')
    return guard.code


def say(text: str) -> None:
    """Print at once, so that the lines stand before what a command prints."""
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
