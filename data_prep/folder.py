"""Prepares a folder of images and masks of one's own, by a class map in YAML.

python data_prep/folder.py downloads/cracks --map cracks.yaml --out data/cracks

Masks may be numbers or exact colours; docs/datasets/folder.md shows a class map. OUT/images holds
links, OUT/masks the numbers of the classes.
"""

import sys
from argparse import Namespace
from pathlib import Path

from rein.datasets.folder import IMAGE_ENDINGS
from rein.datasets.label_files import LabelEncoding
from rein.datasets.layout import Layout
from rein.datasets.preparation.class_map import ClassMap, read_class_map
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import IN_PLACE, Plan, Recipe


def recipe(asked: Namespace, classes: ClassMap) -> Recipe:
    """How the folder becomes a data set for ``SegmentationFolder``."""
    numbers = LabelEncoding({**{k: k for k in range(len(classes.classes))}, 255: 255})
    release = Layout(
        asked.image_folder, IMAGE_ENDINGS, asked.mask_folder, (asked.mask_ending,), classes.encoding
    )
    prepared = Layout('images', IMAGE_ENDINGS, 'masks', ('.png',), numbers)
    return Recipe('folder', release, prepared, {'train': {}}, classes=classes.classes)


def plan(asked: Namespace) -> Plan:
    """What to do with the folder.

    Raises:
        ValueError: there is no --out.
    """
    release, out, images = where(asked)
    if images == IN_PLACE:
        raise ValueError('masks are written anew: give another folder as --out')
    classes = read_class_map(asked.map)
    sys.stderr.write(
        f"in a config: dict(type='SegmentationFolder', data_root={str(out)!r}, "
        f'classes={classes.classes}, palette={classes.palette})\n'
    )
    return Plan(recipe(asked, classes), release, out, images)


ARGUMENTS = parser(__doc__)
ARGUMENTS.add_argument('--map', type=Path, required=True, help='the class map, YAML')
ARGUMENTS.add_argument('--image-folder', default='images', help='below the release')
ARGUMENTS.add_argument('--mask-folder', default='masks', help='below the release')
ARGUMENTS.add_argument('--mask-ending', default='.png', help='of the masks, such as _mask.png')

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
