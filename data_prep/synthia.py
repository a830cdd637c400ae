"""Prepares SYNTHIA-RAND-CITYSCAPES: writes GT/LABELS/*_labelTrainIds.png beside the release's.

python data_prep/synthia.py data/synthia
"""

import sys
from argparse import Namespace
from dataclasses import replace

from rein.datasets.classes import CLASSES, SYNTHIA_IDS
from rein.datasets.driving import Synthia
from rein.datasets.label_files import RedChannelEncoding
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import Plan, Recipe

LANE_MARKING = 22
IDS = {
    'void': SYNTHIA_IDS,
    'road': {**SYNTHIA_IDS, LANE_MARKING: CLASSES.index('road')},
}


def plan(asked: Namespace) -> Plan:
    """What to do with the release."""
    mend = Synthia.RELEASE.encoding.mend
    layout = replace(Synthia.RELEASE, encoding=RedChannelEncoding(IDS[asked.lane_marking], mend))
    return Plan(Recipe('synthia', layout, Synthia.PREPARED, {'train': {}}), *where(asked))


ARGUMENTS = parser(__doc__)
ARGUMENTS.add_argument(
    '--lane-marking', choices=tuple(IDS), default='void',
    help='what the class 22 becomes: void as in most papers (default), or road',
)  # fmt: skip

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
