"""Time one training iteration of a config: python tools/benchmark.py CONFIG --precision bf16."""

import argparse
import statistics
import sys

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.benchmark import STEPS, TrainingBench

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='path of a config')
    parser.add_argument('--size', type=int, default=512, help='side of the square images')
    parser.add_argument('--batch', type=int, default=2, help='images of a batch')
    parser.add_argument('--iterations', type=int, default=3, help='timed, after one for warm-up')
    parser.add_argument('--precision', choices=PRECISIONS, nargs='+', default=['fp32'])
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of PyTorch')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args()


def main() -> None:
    """Print a table: a row for each precision, the median of each step in seconds."""
    args = parse()
    torch.set_num_threads(args.threads)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmseg'))
    bench = TrainingBench(
        config.model,
        config.optim_wrapper,
        size=(args.size, args.size),
        batch=args.batch,
        device=device,
    )
    clock = 'wall' if device.type == 'cuda' else 'CPU'
    rows = [
        f'{args.config}: {args.batch} images of {args.size}x{args.size} on {device.type}, '
        f'{args.threads} thread(s), {clock} seconds, median of {args.iterations}',
        f'| precision | {" | ".join(STEPS)} | iteration | fastest | peak GB |',
        '|---' * (len(STEPS) + 4) + '|',
    ]
    for precision in args.precision:
        bench.iteration(PRECISIONS[precision])
        timings = [bench.iteration(PRECISIONS[precision]) for _ in range(args.iterations)]
        steps = [statistics.median(t.seconds[step] for t in timings) for step in STEPS]
        totals = [timing.total for timing in timings]
        cells = [*steps, statistics.median(totals), min(totals)]
        numbers = ' | '.join(f'{value:.3g}' for value in cells)
        rows.append(f'| {precision} | {numbers} | {bench.peak_gigabytes():.1f} |')
    sys.stdout.write('\n'.join(rows) + '\n')


if __name__ == '__main__':
    main()
