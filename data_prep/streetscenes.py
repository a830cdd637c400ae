"""Draws street scenes as data sets in the layout of Cityscapes, one for each style.

    python data_prep/streetscenes.py data/streets
    python data_prep/streetscenes.py data/streets --style game --train 2000 --val 200

Nothing is downloaded. A run that was stopped goes on where it was when started again; one that
is complete is left as it is. Every OUT/<style> is a ``data_root`` of the data set ``Cityscapes``.
"""

import argparse
import os
import sys
from pathlib import Path

from rein.datasets.preparation.command import bar
from rein.datasets.streetscenes.styles import STYLES
from rein.datasets.streetscenes.write import Settings, write_style


def size(text: str) -> tuple[int, int]:
    """Reads ``256x128`` as (256, 128)."""
    width, _, height = text.lower().partition('x')
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f'size is {text!r}; write it as 256x128')
    return int(width), int(height)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('out', type=Path, help='folder to write into')
    parser.add_argument('--style', nargs='+', default=list(STYLES), metavar='STYLE',
                        help=f'any of {", ".join(STYLES)}; all by default')  # fmt: skip
    parser.add_argument('--train', type=int, default=500, help='training scenes')
    parser.add_argument('--val', type=int, default=100, help='validation scenes')
    parser.add_argument('--size', type=size, default=(256, 128), metavar='WxH')
    parser.add_argument('--seed', type=int, default=0, help='another seed shares no scene')
    parser.add_argument('--workers', type=int, default=os.cpu_count(), help='processes')
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Writes the data sets; returns the exit status."""
    asked = parse(arguments)
    try:
        plans = [
            Settings(style, asked.train, asked.val, asked.size, asked.seed)
            for style in dict.fromkeys(asked.style)
        ]
        for plan in plans:
            with bar(plan.train + plan.val, plan.style, 'scenes') as shown:
                for _ in write_style(asked.out, plan, asked.workers):
                    shown.update()
    except (ValueError, OSError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; run the same command again to go on\n')
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
