"""Label a folder of images by a trained model: python tools/pseudo_label.py --help.

Writes classes (255 where there is none) and confidences as PNG files, and goes on where it was
stopped. A config of type SelfTraining labels by its teacher and with its refiner; any other one
labels as it predicts.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image
from torch import nn
from tqdm import tqdm

import rein  # noqa: F401  registers the parts and the name 'rein::' for configs
from rein.datasets.checking.sheet import overlay
from rein.datasets.classes import CLASSES, IGNORE, PALETTE
from rein.datasets.driving import Cityscapes
from rein.datasets.layout import images_below
from rein.datasets.pseudo_labels import FOLDER, LabelStore
from rein.datasets.transforms import read_image
from rein.hooks.atomic import write_atomically
from rein.hooks.checkpoint_files import read_checkpoint
from rein.hooks.pictures import assemble
from rein.labelling import label_images
from rein.metrics.pseudo_labels import PseudoLabelScore
from rein.runtime.failures import Guard
from rein.runtime.files import sha256
from rein.runtime.quiet import QuietRunner
from rein.runtime.settings import ConfigError, OptionsAction, load_config
from rein.runtime.shards import part_of

KINDS = ('teacher', 'teacher, where refined ones are', 'refined')
KEPT = ('default_scope', 'env_cfg', 'log_level', 'randomness')


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    main = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    main.add_argument('config', help='a file, or one of a package: rein::rein/NAME.py')
    main.add_argument('checkpoint', help='as training wrote it')
    main.add_argument('images', type=Path, help='folder of images, with any sub-folders')
    main.add_argument(
        '--like', default='*', metavar='GLOB', help='only images whose path below IMAGES is so'
    )
    main.add_argument(
        '--out', type=Path, help=f'folder to write to, by default {FOLDER} beside IMAGES'
    )
    main.add_argument('--no-refiner', action='store_true', help='leave the labels as they are')
    main.add_argument('--show', type=Path, metavar='DIR', help='write overlays to this folder')
    main.add_argument('--show-limit', type=int, default=20, metavar='N', help='at most N overlays')
    main.add_argument(
        '--truth', type=Path, metavar='DIR', help='true labels (train ids) to score by'
    )
    main.add_argument(
        '--truth-name',
        nargs='+',
        default=(),
        type=replacement,
        metavar='OLD=NEW',
        help='what to replace in the paths of images (without ending) to get those of true labels',
    )
    main.add_argument('--score', type=Path, metavar='FILE', help='write the scores as JSON')
    main.add_argument('--seed', type=int, default=0, help='of what the refiner draws')
    main.add_argument('--workers', type=int, default=2, help='processes that read images')
    main.add_argument('--shard', default='0/1', metavar='K/N', help='do part K of N, from 0')
    main.add_argument('--device', help='cpu or cuda; the GPU if there is one by default')
    main.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        metavar='KEY=VALUE',
        help='change the config, as for tools/train.py',
    )
    main.add_argument('--debug', action='store_true', help='show where an error comes from')
    return main


def replacement(text: str) -> tuple[str, str]:
    """Read ``OLD=NEW``."""
    old, equals, new = text.partition('=')
    if not old or not equals:
        raise argparse.ArgumentTypeError(f'{text!r}: write OLD=NEW')
    return old, new


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    main = parser()
    args = main.parse_args(argv)
    try:
        args.shard = part_of(args.shard)
    except ValueError as error:
        main.error(str(error))
    if args.score is not None and args.truth is None:
        main.error('--score needs --truth, the folder of true labels')
    args.device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    return args


def loaded(config: Config, checkpoint: str, device: str) -> nn.Module:
    """The model of a config with the weights of a checkpoint, checked as in a test."""
    read_checkpoint(checkpoint)
    model = config.model
    if MODELS.get(model.type) is None or not hasattr(MODELS.get(model.type), 'label'):
        model = dict(type='SelfTraining', segmentor=model)
    elif 'refiner' in model:
        model = {**model, 'refiner': None}  # built by itself, where it is wanted
    kept = {key: config[key] for key in KEPT if key in config}
    hooks = {'checkpoint': config.default_hooks.checkpoint} if 'default_hooks' in config else {}
    silent = {'timer': None, 'logger': None, 'param_scheduler': None, 'sampler_seed': None}
    runner = QuietRunner(
        model=model,
        work_dir=config.work_dir,
        default_hooks={**silent, **hooks},
        experiment_name=f'pseudo_label_{os.getpid()}',
        **kept,
    )
    runner.load_checkpoint(checkpoint)
    return runner.model.to(device).eval()


class Scores:
    """Labels before and after refinement, against true ones.

    Args:
        folder: of the true labels; None scores nothing.
        names: what to replace in an image's key to get that of its label.
        num_classes: K.
    """

    def __init__(
        self, folder: Path | None, names: Sequence[tuple[str, str]], num_classes: int
    ) -> None:
        self.folder, self.names = folder, names
        self.encoding = Cityscapes.PREPARED.encoding
        self.made = {kind: PseudoLabelScore(num_classes) for kind in KINDS}
        self.images = 0

    def add(self, key: str, **labels: np.ndarray) -> None:
        """Count an image."""
        if self.folder is None:
            return
        for old, new in self.names:
            key = key.replace(old, new)
        truth = self.encoding.read(str(self.folder / f'{key}.png'))
        self.images += 1
        seen = np.where(labels['refined'] == IGNORE, np.uint8(IGNORE), labels['teacher'])
        for kind, made in zip(KINDS, (labels['teacher'], seen, labels['refined']), strict=True):
            self.made[kind].add(made, truth)

    def table(self) -> str:
        """Scores in Markdown, of the images that were labelled now."""
        lines = [
            f'{self.images} images, labelled in this call:\n',
            '| labels | labelled pixels | mIoU | mIoU of labelled pixels |',
            '|---|---|---|---|',
        ]
        for kind, score in self.made.items():
            found = score.numbers()
            lines.append(
                f'| {kind} | {found["labelled"]:.1f} % | {found["mIoU"]:.1f} | '
                f'{found["mIoU_labelled"]:.1f} |'
            )
        return '\n'.join(lines)


def label(args: argparse.Namespace, config: Config) -> Scores:
    """Label the images; returns the scores."""
    out = args.out or args.images.parent / FOLDER
    number, parts = args.shard
    found = images_below(args.images)
    images = {k: v for k, v in found.items() if fnmatch(os.path.relpath(v, args.images), args.like)}
    if not images:
        raise ConfigError(f'none of the {len(found)} images below {args.images} is {args.like!r}')
    images = dict(list(images.items())[number::parts])
    config.work_dir = str(out / 'log')
    model = loaded(config, args.checkpoint, args.device)
    settings = None if args.no_refiner else config.model.get('refiner')
    refiner = None if settings is None else MODELS.build(dict(settings))
    store = LabelStore(out, described(args, settings))
    scores = Scores(args.truth, args.truth_name, model.num_classes)
    waiting = len(store.missing(list(images)))
    if waiting < len(images):
        sys.stderr.write(f'{len(images) - waiting} of {len(images)} images have labels already\n')
    made = label_images(model, images, store, refiner, seed=args.seed, workers=args.workers)
    for count, (key, labels, refined) in enumerate(tqdm(made, total=waiting, unit='image')):
        scores.add(key, teacher=labels, refined=refined)
        if args.show is not None and count < args.show_limit:
            show(args.show / f'{key}.jpg', images[key], {'teacher': labels, 'refined': refined})
    sys.stderr.write(f'labels: {out}\n')
    return scores


def described(args: argparse.Namespace, refiner: Mapping | None) -> dict:
    """What decides the labels."""
    return {
        'checkpoint': sha256(args.checkpoint),
        'refiner': None if refiner is None else json.dumps(refiner, sort_keys=True),
        'seed': args.seed,
    }


def show(path: Path, image: str, maps: Mapping[str, np.ndarray]) -> None:
    """Draw an image, its labels before and after, and the legend of the driving classes."""
    picture = Image.fromarray(np.ascontiguousarray(read_image(image)[..., ::-1]))
    panels = [('image', picture)]
    panels += [(kind, overlay(picture, labels, PALETTE)) for kind, labels in maps.items()]
    present = sorted({int(v) for v in np.unique(np.stack(list(maps.values())))} - {IGNORE})
    legend = [(CLASSES[k], PALETTE[k]) for k in present if k < len(CLASSES)]
    path.parent.mkdir(parents=True, exist_ok=True)
    assemble(panels, legend).save(path, quality=92)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parse(argv)
    debug = args.debug or bool(os.environ.get('REIN_DEBUG'))
    with Guard(debug=debug, stopped='the same command goes on where it was') as guard:
        config = load_config(args.config, args.cfg_options)
        guard.config = config
        scores = label(args, config)
        if args.truth is not None:
            sys.stdout.write(f'{scores.table()}\n')
        if args.score is not None:
            found = {kind: score.numbers() for kind, score in scores.made.items()}
            write_atomically(args.score, (json.dumps(found, indent=2) + '\n').encode())
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
