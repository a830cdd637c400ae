"""The driving data sets: where each keeps its files and what its label numbers mean.

The layouts are those of the releases; ``docs/datasets/`` shows them as trees.
"""

from dataclasses import replace
from typing import ClassVar

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
from rein.datasets.splits import SplitByName

_TRAIN_IDS = LabelEncoding(
    TRAIN_IDS, "If these are the numbers of the release, set the data set's labels='release'"
)
SHIPPED = LabelEncoding(TRAIN_IDS, 'The release holds train ids: take its file again')
_MADE = '_labelTrainIds.png'  # what prepared labels are called
RELEASED = {'train': 'training', 'val': 'validation', 'test': 'testing'}  # Mapillary's splits


def _released(ids: dict[int, int], kind: type[LabelEncoding] = LabelEncoding) -> LabelEncoding:
    return kind(ids, "If these are train ids already, set the data set's labels='train_ids'")


@DATASETS.register_module()
class GTA5(SplitByName):
    """GTA5 (Playing for Data): 24,966 frames of a game, 1914x1052; its splits are of papers."""

    SOURCE = 'GTA5'
    DOMAIN = 'gta5'
    PREPARED = Layout('images', ('.png',), 'labels', (_MADE,), _TRAIN_IDS)
    RELEASE = replace(
        PREPARED, label_endings=('.png',), not_labels=(_MADE,), encoding=_released(GTA5_IDS)
    )


@DATASETS.register_module()
class Synthia(SplitByName):
    """SYNTHIA-RAND-CITYSCAPES: 9,400 rendered views, 1280x760; its splits are of papers."""

    SOURCE = 'Synthia'
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
    PREPARED = Layout('rgb', ('.png',), 'ss', (_MADE,), _TRAIN_IDS, 'rgb_', 'ss_')
    RELEASE = replace(
        PREPARED, label_endings=('.png',), not_labels=(_MADE,), encoding=_released(URBANSYN_IDS)
    )


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
        encoding=SHIPPED,
    )


@DATASETS.register_module()
class Mapillary(DrivingDataset):
    """Mapillary Vistas: 18,000 train and 2,000 val images of many sizes.

    ``labels='train_ids'`` reads what ``data_prep/mapillary.py`` wrote, ``'release'`` the label
    files of v1.2 in their full size.

    Args:
        size: of prepared files: ``'half'`` (``half/val_img``, ``half/val_label``, as in Rein's
            published runs) or ``'full'`` (``validation/images``, ``validation/train_ids``).
        grouping: of the release's labels into classes: ``'rein'`` or ``'robustnet'``.
        **kwargs: of ``DrivingDataset``.
    """

    DOMAIN = 'mapillary'
    SIZES: ClassVar[dict[str, Layout]] = {
        'half': Layout(
            images='half/{split}_img',
            image_endings=('.jpg', '.png'),
            labels='half/{split}_label',
            label_endings=('.png', _MADE),
            encoding=_TRAIN_IDS,
        ),
        'full': Layout(
            images='{folder}/images',
            image_endings=('.jpg',),
            labels='{folder}/train_ids',
            label_endings=('.png',),
            encoding=_TRAIN_IDS,
        ),
    }
    GROUPINGS: ClassVar[dict[str, Layout]] = {
        grouping: Layout(
            images='{folder}/images',
            image_endings=('.jpg',),
            labels='{folder}/v1.2/labels',
            label_endings=('.png',),
            encoding=LabelEncoding(
                ids,
                'Numbers above 65 are those of v2.0, which is another list: take the v1.2 labels; '
                "for train ids, set the data set's labels='train_ids'",
            ),
        )
        for grouping, ids in MAPILLARY_IDS.items()
    }
    PREPARED = SIZES['half']
    RELEASE = GROUPINGS['rein']

    def __init__(self, size: str = 'half', grouping: str = 'rein', **kwargs: object) -> None:
        self._one_of('size', size, tuple(self.SIZES))
        self._one_of('grouping', grouping, tuple(self.GROUPINGS))
        self.PREPARED = self.SIZES[size]
        self.RELEASE = self.GROUPINGS[grouping]
        super().__init__(**kwargs)

    def parts(self) -> dict[str, dict[str, str]]:
        """Fill in the split and the release's name for it."""
        return {'': {'split': self.split, 'folder': RELEASED.get(self.split, self.split)}}
