"""Time a config: python tools/benchmark.py CONFIG --precision bf16.

A training iteration, or with --image the labelling of an image in sliding windows, with random
weights and images.
"""

import argparse
import statistics
import sys
from itertools import product

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.benchmarks.timing import STEPS, InferenceBench, TrainingBench

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='path of a config')
    parser.add_argument('--size', type=int, default=512, help='side of the square images')
    parser.add_argument('--batch', type=int, default=2, help='images of a batch')
    parser.add_argument('--iterations', type=int, default=3, help='timed, after one for warm-up')
    parser.add_argument(
        '--image', type=int, nargs=2, metavar=('HEIGHT', 'WIDTH'), help='label images of this size'
    )
    parser.add_argument('--windows', type=int, nargs='+', default=[1], help='at a time')
    parser.add_argument('--precision', choices=PRECISIONS, nargs='+', default=['fp32'])
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of PyTorch')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args()


def main() -> None:
    """Print a table of the training iteration, or of the labelling of an image."""
    args = parse()
    torch.set_num_threads(args.threads)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmseg'))
    rows = (train if args.image is None else infer)(config, args, device)
    sys.stdout.write('\n'.join(rows) + '\n')


def infer(config: Config, args: argparse.Namespace, device: torch.device) -> list[str]:
    """Rows of a table, one for each precision and number of windows, which take turns."""
    bench = InferenceBench(config.model, tuple(args.image), device)
    settings = list(product(args.precision, args.windows))
    taken: list[list[tuple]] = [[] for _ in settings]
    for _ in range(args.iterations + 1):
        for (precision, windows), each in zip(settings, taken, strict=True):
            each.append(bench.labels(PRECISIONS[precision], windows))
    clock = 'wall' if device.type == 'cuda' else 'CPU'
    rows = [
        f'{args.config}: an image of {args.image[1]}x{args.image[0]} on {device.type}, '
        f'{args.threads} thread(s), {clock} seconds, median of {args.iterations}',
        '| precision | windows at once | image | fastest | to the first | same labels | peak GB |',
        '|---' * 7 + '|',
    ]
    first_labels, first = taken[0][-1][0], [seconds for _, seconds, _ in taken[0][1:]]
    for (precision, windows), each in zip(settings, taken, strict=True):
        labels, seconds = each[-1][0], [seconds for _, seconds, _ in each[1:]]
        ratio = statistics.median(a / b for a, b in zip(seconds, first, strict=True))
        same = 100 * (labels == first_labels).float().mean().item()
        rows.append(
            f'| {precision} | {windows} | {statistics.median(seconds):.3g} | {min(seconds):.3g} | '
            f'{ratio:.2f} | {same:.2f} % | {each[-1][2]:.1f} |'
        )
    return rows


def train(config: Config, args: argparse.Namespace, device: torch.device) -> list[str]:
    """Rows of a table, one for each precision: the median of each step in seconds."""
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
    return rows


if __name__ == '__main__':
    main()
