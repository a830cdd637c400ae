"""Prepares Mapillary Vistas, v1.2 or v2.0: labels by the names in the release's config file.

python data_prep/mapillary.py data/mapillary

By default it writes image and label of half the size (half/<split>_img, half/<split>_label), which
is what Rein's published runs are tested on; --size full writes <training|validation>/train_ids.
"""

import sys
from argparse import Namespace
from dataclasses import replace

from rein.datasets.driving import Mapillary
from rein.datasets.mapillary_classes import GROUPINGS
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.mapillary import PARTS, VERSIONS, recipe
from rein.datasets.preparation.recipe import HALF, Plan

HALVES = replace(  # below half/
    Mapillary.SIZES['half'], images='{split}_img', labels='{split}_label', image_endings=('.jpg',)
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    release, out, images = where(asked)
    prepared = Mapillary.SIZES['full']
    if asked.size == 'half':
        prepared, out, images = HALVES, out / 'half', HALF
    made = recipe(release, asked.version, asked.grouping, prepared)
    return Plan(replace(made, parts={k: PARTS[k] for k in asked.splits}), release, out, images)


ARGUMENTS = parser(__doc__)
ARGUMENTS.add_argument('--size', choices=tuple(Mapillary.SIZES), default='half')
ARGUMENTS.add_argument(
    '--version', choices=VERSIONS, default='1.2', help='papers use 1.2, the default'
)
ARGUMENTS.add_argument(
    '--grouping', choices=tuple(GROUPINGS), default='rein',
    help='which labels make up a class; docs/protocols.md says which paper takes which',
)  # fmt: skip
ARGUMENTS.add_argument(
    '--splits', nargs='+', choices=tuple(PARTS), default=list(PARTS), metavar='SPLIT',
    help='train, val and test by default, as far as they are there',
)  # fmt: skip

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
