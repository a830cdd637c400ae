"""Time configs: python tools/benchmark.py CONFIG --precision fp32 bf16 --against baseline.

A training iteration, or with --image the labelling of an image in sliding windows, with random
weights and images. All rows take turns in one process, so that a machine whose speed drifts slows
all; ratios are to the first row.
"""

import argparse
import sys
from itertools import product
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.benchmarks.stopwatch import matmul_ceiling
from rein.benchmarks.table import Row, describe, take_turns, write
from rein.benchmarks.timing import Bench, How, InferenceBench, TrainingBench

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}
BASELINE = 'baseline'


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='paths of configs')
    parser.add_argument('--size', type=int, default=512, help='side of the square images')
    parser.add_argument('--batch', type=int, default=2, help='images of a batch')
    parser.add_argument('--iterations', type=int, default=3, help='timed, after one for warm-up')
    parser.add_argument(
        '--image', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'), help='label images of this size'
    )
    parser.add_argument('--windows', type=int, nargs='+', default=[1], help='at a time')
    parser.add_argument('--precision', choices=PRECISIONS, nargs='+', default=['fp32'])
    parser.add_argument('--compile', action='store_true', help='compiled rows beside the others')
    parser.add_argument(
        '--against',
        metavar=f'{BASELINE}|CONFIG',
        help='a first row in fp32 to compare with: a config, or the first one in the arrangement '
        'of the published code',
    )
    parser.add_argument('--flops', action='store_true', help='count FLOPs, one more run a row')
    parser.add_argument('--out', type=Path, help='folder for JSON, Markdown and a bar chart')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of PyTorch')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args()


def main() -> None:
    """Print a table of training iterations, or of the labelling of an image."""
    args = parse()
    torch.set_num_threads(args.threads)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows = rows_of(args, device)
    take_turns(rows, args.iterations)
    ceilings = {}
    if args.flops:
        ceilings = {dtype: matmul_ceiling(device, dtype) for dtype in PRECISIONS.values()}
        for row in rows:
            row.count_flops()
    work = (
        f'{args.batch} images of {args.size}x{args.size} in training'
        if args.image is None
        else f'an image of {args.image[1]}x{args.image[0]} labelled'
    )
    clock = 'GPU' if device.type == 'cuda' else 'CPU'
    title = (
        f'{work}, {device.type}, {args.threads} thread(s), {clock} seconds, '
        f'median of {args.iterations}'
    )
    sys.stdout.write(f'{title}\n{describe(rows, ceilings)}')
    if args.out is not None:
        write(args.out, title, rows, ceilings)


def rows_of(args: argparse.Namespace, device: torch.device) -> list[Row]:
    """What is compared: the row of --against, then every combination that was asked for."""
    benches = {path: bench_of(path, args, device) for path in args.configs}
    rows = []
    if args.against == BASELINE:
        first = args.configs[0]
        rows.append(Row(f'{Path(first).stem}, baseline', benches[first], How(baseline=True)))
    elif args.against is not None:
        rows.append(Row(Path(args.against).stem, bench_of(args.against, args, device), How()))
    windows = [1] if args.image is None else args.windows
    compiled = (False, True) if args.compile else (False,)
    for path, precision, count, compiles in product(
        args.configs, args.precision, windows, compiled
    ):
        how = How(PRECISIONS[precision], count, compiled=compiles)
        rows.append(Row(Path(path).stem, benches[path], how))
    return rows


def bench_of(path: str, args: argparse.Namespace, device: torch.device) -> Bench:
    """The model of a config, ready to be timed."""
    config = Config.fromfile(path)
    config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmseg'))
    if args.image is not None:
        return InferenceBench(config.model, tuple(args.image), device)
    return TrainingBench(
        config.model,
        config.optim_wrapper,
        size=(args.size, args.size),
        batch=args.batch,
        device=device,
    )


if __name__ == '__main__':
    main()
