"""One's own images and masks: two folders, and the classes in the config."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from mmseg.registry import DATASETS

from rein.datasets.classes import CLASSES, IGNORE, PALETTE
from rein.datasets.driving_dataset import DrivingDataset
from rein.datasets.label_files import LabelEncoding
from rein.datasets.layout import IMAGE_ENDINGS, Layout


@DATASETS.register_module()
class SegmentationFolder(DrivingDataset):
    """A folder of images and a folder of masks with the same names.

    Masks are single-channel images whose numbers say the class: the place in ``classes``, or what
    ``ids`` says. 255 is "no class".

    Args:
        data_root: folder of both.
        images: folder of the images below it, with any sub-folders.
        masks: folder of the masks below it, with the same sub-folders; None for images only.
        classes: names; the 19 driving classes by default.
        palette: a colour (red, green, blue) for each class; chosen for you by default.
        ids: number in the masks -> name or number of the class, or 255. All others are errors.
        mask_ending: of the masks' names, in the place of the image's.
        **kwargs: of ``DrivingDataset``: ``domain``, ``split_file``, ``pipeline``, ...
    """

    METAINFO: ClassVar[dict] = {}

    def __init__(
        self,
        data_root: str,
        images: str = 'images',
        masks: str | None = 'masks',
        classes: Sequence[str] = CLASSES,
        palette: Sequence[Sequence[int]] | None = None,
        ids: Mapping[int, str | int] | None = None,
        mask_ending: str = '.png',
        **kwargs: object,
    ) -> None:
        self.PREPARED = self.RELEASE = Layout(
            images=images,
            image_endings=IMAGE_ENDINGS,
            labels=masks or '',
            label_endings=(mask_ending,),
            encoding=LabelEncoding(_numbers(ids, list(classes)), _MEND),
        )
        metainfo = dict(classes=tuple(classes))
        if palette is not None:
            metainfo['palette'] = tuple(tuple(colour) for colour in palette)
        elif tuple(classes) == CLASSES:
            metainfo['palette'] = PALETTE
        kwargs.setdefault('domain', Path(data_root).resolve().name)
        labels = None if masks is None else 'train_ids'
        super().__init__(data_root=data_root, labels=labels, metainfo=metainfo, **kwargs)


_MEND = "The data set's `classes` gives names to 0, 1, ...; its `ids` maps any other numbers"


def _numbers(ids: Mapping[int, str | int] | None, classes: list[str]) -> dict[int, int]:
    """Class number for each number in the masks."""
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f'classes {classes} must be at least one name, each of them once')
    if ids is None:
        return {**{k: k for k in range(len(classes))}, IGNORE: IGNORE}
    known = {**{name: k for k, name in enumerate(classes)}, IGNORE: IGNORE}
    known |= {k: k for k in range(len(classes))}
    unknown = [v for v in ids.values() if v not in known]
    if unknown:
        raise ValueError(
            f'ids name {unknown}, which are not among the classes {classes}, their numbers, or '
            f'{IGNORE} for no class'
        )
    return {int(number): known[label] for number, label in ids.items()}
