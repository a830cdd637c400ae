"""Look through the data sets of a config before training: python tools/check_dataset.py --help."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import MMLogger

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.datasets.checking import as_json, check, listed, tables, write_sheets
from rein.hooks.atomic import write_atomically
from rein.runtime.failures import Guard
from rein.runtime.settings import OptionsAction, load_config

FOUND_ERRORS = 1


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(
        description='Decode, measure, count and compare every pair of the data sets of a config.'
    )
    main.add_argument('config', help='a file, or one of a package: rein::rein/NAME.py')
    main.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        metavar='KEY=VALUE',
        help='change the config, as for tools/train.py',
    )
    main.add_argument('--workers', type=int, default=os.cpu_count() or 1, help='processes')
    main.add_argument('--limit', type=int, default=10, metavar='N', help='print N of each problem')
    main.add_argument('--report', type=Path, metavar='FILE', help='write everything as JSON')
    main.add_argument('--show', type=Path, metavar='DIR', help='write sheets of pictures to it')
    main.add_argument('--samples', type=int, default=12, metavar='N', help='pairs on a sheet')
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what could only fail after the walk is refused before it."""
    main = parser()
    args = main.parse_args(argv)
    for name, least in (('workers', 1), ('limit', 0), ('samples', 1)):
        if getattr(args, name) < least:
            main.error(f'--{name} is {getattr(args, name)}; use a number from {least}')
    if args.report is not None and args.report.is_dir():
        main.error(f'--report {args.report} is a folder; name a file')
    if args.show is not None and args.show.exists() and not args.show.is_dir():
        main.error(f'--show {args.show} is a file; name a folder')
    for name, folder in (('report', args.report and args.report.parent), ('show', args.show)):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            main.error(f'--{name}: {folder} cannot be made ({error}); name another place')
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code: 1 if there are errors in the data."""
    args = parse(argv)
    started = time.monotonic()
    debug = args.debug or bool(os.environ.get('REIN_DEBUG'))
    with Guard(debug=debug, stopped='nothing was written; start it again') as guard:
        # MMEngine tells of every part that it builds.
        MMLogger.get_instance('check_dataset', log_level='WARNING')
        config = load_config(args.config, args.cfg_options)
        guard.config = config
        report = check(config, args.workers)
        for part in (tables(report), listed(report, args.limit)):
            if part:
                sys.stdout.write(f'{part}\n\n')
        if args.report is not None:
            write_atomically(args.report, as_json(report, args.config))
            sys.stdout.write(f'report: {args.report}\n')
        if args.show is not None:
            for path in write_sheets(report.groups, args.show, args.samples):
                sys.stdout.write(f'sheet: {path}\n')
        seconds = time.monotonic() - started
        images = sum(len(group.items) for group in report.groups)
        sys.stdout.write(
            f'{report.errors} errors, {report.warnings} warnings in {images:,} images, '
            f'{seconds:.0f} s\n'
        )
        guard.code = FOUND_ERRORS if report.errors else 0
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
