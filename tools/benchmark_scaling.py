"""Images a second of one process and of several: torchrun tools/benchmark_scaling.py CONFIG.

Started by torchrun. Random weights and images; one process alone, all without talking to each
other, and all with gradients averaged (DDP) take turns.
"""

import argparse
import os
import statistics
import sys

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from torch import distributed

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.benchmarks.scaling import (
    ALONE,
    MODES,
    TOGETHER,
    ScalingBench,
    measure,
    ring_bytes,
    trained_bytes,
)
from rein.runtime.distributed import FROM_TORCHRUN, leave_processes

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='path of a config')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(512, 512), metavar=('HEIGHT', 'WIDTH'), help='images'
    )
    parser.add_argument('--batch', type=int, default=2, help='images of each process')
    parser.add_argument('--rounds', type=int, default=7, help='turns of each')
    parser.add_argument('--iterations', type=int, default=3, help='of a turn')
    parser.add_argument('--precision', choices=PRECISIONS, default='fp32')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of each process')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    args = parser.parse_args()
    if any(name not in os.environ for name in FROM_TORCHRUN) or os.environ['WORLD_SIZE'] == '1':
        parser.error(
            'start several processes with: torchrun --nproc-per-node 2 tools/benchmark_scaling.py '
            'CONFIG'
        )
    return args


def main() -> None:
    """Print a table of images a second, and the bytes that go over the network."""
    args = parse()
    torch.set_num_threads(args.threads)
    device = torch.device('cpu')
    if torch.cuda.is_available():
        device = torch.device('cuda', int(os.environ['LOCAL_RANK']))
        torch.cuda.set_device(device)
    backend = 'nccl' if device.type == 'cuda' else 'gloo'
    distributed.init_process_group(backend)
    config = Config.fromfile(args.config)
    config.merge_from_dict(args.cfg_options)
    init_default_scope(config.get('default_scope', 'mmseg'))
    bench = ScalingBench(config, size=tuple(args.size), batch=args.batch, device=device)
    found = measure(
        bench, rounds=args.rounds, iterations=args.iterations, dtype=PRECISIONS[args.precision]
    )
    counted = bench.bytes_per_iteration()
    if distributed.get_rank() == 0:
        count = distributed.get_world_size()
        text = [
            f'{args.config}: {args.batch} images of {args.size[1]}x{args.size[0]} a process in '
            f'{args.precision}, {count} processes over {backend}, {args.threads} thread(s) each, '
            f'{args.rounds} turns of {args.iterations} iterations',
            *rows(found, count),
            f'averaged in an iteration: {counted:,} bytes counted, {trained_bytes(bench.model):,} '
            f'of parameters that train; each process sends {ring_bytes(counted, count):,.0f}',
        ]
        sys.stdout.write('\n'.join(text) + '\n')
    leave_processes(0)


def rows(found: dict[str, list[float]], count: int) -> list[str]:
    """Rows of a table: each mode, and how much of ``count`` times one process it gives."""
    table = [
        '| processes | images a second, median | least to most | times one process | efficiency |',
        '|---' * 5 + '|',
    ]
    for mode in MODES:
        rates = found[mode]
        ratios = [rate / one for rate, one in zip(rates, found[ALONE], strict=True)]
        working = 1 if mode == ALONE else count
        ratio = statistics.median(ratios)
        name = f'{working} {mode}' + (' (DDP)' if mode == TOGETHER else '')
        table.append(
            f'| {name} | {statistics.median(rates):.4g} | {min(rates):.4g} to {max(rates):.4g} | '
            f'{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {ratio / working:.0%} |'
        )
    return table


if __name__ == '__main__':
    main()
