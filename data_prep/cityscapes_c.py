"""Makes Cityscapes-C of a prepared Cityscapes: the val images under 16 corruptions at 5 levels.

python data_prep/cityscapes_c.py data/cityscapes --out data/cityscapes_c

All of it is 40,000 images, some 120 GB; --corruptions and --levels make a part.
"""

import json
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from rein.datasets.classes import CORRUPTIONS, LEVELS
from rein.datasets.preparation.command import GOOD, STOPPED, WRONG, bar
from rein.datasets.preparation.corruptions import (
    PACKAGE,
    link_labels,
    list_corruptions,
    package_version,
    write_corruptions,
)
from rein.runtime.files import replace_file


def parse(argv: Sequence[str] | None) -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument('release', type=Path, help='folder of Cityscapes, prepared')
    parser.add_argument('--out', type=Path, required=True, help='folder to write into')
    parser.add_argument(
        '--corruptions', nargs='+', choices=CORRUPTIONS, default=CORRUPTIONS, metavar='NAME',
        help=f'any of {", ".join(CORRUPTIONS)}; all by default',
    )  # fmt: skip
    parser.add_argument('--levels', nargs='+', type=int, choices=LEVELS, default=LEVELS)
    parser.add_argument('--dry-run', action='store_true', help='count, and write nothing')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes')
    return parser.parse_args(argv)


def make(asked: Namespace) -> None:
    """Write what is asked for, and then a manifest of what is there."""
    todo = list_corruptions(asked.release, asked.corruptions, asked.levels)
    missing = [each for each in todo if not each.target(asked.out).is_file()]
    sys.stderr.write(f'{len(todo)} images, {len(missing)} of them not there yet\n')
    if asked.dry_run:
        return
    made = f'{PACKAGE} {package_version()}'
    labels = link_labels(asked.release, asked.out)
    with bar(len(todo), 'cityscapes-c', 'images') as shown:
        for _ in write_corruptions(todo, asked.out, asked.workers):
            shown.update()
    folder = asked.out / 'leftImg8bit'
    there = {
        f'{name}/{level}': len(list((folder / name / str(level)).rglob('*_leftImg8bit.png')))
        for name in CORRUPTIONS
        for level in LEVELS
    }
    manifest = {'made_by': made, 'labels': labels, 'images': {k: n for k, n in there.items() if n}}
    replace_file(asked.out / 'corruptions.json', (json.dumps(manifest, indent=1) + '\n').encode())


def main(argv: Sequence[str] | None = None) -> int:
    """Make the data set; returns the exit status."""
    try:
        make(parse(argv))
    except (ValueError, OSError, ModuleNotFoundError) as error:
        sys.stderr.write(f'error: {error}\n')
        return WRONG
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; run the same command again to go on\n')
        return STOPPED
    return GOOD


if __name__ == '__main__':
    sys.exit(main())
