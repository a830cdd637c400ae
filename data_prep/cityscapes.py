"""Prepares Cityscapes: writes gtFine/*/*/*_gtFine_labelTrainIds.png, which the release lacks.

python data_prep/cityscapes.py data/cityscapes
"""

import sys
from argparse import Namespace

from rein.datasets.driving import Cityscapes
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

RECIPE = Recipe(
    'cityscapes',
    Cityscapes.RELEASE,
    Cityscapes.PREPARED,
    {split: {'split': split} for split in ('train', 'val', 'test')},
    unlabelled=frozenset({'test'}),  # its label files are there, and void everywhere
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    return Plan(RECIPE, *where(asked))


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
