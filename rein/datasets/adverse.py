"""Data sets of adverse conditions: fog, night, rain, snow, and what cameras do to images."""

from collections.abc import Sequence
from dataclasses import replace

from mmseg.registry import DATASETS

from rein.datasets.classes import CORRUPTIONS, LEVELS
from rein.datasets.driving import SHIPPED, Cityscapes
from rein.datasets.driving_dataset import DrivingDataset
from rein.datasets.layout import Layout


@DATASETS.register_module()
class ACDC(DrivingDataset):
    """ACDC: fog, night, rain and snow; 1,600 train, 406 val, 2,000 test images, 1920x1080.

    The test split has no labels: ``labels=None``. The clear-weather twins are splits of their own
    (``split='val_ref'``), without labels too. ``domain='acdc-{condition}'`` makes each condition a
    domain of its own.

    Args:
        conditions: which of the four to use.
        **kwargs: of ``DrivingDataset``.
    """

    DOMAIN = 'acdc'
    CONDITIONS = ('fog', 'night', 'rain', 'snow')
    PREPARED = RELEASE = Layout(
        images='rgb_anon/{condition}/{split}',
        image_endings=('_rgb_anon.png', '_rgb_ref_anon.png'),
        labels='gt/{condition}/{split}',
        label_endings=('_gt_labelTrainIds.png',),
        encoding=SHIPPED,
    )

    def __init__(self, conditions: Sequence[str] = CONDITIONS, **kwargs: object) -> None:
        unknown = [name for name in conditions if name not in self.CONDITIONS]
        if unknown or not conditions:
            raise ValueError(f'conditions {list(conditions)} are not some of {self.CONDITIONS}')
        self.conditions = tuple(conditions)
        super().__init__(**kwargs)

    def parts(self) -> dict[str, dict[str, str]]:
        """One part for each condition; keys begin with its name."""
        return {f'{c}/': {'split': self.split, 'condition': c} for c in self.conditions}


@DATASETS.register_module()
class DarkZurich(DrivingDataset):
    """Dark Zurich: 50 labelled val images at night, 1920x1080.

    The 2,416 images of the train split at night have no labels: ``labels=None``.
    """

    DOMAIN = 'dark-zurich'
    PREPARED = RELEASE = Layout(
        images='rgb_anon/{split}/night',
        image_endings=('_rgb_anon.png',),
        labels='gt/{split}/night',
        label_endings=('_gt_labelTrainIds.png',),
        encoding=SHIPPED,
    )


@DATASETS.register_module()
class CityscapesC(DrivingDataset):
    """Cityscapes-C: Cityscapes val under corruptions, as ``data_prep/cityscapes_c.py`` writes it.

    Args:
        corruptions: which of the sixteen to use.
        levels: which of the five severities.
        domain: name of the domains, with ``{corruption}`` and ``{level}`` to tell them apart.
        **kwargs: of ``DrivingDataset``.

    Source: Hendrycks & Dietterich, ICLR 2019 (arXiv:1903.12261), on Cityscapes as by Kamann &
    Rother, CVPR 2020 (arXiv:1908.05005).
    """

    DOMAIN = 'cityscapes-c/{corruption}-{level}'
    PREPARED = RELEASE = replace(
        Cityscapes.PREPARED, images='leftImg8bit/{corruption}/{level}/{split}'
    )

    def __init__(
        self,
        corruptions: Sequence[str] = CORRUPTIONS,
        levels: Sequence[int] = LEVELS,
        **kwargs: object,
    ) -> None:
        for key, given, known in (
            ('corruptions', corruptions, CORRUPTIONS),
            ('levels', levels, LEVELS),
        ):
            unknown = [each for each in given if each not in known]
            if unknown or not given:
                raise ValueError(f'CityscapesC: {key} {list(given)} are not some of {list(known)}')
        self.corruptions = tuple(corruptions)
        self.levels = tuple(levels)
        super().__init__(**kwargs)

    def parts(self) -> dict[str, dict[str, str]]:
        """One part for each corruption and level; keys begin with them."""
        return {
            f'{corruption}/{level}/': {
                'split': self.split,
                'corruption': corruption,
                'level': str(level),
            }
            for corruption in self.corruptions
            for level in self.levels
        }
