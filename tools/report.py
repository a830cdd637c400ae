"""Results of tests as a page: python tools/report.py RESULT.json ... --out FOLDER.

The results are those of ``tools/test.py --out``. Results of one config with several seeds become
one row. The page and its Markdown twin hold tables, confusion matrices, the worst images (where
tests were run with ``--worst``) and what was run on what.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from rein.report.evaluation import TITLE, write_evaluation
from rein.runtime.failures import Guard


def parser() -> ArgumentParser:
    """Describe the command line."""
    main = ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('results', nargs='+', type=Path, metavar='RESULT.json')
    main.add_argument('--out', type=Path, required=True, help='folder to write')
    main.add_argument('--title', default=TITLE, help='of the page')
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    with Guard(debug=args.debug, stopped='the same command starts again') as guard:
        said = write_evaluation(args.results, args.out, args.title)
        sys.stdout.write(''.join(f'note: {text}\n' for text in said))
        sys.stdout.write(f'page: {args.out / "index.html"}\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
