"""Time reading and augmenting: python tools/benchmark_data.py CONFIG CONFIG.

Makes images and labels in the form of GTA5's release in a temporary folder, then runs on them the
training pipeline of each config, the same steps as MMSegmentation has them, and MMSegmentation's
default pipeline for the same crop. One process, one thread, in turn: a machine whose speed drifts
slows all. CPU seconds; the other two read labels that were converted beforehand.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset, CityscapesDataset
from mmseg.registry import DATASETS
from PIL import Image
from tqdm import tqdm

import rein  # noqa: F401  registers the parts
from rein.datasets.driving import GTA5
from rein.datasets.streetscenes.as_gta5 import GTA5_SIZE, write_gta5
from rein.datasets.timing import timed_sample
from rein.runtime.files import replace_file
from rein.runtime.machine import hardware, versions
from rein.runtime.seeds import seed_all
from rein.runtime.settings import ConfigError, load_config, walk

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'configs/rein/dinov2_gta2city.py'
PICTURES = ROOT.parent / 'shared/data/format_samples/real_images_nolabel'
ENDINGS = ('.png', '.jpg', '.jpeg')
MADE = '_labelTrainIds.png'
# Our steps and what MMSegmentation has for them.
THEIRS = {
    'LoadImage': 'LoadImageFromFile',
    'LoadLabels': 'LoadAnnotations',
    'FastRandomCrop': 'RandomCrop',
    'FastPhotoMetricDistortion': 'PhotoMetricDistortion',
    'PackInputs': 'PackSegInputs',
}


@dataclass
class Way:
    """A pipeline on its data set, and what its samples took.

    Args:
        name: of its row.
        dataset: with the pipeline.
    """

    name: str
    dataset: BaseSegDataset
    taken: list[dict[str, float]] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    same: bool = True

    def run(self, index: int, seed: int) -> dict:
        """Load a sample from its seed and note its time."""
        seed_all(seed)
        sample, taken = timed_sample(self.dataset, index)
        self.taken.append(taken)
        self.rounds[-1] += sum(taken.values())
        return sample

    def summary(self, first: 'Way') -> dict:
        """Figures of its row: milliseconds, samples a second, ratios to the first."""
        totals = [1000 * sum(taken.values()) for taken in self.taken]
        ratios = [a / b for a, b in zip(self.rounds, first.rounds, strict=True)]
        steps = {k: [1000 * taken[k] for taken in self.taken] for k in self.taken[0]}
        return {
            'name': self.name,
            'samples_per_second': 1000 / statistics.mean(totals),
            'milliseconds': statistics.median(totals),
            'ratio': [min(ratios), statistics.median(ratios), max(ratios)],
            'same_samples': self.same,
            'steps': {name: statistics.median(taken) for name, taken in steps.items()},
        }


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help=f'{CONFIG} by default')
    parser.add_argument('--count', type=int, default=8, help='images of a round')
    parser.add_argument('--rounds', type=int, default=7, help='timed, after one for warm-up')
    parser.add_argument('--images', type=Path, help='folder of pictures; else drawn scenes')
    parser.add_argument('--size', type=int, nargs=2, default=GTA5_SIZE, metavar=('WIDTH', 'HEIGHT'))
    parser.add_argument('--out', type=Path, help='JSON file of all figures')
    args = parser.parse_args(words)
    if min(args.count, args.rounds) < 1:
        parser.error(f'--count {args.count} and --rounds {args.rounds} must be 1 or more')
    return args


def pictures(folder: Path | None) -> list[Path]:
    """Image files of a folder; those beside the checkout, if there are any, by default."""
    if folder is None and not PICTURES.is_dir():
        return []
    found = sorted(p for p in Path(folder or PICTURES).rglob('*') if p.suffix.lower() in ENDINGS)
    if not found:
        raise ConfigError(f'--images {folder}: no {", ".join(ENDINGS)} in there; give another one')
    return found


def make_files(root: Path, args: argparse.Namespace, shown: Sequence[Path]) -> None:
    """Write the release, and beside its labels those that MMSegmentation's converter makes."""
    made = write_gta5(root, args.count, tuple(args.size), shown)
    for _ in tqdm(made, 'images', args.count, file=sys.stderr):
        pass
    for path in sorted((root / 'labels').glob('*.png')):
        labels = GTA5.RELEASE.encoding.read(str(path))
        Image.fromarray(labels).save(path.with_name(path.stem + MADE))


def pipeline_of(path: str) -> list[dict]:
    """Steps for the first labelled images that a config trains on."""
    for _, node in walk(load_config(path, {}).get('train_dataloader', {})):
        if isinstance(node, dict) and any(
            step.get('type') == 'LoadLabels' for step in node.get('pipeline', ())
        ):
            return [dict(step) for step in node['pipeline']]
    raise ConfigError(
        f'{path}: no data set in train_dataloader has a pipeline with LoadLabels; give a config '
        'that trains on labelled image files'
    )


def crop_of(steps: Sequence[dict], path: str) -> tuple[int, int]:
    """Height and width of the samples."""
    for step in steps:
        size = step.get('crop_size', step.get('size' if step['type'] == 'ScaleAndCrop' else ''))
        if size is not None:
            return (size, size) if isinstance(size, int) else tuple(size)
    raise ConfigError(f'{path}: its training pipeline crops nothing; give one with RandomCrop')


def plain(steps: Sequence[object]) -> list:
    """The steps as MMSegmentation has them, where it has them."""
    return [
        {k: plain(v) if isinstance(v, list) else THEIRS.get(str(v), v) for k, v in step.items()}
        if isinstance(step, dict)
        else step
        for step in steps
    ]


def default_steps(crop: tuple[int, int]) -> list[dict]:
    """MMSegmentation's pipeline for Cityscapes, with another crop."""
    return [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='RandomResize', scale=(2048, 1024), ratio_range=(0.5, 2.0), keep_ratio=True),
        dict(type='RandomCrop', crop_size=crop, cat_max_ratio=0.75),
        dict(type='RandomFlip', prob=0.5),
        dict(type='PhotoMetricDistortion'),
        dict(type='PackSegInputs'),
    ]


def ways_of(path: str, root: Path) -> list[Way]:
    """A config's pipeline, the same steps of MMSegmentation, and its default."""
    steps = pipeline_of(path)
    ours = dict(type='GTA5', data_root=str(root), labels='release', pipeline=steps)
    theirs = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        img_suffix='.png',
        seg_map_suffix=MADE,
        metainfo=CityscapesDataset.METAINFO,
        reduce_zero_label=False,
    )
    made = {
        path: ours,
        'MMSegmentation, the same steps': {**theirs, 'pipeline': plain(steps)},
        'MMSegmentation, its default': {**theirs, 'pipeline': default_steps(crop_of(steps, path))},
    }
    return [Way(name, DATASETS.build(settings)) for name, settings in made.items()]


def measure(ways: Sequence[Way], args: argparse.Namespace) -> None:
    """Load every image by every way, round after round; who begins changes with the image."""
    for turn in tqdm(range(args.rounds + 1), ways[0].name, file=sys.stderr):
        for way in ways:
            way.rounds.append(0.0)
        for k in range(args.count):
            places = [(k + turn + i) % len(ways) for i in range(len(ways))]
            samples = {i: ways[i].run(k, seed=turn * args.count + k) for i in places}
            for i, way in enumerate(ways):
                way.same &= _same(samples[i], samples[0])
        if turn == 0:
            for way in ways:
                way.taken, way.rounds = [], []


def _same(sample: dict, other: dict) -> bool:
    """Whether two samples have equal images and labels."""
    labels = [each['data_samples'].gt_sem_seg.data for each in (sample, other)]
    return torch.equal(sample['inputs'], other['inputs']) and torch.equal(*labels)


def table(rows: Sequence[dict]) -> Iterator[str]:
    """Lines of the two tables of a config: whole samples, and their steps."""
    yield '| pipeline | samples/s | ms, median | time to the first (least, most) | same samples |'
    yield '|---' * 5 + '|'
    for row in rows:
        least, middle, most = row['ratio']
        figures = f'{row["samples_per_second"]:.1f} | {row["milliseconds"]:.1f}'
        same = 'yes' if row['same_samples'] else 'no'
        yield f'| {row["name"]} | {figures} | {middle:.2f} ({least:.2f}, {most:.2f}) | {same} |'
    yield ''
    yield '| pipeline | milliseconds of each step, median |'
    yield '|---|---|'
    for row in rows:
        steps = ', '.join(f'{name} {taken:.2f}' for name, taken in row['steps'].items())
        yield f'| {row["name"]} | {steps} |'
    yield ''


def main(words: Sequence[str]) -> int:
    """Measure and say; returns the exit status."""
    args = parse(words)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    init_default_scope('mmseg')
    shown = pictures(args.images)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, 'gta')
        make_files(root, args, shown)
        size = np.mean([path.stat().st_size for path in (root / 'images').iterdir()]) / 1e6
        about = f'{"pictures" if shown else "drawn scenes"} of {args.size[0]}x{args.size[1]}'
        sys.stdout.write(f'{args.count} {about}, {size:.2f} MB each, one core\n\n')
        for path in args.configs or [CONFIG]:
            ways = ways_of(path, root)
            measure(ways, args)
            found[path] = [way.summary(ways[0]) for way in ways]
            sys.stdout.write('\n'.join(table(found[path])) + '\n')
    if args.out is not None:
        report = {'images': about, 'megabytes': size, 'count': args.count, 'rounds': args.rounds}
        report |= {'hardware': hardware(), 'versions': versions(), 'configs': found}
        replace_file(args.out, json.dumps(report, indent=1).encode())
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except (ConfigError, ValueError) as error:
        sys.exit(f'error: {error}')
