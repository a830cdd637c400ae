"""Checks Dark Zurich, whose labels are train ids already: 50 labelled val images, others without.

python data_prep/dark_zurich.py data/dark_zurich
"""

import sys
from argparse import Namespace

from rein.datasets.adverse import DarkZurich
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

RECIPE = Recipe(
    'dark-zurich',
    DarkZurich.RELEASE,
    DarkZurich.PREPARED,
    {split: {'split': split} for split in ('train', 'val', 'test')},
    unlabelled=frozenset({'train', 'test'}),
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    return Plan(RECIPE, *where(asked))


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
