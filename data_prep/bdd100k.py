"""Checks BDD100K's 10k set, whose masks are train ids already, and lists pairs that lack a part.

python data_prep/bdd100k.py data/bdd100k

The older release (seg/images, seg/labels) is linked into the folders of the newer one; it needs
--out.
"""

import sys
from argparse import Namespace
from dataclasses import replace

from rein.datasets.driving import BDD100K
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import IN_PLACE, Plan, Recipe

OLDER = replace(
    BDD100K.RELEASE,
    images='seg/images/{split}',
    labels='seg/labels/{split}',
    label_endings=('_train_id.png',),
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release, the newer or the older one.

    Raises:
        ValueError: the older release is to be prepared in place.
    """
    release, out, images = where(asked)
    is_older = (release / 'seg').is_dir() and not (release / 'images').is_dir()
    if is_older and images == IN_PLACE:
        raise ValueError(
            f'{release} is the older release of BDD100K (seg/images): give --out, where its files '
            'are linked into the folders of the newer one (images/10k)'
        )
    recipe = Recipe(
        'bdd100k',
        OLDER if is_older else BDD100K.RELEASE,
        BDD100K.PREPARED,
        {split: {'split': split} for split in ('train', 'val', 'test')},
        unlabelled=frozenset({'test'}),
    )
    return Plan(recipe, release, out, images)


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
