"""Prepares GTA5 (Playing for Data): writes labels/*_labelTrainIds.png beside the release's labels.

python data_prep/gta5.py data/gta
"""

import sys
from argparse import Namespace

from rein.datasets.driving import GTA5
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

RECIPE = Recipe('gta5', GTA5.RELEASE, GTA5.PREPARED, {'train': {}})


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    return Plan(RECIPE, *where(asked))


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
