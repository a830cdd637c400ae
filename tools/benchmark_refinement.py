"""What refined pseudo-labels cost, in and outside of a step: python tools/benchmark_refinement.py.

Random weights, drawn street scenes as generated images, their true labels in the place of a
teacher's, since those of random weights have no regions. All variants run in one process, in
turn, so that a machine whose speed drifts slows all; times are of the CPU, or on a GPU by the
clock.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from scipy import ndimage
from torch import nn

from rein.benchmarks.inputs import random_samples
from rein.benchmarks.stopwatch import peak_gigabytes
from rein.datasets.png import encode_labels, read_numbers
from rein.datasets.streetscenes import render
from rein.models.refiners import SamRefiner, SegmentAnything
from rein.models.refiners.components import Component, large_components
from rein.models.refiners.refined import Refined
from rein.runtime.settings import inner_segmentor, load_config

SIDE = 768
LEAST = 5000


def by_class(labels: np.ndarray, least: int) -> list[Component]:
    """Regions as the reference finds them: each class of the map by itself."""
    found = []
    for label in np.unique(labels):
        numbers, count = ndimage.label(labels == label)
        for number in range(1, count + 1):
            pixels = np.flatnonzero(numbers == number)
            if len(pixels) > least:
                found.append(Component(int(label), pixels, labels.shape))
    return found


class OnTruth:
    """A refiner that is given true labels in the place of the teacher's."""

    def __init__(self, refiner: SamRefiner, truth: np.ndarray) -> None:
        self.refiner, self.truth = refiner, truth

    def __call__(self, image: np.ndarray, labels: np.ndarray) -> Refined:
        """Refine the true labels."""
        return self.refiner(image, self.truth)


class ByClass(SamRefiner):
    """The refiner with the reference's way of finding regions."""

    def regions(self, labels: np.ndarray) -> list[Component]:
        """As the refiner's."""
        return by_class(labels, self.least)


class Timer:
    """Seconds of named pieces of work, taken in turn."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.taken: dict[str, list[float]] = {}

    def take(self, name: str, work: Callable[[], object]) -> object:
        """Do ``work`` and note its seconds."""
        clock = time.process_time if self.device == 'cpu' else time.perf_counter
        start = clock()
        found = work()
        if self.device != 'cpu':
            torch.cuda.synchronize()
        self.taken.setdefault(name, []).append(clock() - start)
        return found

    def table(self, title: str, first: str) -> str:
        """Medians in Markdown, and their ratios to the piece ``first``."""
        lines = [f'| {title} | seconds, median (fastest) | to the first |', '|---|---|---|']
        for name, taken in self.taken.items():
            taken, reference = taken[1:], self.taken[first][1:]  # the first one warms up
            ratio = statistics.median(a / b for a, b in zip(taken, reference, strict=True))
            lines.append(
                f'| {name} | {statistics.median(taken):.4f} ({min(taken):.4f}) | {ratio:.2f} |'
            )
        return '\n'.join(lines)


def batch(size: int, labelled: int, others: int, device: str) -> dict:
    """Random images, the last ones without labels."""
    count = labelled + others
    samples = random_samples(count, (size, size), 19, torch.device(device))
    for sample in samples[labelled:]:
        del sample.gt_sem_seg
    images = torch.randn(count, 3, size, size, device=device)
    return {'inputs': images, 'data_samples': samples}


def pieces(args: argparse.Namespace, sam: SegmentAnything) -> Timer:
    """Time what refining an image of 768 consists of."""
    image, labels = render(seed=7, style='game', size=(SIDE, SIDE))
    refiner = SamRefiner(sam, least=LEAST)
    packed = encode_labels(labels)
    picture = cv2.imencode('.png', image)[1].tobytes()
    timer = Timer(args.device)
    _, points = refiner.prompts(labels, np.random.RandomState(0))
    encoded, found = sam.encode(image), torch.from_numpy(points)
    work = {
        'regions, class by class': lambda: by_class(labels, LEAST),
        'regions, one pass': lambda: large_components(labels, LEAST),
        f'SAM {args.sam}: image': lambda: sam.encode(image),
        f'SAM {args.sam}: {len(points)} prompts': lambda: sam.predict(encoded, found),
        'refined, all of it': lambda: refiner(image, labels),
        'refined before: labels read': lambda: read_numbers(packed),
        'the image read': lambda: cv2.imdecode(np.frombuffer(picture, np.uint8), 1),
    }
    for _ in range(args.iterations + 1):
        for name, each in work.items():
            timer.take(name, each)
    return timer


def steps(args: argparse.Namespace, sam: SegmentAnything) -> Timer:
    """Time training steps on four images, one of which is without labels but in two variants."""
    _, truth = render(seed=7, style='game', size=(args.size, args.size))
    least = LEAST * args.size**2 // SIDE**2
    refiners: Mapping[str, SamRefiner | None] = {
        'source only': None,
        "labels of the teacher, the reference's regions": ByClass(sam, least=least),
        'labels of the teacher, refined in the step': SamRefiner(sam, least=least),
        'labels refined before': None,
    }
    config = load_config(args.config, {})
    model = built(config).to(args.device)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    timer = Timer(args.device)
    for _ in range(args.iterations + 1):
        for name, refiner in refiners.items():
            online = refiner is not None
            model.__dict__['refiner'] = OnTruth(refiner, truth) if online else None
            data = batch(args.size, 3 if online else 4, int(online), args.device)
            timer.take(name, lambda data=data: step(model, wrapper, data, amp=args.amp))
    return timer


def built(config: Config) -> nn.Module:
    """Model of a config with random weights, and a teacher."""
    init_default_scope(config.get('default_scope', 'mmseg'))
    inner_segmentor(config.model)['backbone']['weights'] = None
    model = MODELS.build(config.model).train()
    model.begin_teaching(anew=True)
    return model


def step(model: nn.Module, wrapper: object, data: dict, *, amp: bool) -> None:
    """One step of the optimizer."""
    device = data['inputs'].device.type
    with torch.autocast(device, torch.bfloat16) if amp else nullcontext():
        losses = model(**data, mode='loss')
    wrapper.update_params(model.parse_losses(losses)[0])


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--config', default='configs/clouds/r50_gta2cbm.py')
    parser.add_argument('--size', type=int, default=SIDE, help='side of the crops of a step')
    parser.add_argument('--sam', default='mobile', help='mobile, vit_b, vit_l or vit_h')
    parser.add_argument('--iterations', type=int, default=3, help='timed, after one for warm-up')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--amp', action='store_true', help='forward pass in bfloat16')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    sam = SegmentAnything(None, kind=args.sam, device=args.device)
    table = pieces(args, sam).table('an image of 768x768', 'regions, class by class')
    most = peak_gigabytes(torch.device(args.device))
    sys.stdout.write(f'{table}\n\nmost memory so far: {most:.1f} GiB\n\n')
    table = steps(args, sam).table(f'a step of 4 x {args.size}', 'source only')
    sys.stdout.write(f'{table}\n')


if __name__ == '__main__':
    main()
