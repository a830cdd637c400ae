"""Prepares UrbanSyn: writes ss/*_labelTrainIds.png, with 255 for no class, beside the release's.

python data_prep/urbansyn.py data/urbansyn
"""

import sys
from argparse import Namespace

from rein.datasets.driving import UrbanSyn
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

RECIPE = Recipe('urbansyn', UrbanSyn.RELEASE, UrbanSyn.PREPARED, {'train': {}})


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    return Plan(RECIPE, *where(asked))


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
