"""Prepares CamVid of the SegNet tutorial: OUT/day and OUT/dusk in the layout of Cityscapes.

python data_prep/camvid.py downloads/CamVid --out data/camvid

Sequence 0001TP was taken at dusk, the others by day. Its first thirty training frames stay for
training, the other 32 are val; the day keeps the published splits. Images are linked.
"""

import re
import sys
from argparse import Namespace
from dataclasses import dataclass

from rein.datasets.driving import CamVid
from rein.datasets.preparation.command import main, parser, where
from rein.datasets.preparation.recipe import IN_PLACE, Plan, Recipe, Target

DUSK = '0001TP'
FIRST_VAL_FRAME = 7590  # of the dusk's training sequence


@dataclass(frozen=True)
class CamVidRecipe(Recipe):
    """Sorts the frames by light and sequence."""

    def target(self, part: str, key: str) -> Target:
        """Where a frame such as ``0001TP_006690`` or ``0016E5_00390`` goes.

        Raises:
            ValueError: the name is not that of a sequence and a frame.
        """
        match = re.fullmatch(r'(\w+?)_f?(\d+)', key)
        if match is None:
            raise ValueError(f'{key} is not called <sequence>_<frame>, as frames of CamVid are')
        sequence, frame = match[1], int(match[2])
        split = part
        if sequence == DUSK and part == 'train' and frame >= FIRST_VAL_FRAME:
            split = 'val'
        name = f'{sequence}/{sequence}_{frame:06d}'
        return Target('dusk' if sequence == DUSK else 'day', {'split': split}, name)

    def is_training(self, part: str, label: str) -> bool:
        """By where a label goes: some frames of the release's training are val here."""
        return '/gtFine/train/' in label


RECIPE = CamVidRecipe(
    'camvid',
    CamVid.RELEASE,
    CamVid.PREPARED,
    {split: {'split': split} for split in ('train', 'val', 'test')},
)


def plan(asked: Namespace) -> Plan:
    """What to do with the release.

    Raises:
        ValueError: there is no --out.
    """
    release, out, images = where(asked)
    if images == IN_PLACE:
        raise ValueError('CamVid is laid out anew, by day and dusk: give another folder as --out')
    return Plan(RECIPE, release, out, images)


ARGUMENTS = parser(__doc__)

if __name__ == '__main__':
    sys.exit(main(ARGUMENTS, plan))
