"""Pre-train the tiny foundation model of configs/streets: python tools/pretrain_tiny.py.

Trains configs/streets/pretrain_tiny.py on wild drawn scenes (materials and depth; no class of
driving scenes, no style that is tested later) and writes the body alone, in half precision. A
call that was stopped goes on where it was. Longer is better: --iterations and --batch.
"""

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from rein import cli
from rein.checkpoints.conversion import export_body
from rein.report.results import machine
from rein.report.runs import Run
from rein.runtime.failures import Guard

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/streets/pretrain_tiny.py'


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument(
        '--out',
        type=Path,
        default=ROOT / 'checkpoints/tiny_streets.safetensors',
        help='.safetensors',
    )
    main.add_argument('--work-dir', type=Path, default=Path('work_dirs/pretrain_tiny'))
    main.add_argument('--iterations', type=int, default=3400)
    main.add_argument('--batch', type=int, default=8, help='scenes of an iteration')
    main.add_argument('--seed', type=int, default=42)
    main.add_argument('--amp', action='store_true', help='bfloat16: for a GPU, slow on many CPUs')
    main.add_argument('--launcher', choices=('none', 'pytorch'), default='none')
    return main


def main(argv: list[str] | None = None) -> int:
    """Train, then write the body; returns the exit code."""
    args = parser().parse_args(argv)
    options = {
        'train_cfg.max_iters': args.iterations,
        'param_scheduler.1.end': args.iterations,
        'train_dataloader.batch_size': args.batch,
    }
    run = Run(CONFIG, args.seed, args.work_dir, tuple(options.items()))
    words = [str(CONFIG), '--work-dir', str(args.work_dir), '--seed', str(args.seed)]
    words += ['--launcher', args.launcher, *(['--amp'] if args.amp else []), '--resume']
    code = cli.train([*words, '--cfg-options', *(f'{k}={v}' for k, v in options.items())])
    if code or os.environ.get('RANK', '0') != '0':
        return code
    with Guard(debug=False) as guard:
        scenes = run.load().train_dataloader.dataset.dataset
        meta = {
            'command': f'python tools/pretrain_tiny.py --iterations {args.iterations} '
            f'--batch {args.batch} --seed {args.seed}',
            'data': f'{args.iterations * args.batch} scenes of style {scenes.style} from seed '
            f'{scenes.first}, labels {scenes.labels} and depth',
            'minutes': round(run.minutes(), 1),
            'date': date.today().isoformat(),
            **machine(),
        }
        sys.stdout.write(export_body(run.checkpoint, args.out, meta) + '\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
