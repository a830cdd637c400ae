"""Finds where each class lies in the training labels of a config, for class-uniform sampling.

python data_prep/class_tiles.py configs/blindnet/r50_gta2cbm.py

Writes the file that ClassUniformDataset.tiles of the config names: a point for every class in
every tile of every label. Run it once a data set; it reads every label, and takes about as long as
decoding them does.
"""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from tqdm import tqdm

from rein.datasets.class_tiles import TILE, ClassTiles, counts, find_points, image_key
from rein.datasets.class_uniform import ClassUniformDataset
from rein.runtime.failures import Guard
from rein.runtime.settings import ConfigError, OptionsAction, load_config


def parser() -> ArgumentParser:
    """Describe the command line."""
    made = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    made.add_argument('config', help='its train_dataloader has a ClassUniformDataset')
    made.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        default={},
        metavar='KEY=VALUE',
        help='change the config, as for tools/train.py',
    )
    made.add_argument('--workers', type=int, default=os.cpu_count(), help='by default one a core')
    made.add_argument('--debug', action='store_true', help='show where an error comes from')
    return made


def sampled(config: Config) -> Mapping:
    """Config of the class-uniform data set.

    Raises:
        ConfigError: there is none.
    """
    found = config.train_dataloader.dataset
    while found.get('type') != ClassUniformDataset.__name__:
        if 'dataset' not in found:
            raise ConfigError(
                f'{config.filename}: train_dataloader.dataset has no '
                "dict(type='ClassUniformDataset', ...); its samples need no class tiles"
            )
        found = found['dataset']
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    args = parser().parse_args(argv)
    with Guard(debug=args.debug) as guard:
        config = load_config(args.config, args.cfg_options)
        init_default_scope(config.get('default_scope', 'mmseg'))
        asked = sampled(config)
        dataset = DATASETS.build(asked['dataset'])
        tile = asked.get('tile', TILE)
        found = find_points(dataset, tile, args.workers)
        bar = tqdm(found, total=len(dataset), unit='label', disable=None)
        points = {image_key(image, asked['tiles']): each for image, each in bar}
        ClassTiles(tile, points).write(asked['tiles'])
        there = counts(list(points.values()))
        lines = [f'{asked["tiles"]}: {len(points)} images, points of each class:']
        lines += [
            f'  {name:<15} {there.get(number, 0):>8,}'
            for number, name in enumerate(dataset.metainfo['classes'])
        ]
        sys.stdout.write('\n'.join(lines) + '\n')
    return guard.code


if __name__ == '__main__':
    sys.exit(main())
