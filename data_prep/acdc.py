"""Checks ACDC, whose labels are train ids already; the *_ref twins stay parts of their own.

python data_prep/acdc.py data/acdc
"""

import sys
from argparse import Namespace

from rein.datasets.adverse import ACDC
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

SPLITS = ('train', 'val', 'test', 'train_ref', 'val_ref', 'test_ref')
PARTS = {
    f'{split}/{condition}': {'split': split, 'condition': condition}
    for split in SPLITS
    for condition in ACDC.CONDITIONS
}
RECIPE = Recipe(
    'acdc',
    ACDC.RELEASE,
    ACDC.PREPARED,
    PARTS,
    unlabelled=frozenset(p for p in PARTS if p.split('/')[0] not in ('train', 'val')),
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    return Plan(RECIPE, *where(asked))


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
