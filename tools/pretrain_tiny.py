"""Pre-train the tiny foundation model of configs/streets: python tools/pretrain_tiny.py.

Trains configs/streets/pretrain_tiny.py on wild drawn scenes (materials and depth; no class of
driving scenes, no style that is tested later) and writes the body alone, in half precision. A
call that was stopped goes on where it was. Longer is better: --iterations and --batch.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

from rein.checkpoints.conversion import export_body
from rein.report.results import machine
from rein.report.runs import Run, lengthened
from rein.report.scheduler import carry_out, threads_of
from rein.runtime.failures import Guard

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/streets/pretrain_tiny.py'
WEIGHTS = ROOT / 'checkpoints/tiny_streets.safetensors'


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('--out', type=Path, default=WEIGHTS, help='file to write, .safetensors')
    main.add_argument('--work-dir', type=Path, default=Path('work_dirs/pretrain_tiny'))
    main.add_argument('--iterations', type=int, default=3400)
    main.add_argument('--batch', type=int, default=8, help='scenes of an iteration')
    main.add_argument('--seed', type=int, default=42)
    main.add_argument('--amp', action='store_true', help='bfloat16: for a GPU, slow on many CPUs')
    return main


def main(argv: list[str] | None = None) -> int:
    """Train, then write the body; returns the exit code."""
    args = parser().parse_args(argv)
    with Guard(debug=False, stopped='the same command goes on where it was') as guard:
        if args.out.suffix != '.safetensors':
            raise ValueError(f'--out is {args.out}; give a file named .safetensors')
        scenes = args.iterations * args.batch
        options = {
            **lengthened(CONFIG, args.iterations),
            'train_dataloader.batch_size': args.batch,
            'train_dataloader.dataset.dataset.count': scenes,
            **({'optim_wrapper.type': 'Bf16OptimWrapper'} if args.amp else {}),
        }
        run = Run(CONFIG, args.seed, args.work_dir, tuple(options.items()), test_sets=())
        carry_out([run], ROOT / 'tools', 1, {})
        data = run.load().train_dataloader.dataset.dataset
        meta = {
            'command': f'python tools/pretrain_tiny.py --iterations {args.iterations} '
            f'--batch {args.batch} --seed {args.seed}{" --amp" if args.amp else ""}',
            'data': f'{scenes} scenes of style {data.style} from seed {data.first}, '
            f'labels {data.labels} and depth',
            'minutes': round(run.minutes(), 1),
            'date': date.today().isoformat(),
            **machine(threads_of(1)),
        }
        sys.stdout.write(export_body(run.checkpoint, args.out, meta) + '\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
