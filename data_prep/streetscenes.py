"""Draws street scenes as data sets in the layout of Cityscapes, one for each style.

    python data_prep/streetscenes.py data/streets
    python data_prep/streetscenes.py data/streets --style game --train 2000 --val 200

Nothing is downloaded. A run that was stopped goes on where it was when started again; one that
is complete is left as it is. Every OUT/<style> is a ``data_root`` of the data set ``Cityscapes``.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from rein.datasets.streetscenes.styles import STYLES
from rein.datasets.streetscenes.write import Settings, write_style


class Bar:
    """A progress bar on a terminal, a line every tenth of the way elsewhere.

    Args:
        name: what is being written.
        total: number of steps.
    """

    _WIDTH = 30

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total = name, total
        self.start = self.last = time.monotonic()
        self.tenth = 0

    def show(self, done: int) -> None:
        """Shows that ``done`` steps are done, at most ten times a second."""
        now = time.monotonic()
        live = sys.stderr.isatty()
        tenth = done * 10 // max(self.total, 1)
        if done < self.total and (now - self.last < 0.1 if live else tenth == self.tenth):
            return
        self.last, self.tenth = now, tenth
        rate = done / max(now - self.start, 1e-6)
        left = int((self.total - done) / rate)
        filled = self._WIDTH * done // self.total
        bar = '#' * filled + '.' * (self._WIDTH - filled)
        end = '\n' if done == self.total or not live else ''
        sys.stderr.write(
            f'{chr(13) if live else ""}{self.name:8} [{bar}] {done}/{self.total}'
            f'  {rate:.0f}/s  ETA {left // 60}:{left % 60:02d} {end}'
        )
        sys.stderr.flush()


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
            bar = Bar(plan.style, plan.train + plan.val)
            for done in write_style(asked.out, plan, asked.workers):
                bar.show(done)
    except (ValueError, OSError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; run the same command again to go on\n')
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
