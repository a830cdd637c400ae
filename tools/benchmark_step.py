"""Whole training steps of several configs in turn: python tools/benchmark_step.py CONFIG CONFIG.

Random weights, random images and labels, two views where a config trains on two: forward pass,
losses, backward pass and optimizer. All configs run in one process, in turn, so that a machine
whose speed drifts slows all; ratios are to the first config.
"""

import argparse
import statistics
import sys
import time

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from rein.runtime.settings import inner_segmentor, load_config

CELL = 32


def built(config: Config) -> nn.Module:
    """Model of a config with random weights."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    backbone = inner_segmentor(config.model)['backbone']
    if 'weights' in backbone:
        backbone['weights'] = None
    return MODELS.build(config.model).train()


def batch(args: argparse.Namespace, classes: int) -> dict:
    """Random images of two views, with labels in blocks of 32 pixels."""
    side = -(-args.size // CELL)
    blocks = torch.randint(0, classes, (args.batch, 1, side, side))
    labels = blocks.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)
    labels = labels[..., : args.size, : args.size]
    shape = (args.batch, 3, args.size, args.size)
    meta = {'img_shape': shape[2:], 'ori_shape': shape[2:]}
    return {
        'inputs': torch.randn(shape, device=args.device),
        'restyled': torch.randn(shape, device=args.device),
        'data_samples': [
            SegDataSample(gt_sem_seg=PixelData(data=label.to(args.device)), metainfo=meta)
            for label in labels
        ],
    }


class Step:
    """The training step of a config, ready to be timed."""

    def __init__(self, path: str, args: argparse.Namespace) -> None:
        config = load_config(path, {})
        self.model = built(config).to(args.device)
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper)
        self.data = batch(args, self.model.num_classes)
        if 'segmentor' not in config.model:
            del self.data['restyled']
        self.taken: list[float] = []
        self.amp = args.amp

    def run(self) -> None:
        """Take one step and note its seconds: of the CPU, or on a GPU by the clock."""
        device = self.data['inputs'].device
        clock = time.process_time if device.type == 'cpu' else time.perf_counter
        start = clock()
        with torch.autocast(device.type, torch.bfloat16, enabled=self.amp):
            losses = self.model(**self.data, mode='loss')
        self.optimizer.update_params(self.model.parse_losses(losses)[0])
        if device.type != 'cpu':
            torch.cuda.synchronize(device)
        self.taken.append(clock() - start)


def main() -> None:
    """Print a table: seconds of a step of every config, and the ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--size', type=int, default=768, help='side of the square crops')
    parser.add_argument('--batch', type=int, default=4)
    parser.add_argument('--iterations', type=int, default=5, help='timed, after one for warm-up')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--amp', action='store_true', help='forward pass in bfloat16')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    steps = [Step(path, args) for path in args.configs]
    for _ in range(args.iterations + 1):
        for step in steps:
            step.run()
    sys.stdout.write('| config | seconds, median (fastest) | to the first |\n|---|---|---|\n')
    for path, step in zip(args.configs, steps, strict=True):
        taken = step.taken[1:]
        ratio = statistics.median(a / b for a, b in zip(taken, steps[0].taken[1:], strict=True))
        cells = f'{statistics.median(taken):.3f} ({min(taken):.3f}) | {ratio:.2f}'
        sys.stdout.write(f'| {path} | {cells} |\n')


if __name__ == '__main__':
    main()
