"""The driving data sets: where each keeps its files and what its label numbers mean.

The layouts are those of the releases; ``docs/datasets.md`` shows them as trees.
"""

from collections.abc import Sequence
from dataclasses import replace

from mmseg.registry import DATASETS

from rein.datasets.classes import (
    CAMVID_IDS,
    CITYSCAPES_IDS,
    GTA5_IDS,
    SYNTHIA_IDS,
    TRAIN_IDS,
    URBANSYN_IDS,
)
from rein.datasets.driving_dataset import DrivingDataset
from rein.datasets.label_files import LabelEncoding, RedChannelEncoding
from rein.datasets.layout import Layout
from rein.datasets.mapillary_classes import MAPILLARY_IDS

_TRAIN_IDS = LabelEncoding(
    TRAIN_IDS, "If these are the numbers of the release, set the data set's labels='release'"
)
_SHIPPED = LabelEncoding(TRAIN_IDS, 'The release holds train ids: take its file again')
_MADE = '_labelTrainIds.png'  # what prepared labels are called


def _released(ids: dict[int, int], kind: type[LabelEncoding] = LabelEncoding) -> LabelEncoding:
    return kind(ids, "If these are train ids already, set the data set's labels='train_ids'")


@DATASETS.register_module()
class GTA5(DrivingDataset):
    """GTA5 (Playing for Data): 24,966 frames of a game, 1914x1052. It has no splits."""

    DOMAIN = 'gta5'
    PREPARED = Layout('images', ('.png',), 'labels', (_MADE,), _TRAIN_IDS)
    RELEASE = replace(
        PREPARED, label_endings=('.png',), not_labels=(_MADE,), encoding=_released(GTA5_IDS)
    )


@DATASETS.register_module()
class Synthia(DrivingDataset):
    """SYNTHIA-RAND-CITYSCAPES: 9,400 rendered views, 1280x760. It has no splits."""

    DOMAIN = 'synthia'
    PREPARED = Layout('RGB', ('.png',), 'GT/LABELS', (_MADE,), _TRAIN_IDS)
    RELEASE = replace(
        PREPARED,
        label_endings=('.png',),
        not_labels=(_MADE,),
        encoding=_released(SYNTHIA_IDS, RedChannelEncoding),
    )


@DATASETS.register_module()
class UrbanSyn(DrivingDataset):
    """UrbanSyn: 7,539 rendered views, 2048x1024. It has no splits."""

    DOMAIN = 'urbansyn'
    PREPARED = Layout('rgb', ('.png',), 'ss', ('.png',), _TRAIN_IDS, 'rgb_', 'ss_')
    RELEASE = replace(PREPARED, encoding=_released(URBANSYN_IDS))


@DATASETS.register_module()
class Cityscapes(DrivingDataset):
    """Cityscapes: 2,975 train, 500 val and 1,525 test images (without labels), 2048x1024."""

    DOMAIN = 'cityscapes'
    PREPARED = Layout(
        images='leftImg8bit/{split}',
        image_endings=('_leftImg8bit.png', '_leftImg8bit.jpg'),
        labels='gtFine/{split}',
        label_endings=('_gtFine_labelTrainIds.png',),
        encoding=_TRAIN_IDS,
    )
    RELEASE = replace(
        PREPARED, label_endings=('_gtFine_labelIds.png',), encoding=_released(CITYSCAPES_IDS)
    )


@DATASETS.register_module()
class CamVid(DrivingDataset):
    """CamVid in 11 of the 19 classes, 480x360; score it with ``merge='camvid11'``.

    ``labels='train_ids'`` reads the layout of Cityscapes, ``'release'`` that of the SegNet
    tutorial (``train``, ``trainannot``, ...).
    """

    DOMAIN = 'camvid'
    PREPARED = Cityscapes.PREPARED
    RELEASE = Layout('{split}', ('.png',), '{split}annot', ('.png',), _released(CAMVID_IDS))


@DATASETS.register_module()
class BDD100K(DrivingDataset):
    """BDD100K's 10k set: 7,000 train and 1,000 val images, 1280x720; its masks are train ids.

    The release lacks a few masks and a few images; ``unpaired='skip'`` leaves those out.
    """

    DOMAIN = 'bdd100k'
    PREPARED = RELEASE = Layout(
        images='images/10k/{split}',
        image_endings=('.jpg',),
        labels='labels/sem_seg/masks/{split}',
        label_endings=('.png',),
        encoding=_SHIPPED,
    )


@DATASETS.register_module()
class Mapillary(DrivingDataset):
    """Mapillary Vistas v1.2: 18,000 train and 2,000 val images of many sizes.

    ``labels='train_ids'`` reads copies of half the size (``half/val_img``, ``half/val_label``),
    ``'release'`` the files of the release (``validation/v1.2/labels``).
    """

    DOMAIN = 'mapillary'
    PREPARED = Layout(
        images='half/{split}_img',
        image_endings=('.jpg', '.png'),
        labels='half/{split}_label',
        label_endings=('.png', _MADE),
        encoding=_TRAIN_IDS,
    )
    RELEASE = Layout(
        images='{folder}/images',
        image_endings=('.jpg',),
        labels='{folder}/v1.2/labels',
        label_endings=('.png',),
        encoding=LabelEncoding(
            MAPILLARY_IDS,
            'Numbers above 65 are those of v2.0, which is another list: take the v1.2 labels; for '
            "train ids, set the data set's labels='train_ids'",
        ),
    )

    def parts(self) -> dict[str, dict[str, str]]:
        """Fill in the split and the release's name for it."""
        names = {'train': 'training', 'val': 'validation', 'test': 'testing'}
        return {'': {'split': self.split, 'folder': names.get(self.split, self.split)}}


@DATASETS.register_module()
class ACDC(DrivingDataset):
    """ACDC: fog, night, rain and snow; 1,600 train, 406 val, 2,000 test images, 1920x1080.

    The test split has no labels: ``labels=None``. The clear-weather twins (``*_ref``) are left
    out. ``domain='acdc-{condition}'`` makes each condition a domain of its own.

    Args:
        conditions: which of the four to use.
        **kwargs: of ``DrivingDataset``.
    """

    DOMAIN = 'acdc'
    CONDITIONS = ('fog', 'night', 'rain', 'snow')
    PREPARED = RELEASE = Layout(
        images='rgb_anon/{condition}/{split}',
        image_endings=('_rgb_anon.png',),
        labels='gt/{condition}/{split}',
        label_endings=('_gt_labelTrainIds.png',),
        encoding=_SHIPPED,
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
    """Dark Zurich: 50 labelled val images at night, 1920x1080."""

    DOMAIN = 'dark-zurich'
    PREPARED = RELEASE = Layout(
        images='rgb_anon/{split}/night',
        image_endings=('_rgb_anon.png',),
        labels='gt/{split}/night',
        label_endings=('_gt_labelTrainIds.png',),
        encoding=_SHIPPED,
    )
