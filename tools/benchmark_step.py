"""Whole training steps of several configs in turn: python tools/benchmark_step.py CONFIG CONFIG.

Random weights, random images and labels, two views or images without labels where a config has
them, in its own crops and batches: a teacher's labels, forward passes, losses, backward passes and
optimizer. All configs run in one process, in turn, so that a machine whose speed drifts slows all;
ratios are to the first config. `CONFIG@key=value@key=value` is a config with changes.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import torch
from mmengine.config import Config, DictAction
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor, nn

from rein.benchmarks.inputs import random_samples, without_weights
from rein.runtime.settings import inner_segmentor, load_config, walk

GIB = 2**30


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('configs', nargs='+', metavar='CONFIG')
    main.add_argument('--size', type=int, help="side of the crops, instead of each config's own")
    main.add_argument('--batch', type=int, help="images, instead of each config's own")
    main.add_argument('--iterations', type=int, default=5, help='timed, after one for warm-up')
    main.add_argument('--device', default='cpu', help='cpu or cuda')
    main.add_argument('--threads', type=int, default=1)
    main.add_argument('--amp', action='store_true', help='forward pass in bfloat16')
    main.add_argument(
        '--memory',
        action='store_true',
        help='most memory of a step; on a CPU that of a process for each config, more than its own',
    )
    return main


def config_of(text: str) -> Config:
    """Config of ``path@key=value@...``."""
    path, *changes = text.split('@')
    pairs = (change.partition('=')[::2] for change in changes)
    return load_config(path, {key: DictAction._parse_iterable(value) for key, value in pairs})


def built(config: Config) -> nn.Module:
    """Model of a config with random weights, its teacher begun."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    model = MODELS.build(without_weights(config.model)).train()
    if hasattr(model, 'begin_teaching'):
        model.begin_teaching(anew=True)
    return model


def batch(config: Config, args: argparse.Namespace, classes: int) -> dict:
    """Random images as the config trains on."""
    size = inner_segmentor(config.model).data_preprocessor.size
    size = tuple(size) if args.size is None else (args.size, args.size)
    count = args.batch or config.train_dataloader.batch_size
    device = torch.device(args.device)
    images = torch.randn(count, 3, *size, device=device)
    samples = random_samples(count, size, classes, device)
    loaded = config.train_dataloader.dataset.get('dataset', {})
    if 'target' in loaded:
        for sample in samples[1::2]:
            del sample.gt_sem_seg
    data = {'inputs': images, 'data_samples': samples}
    if any(node == 'TwoViews' for _, node in walk(loaded)):
        data['restyled'] = torch.randn_like(images)
    return data


class Step:
    """The training step of a config, ready to be timed."""

    def __init__(self, text: str, args: argparse.Namespace) -> None:
        config = config_of(text)
        self.text, self.amp = text, args.amp
        self.model = built(config).to(args.device)
        self.optimizer = build_optim_wrapper(self.model, config.optim_wrapper)
        self.data = batch(config, args, self.model.num_classes)
        self.taken: list[float] = []
        self.peak = 0.0

    def run(self) -> None:
        """Take one step and note its seconds: of the CPU, or on a GPU by the clock."""
        device = self.data['inputs'].device
        clock = time.process_time if device.type == 'cpu' else time.perf_counter
        if device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device) - self._held()
        start = clock()
        if hasattr(self.model, 'teacher'):
            self.model.teacher.average(self.model.student, 0.999)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.amp):
            losses = self.model(**self.data, mode='loss')
        self.optimizer.update_params(self.model.parse_losses(losses)[0])
        if device.type == 'cuda':
            torch.cuda.synchronize(device)
            self.peak = (torch.cuda.max_memory_allocated(device) - before) / GIB
        self.taken.append(clock() - start)

    def _held(self) -> int:
        """Bytes that stay between steps."""
        state = self.optimizer.optimizer.state.values()
        tensors = [*self.model.parameters(), *self.model.buffers(), self.data['inputs']]
        tensors += [p.grad for p in self.model.parameters() if p.grad is not None]
        tensors += [each for entry in state for each in entry.values() if isinstance(each, Tensor)]
        return sum(each.numel() * each.element_size() for each in tensors)


def memory_alone(text: str, args: argparse.Namespace) -> float:
    """Most memory, GiB, of a process of its own that takes two steps."""
    words = [sys.executable, __file__, text, '--iterations', '1', '--threads', str(args.threads)]
    words += ['--amp'] * args.amp
    for key in ('size', 'batch'):
        value = getattr(args, key)
        words += [f'--{key}', str(value)] * (value is not None)
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ChildProcessError(f'{text} could not be measured; the lines above say why')
    return usage.ru_maxrss * 1024 / GIB


def main() -> None:
    """Print a table: seconds (and memory) of a step of every config, and ratios to the first."""
    args = parser().parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    steps = [Step(text, args) for text in args.configs]
    for _ in range(args.iterations + 1):
        for step in steps:
            step.run()
    if args.memory and args.device == 'cpu':
        for step in steps:
            step.peak = memory_alone(step.text, args)
    memory = ['GiB, most', 'to the first'] if args.memory else []
    titles = ['config', 'seconds, median (fastest)', 'to the first', *memory]
    lines = [titles, ['---'] * len(titles)]
    for step in steps:
        taken = step.taken[1:]
        ratio = statistics.median(a / b for a, b in zip(taken, steps[0].taken[1:], strict=True))
        cells = [step.text, f'{statistics.median(taken):.3f} ({min(taken):.3f})', f'{ratio:.2f}']
        if args.memory:
            cells += [f'{step.peak:.2f}', f'{step.peak / steps[0].peak:.2f}']
        lines.append(cells)
    sys.stdout.writelines(f'| {" | ".join(cells)} |\n' for cells in lines)


if __name__ == '__main__':
    main()
