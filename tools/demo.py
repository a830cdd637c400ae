"""Show the package at work on images it draws itself: python tools/demo.py (or `make demo`).

Draws street scenes, trains Rein on one style, tests it on styles that it never saw, and writes
a page with the numbers and pictures. Every step is a command that is printed before it runs.
"""

import argparse
import base64
import html
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/streets/demo.py'
STYLES = ('game', 'night', 'fog', 'rain', 'snow', 'palette')

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>rein: demo</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
td,th{{padding:.2rem 1rem;text-align:right}}th:first-child,td:first-child{{text-align:left}}
img{{width:100%}}code{{background:#eee}}</style>
<h1>Rein on drawn street scenes</h1>
<p>Trained on 200 scenes in the style <b>game</b> in {minutes:.1f} minutes; the other styles were
never seen. The body started at random: these numbers show that the parts work together, not how
well a foundation model generalises.</p>
<table><tr><th>style</th><th>mIoU, %</th><th>pixel accuracy, %</th></tr>{rows}</table>
<p>Again, step by step: {commands}</p>
<h2>Image, label, prediction</h2>{pictures}</html>
"""


def main() -> int:
    """Run the four steps; returns the exit code of the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'), help='folder to write')
    parser.add_argument('--iterations', type=int, default=200, help='of training')
    parser.add_argument('--train', type=int, default=200, help='scenes to train on')
    parser.add_argument('--val', type=int, default=20, help='scenes of each style to test on')
    args = parser.parse_args()
    started = time.monotonic()
    commands = steps(args)
    scenes = args.out / 'scenes'
    environment = {**os.environ, 'STREETS_ROOT': str(scenes)}
    # `python tools/demo.py` must find the package in a working tree that is not installed, too.
    environment['PYTHONPATH'] = os.pathsep.join(
        filter(None, (str(ROOT), environment.get('PYTHONPATH')))
    )
    shown = []
    for number, (title, command) in enumerate(commands, start=1):
        line = f'STREETS_ROOT={shlex.quote(str(scenes))} python {shlex.join(command)}'
        shown.append(line)
        say(f'\n[{number}/{len(commands)}] {title}\n$ {line}')
        code = subprocess.run([sys.executable, *command], env=environment, check=False).returncode
        if code:
            return code
    minutes = (time.monotonic() - started) / 60
    page = args.out / 'index.html'
    metrics = json.loads((args.out / 'metrics.json').read_text())['metrics']
    page.write_text(render(metrics, args.out / 'pictures', shown, minutes))
    say(f'\n{table(metrics)}\n\nDone in {minutes:.1f} minutes; pictures: {page}')
    return 0


def steps(args: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """What the demo does: a title and the arguments of Python for each step."""
    draw = [str(ROOT / 'data_prep/streetscenes.py'), str(args.out / 'scenes')]
    changes = [
        f'train_cfg.max_iters={args.iterations}',
        f'param_scheduler.0.end={args.iterations}',
        f'default_hooks.checkpoint.interval={args.iterations}',
        *('val_cfg=None', 'val_dataloader=None', 'val_evaluator=None'),  # the test comes next
    ]
    trained = str(args.out / f'iter_{args.iterations}.pth')
    test = [str(ROOT / 'tools/test.py'), str(CONFIG), trained, '--work-dir', str(args.out)]
    train = [str(ROOT / 'tools/train.py'), str(CONFIG), '--work-dir', str(args.out)]
    return [
        (
            'draw scenes to train on and to test on',
            [*draw, '--style', 'game', '--train', str(args.train), '--val', str(args.val)],
        ),
        (
            'draw the styles that training never sees',
            [*draw, '--style', *STYLES[1:], '--train', '0', '--val', str(args.val)],
        ),
        ('train', [*train, '--amp', '--cfg-options', *changes]),
        (
            'test on every style',
            [
                *test, '--amp', '--out', str(args.out / 'metrics.json'),
                '--show-dir', str(args.out / 'pictures'), '--show-limit', '3',
            ],
        ),
    ]  # fmt: skip


def table(metrics: dict[str, float]) -> str:
    """The mIoU and pixel accuracy of every style, as Markdown."""
    lines = ['| style | mIoU, % | pixel accuracy, % |', '|---|---|---|']
    lines += [f'| {name} | {miou:.1f} | {acc:.1f} |' for name, miou, acc in rows(metrics)]
    return '\n'.join(lines)


def rows(metrics: dict[str, float]) -> list[tuple[str, float, float]]:
    """Name, mIoU and pixel accuracy of each style, and of the mean over the unseen ones."""
    named = [(style, style) for style in STYLES] + [('mean', 'unseen styles, mean')]
    keys = [(f'{style}/' if style != 'mean' else 'mean_', title) for style, title in named]
    return [(title, metrics[f'{key}mIoU'], metrics[f'{key}aAcc']) for key, title in keys]


def render(metrics: dict[str, float], folder: Path, commands: list[str], minutes: float) -> str:
    """The page, with its pictures inside."""
    cells = [
        f'<tr><td>{html.escape(name)}</td><td>{miou:.1f}</td><td>{acc:.1f}</td></tr>'
        for name, miou, acc in rows(metrics)
    ]
    pictures = []
    for style in STYLES:
        pictures.append(f'<h3>{style}</h3>')
        for path in sorted((folder / style).glob('*.jpg')):
            data = base64.b64encode(path.read_bytes()).decode()
            pictures.append(f'<img alt="{style}" src="data:image/jpeg;base64,{data}">')
    return PAGE.format(
        minutes=minutes,
        rows=''.join(cells),
        commands=''.join(f'<br><code>{html.escape(line)}</code>' for line in commands),
        pictures=''.join(pictures),
    )


def say(text: str) -> None:
    """Print at once, so that the lines stand before what the next step prints."""
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    sys.exit(main())
