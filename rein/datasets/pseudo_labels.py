"""Labels that a model made for images without labels: where they lie, and a data set of them."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from mmseg.registry import DATASETS

from rein.datasets.folder import SegmentationFolder
from rein.datasets.png import encode_labels
from rein.runtime.claims import claim
from rein.runtime.files import replace_file

FOLDER = 'pseudo_labels'
RECORD = 'record.json'
ROUND = 'round.txt'  # says which folder of a store is in use


class LabelStore:
    """A folder of label maps and confidences that a model made.

    ``labels/<key>.png`` holds classes, 255 where there is none; ``confidence/<key>.png`` the share
    of the best class, 0 to 255 for 0 to 1. ``record.json`` says what made them. A label map is
    there only when it is whole, and its confidence with it, so that a stopped run goes on.

    Args:
        folder: of both.
        settings: what decides the labels; plain data.

    Raises:
        ValueError: the folder holds labels of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder = Path(folder)
        mend = 'remove the folder, or write to another one'
        claim(self.folder / RECORD, settings, 'labels', mend)

    def label_file(self, key: str) -> Path:
        """Where the labels of an image lie."""
        return self.folder / 'labels' / f'{key}.png'

    def confidence_file(self, key: str) -> Path:
        """Where the confidences of an image lie."""
        return self.folder / 'confidence' / f'{key}.png'

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of the keys that have no labels yet."""
        return [key for key in keys if not self.label_file(key).is_file()]

    def write(self, key: str, labels: np.ndarray, confidence: np.ndarray) -> None:
        """Write the labels (H, W) uint8 and the confidences (H, W) in [0, 1] of an image."""
        levels = np.rint(confidence * 255).astype(np.uint8)
        replace_file(self.confidence_file(key), encode_labels(levels))
        replace_file(self.label_file(key), encode_labels(labels))


@DATASETS.register_module()
class PseudoLabelled(SegmentationFolder):
    """Images with the labels that ``tools/pseudo_label.py`` or ``PseudoLabelHook`` made of them.

    The labels need not be there when the data set is built, only when they are read. Where the
    hook makes them anew during a training, those of its latest round are read.

    Args:
        data_root: folder of the images and the labels.
        images: folder of the images below it, with any sub-folders.
        labels: folder of the labels below it.
        **kwargs: of ``SegmentationFolder`` but for its masks.
    """

    def __init__(
        self, data_root: str, images: str = 'images', labels: str = FOLDER, **kwargs: object
    ) -> None:
        self.label_folder = Path(data_root, labels)
        super().__init__(data_root=data_root, images=images, masks=None, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        """Data of image ``idx``, with the labels that are there now.

        Raises:
            FileNotFoundError: there are none yet.
        """
        info = super().get_data_info(idx)
        key = image_key(info['img_path'], Path(self.data_root, self.layout.images))
        path = current(self.label_folder) / 'labels' / f'{key}.png'
        if not path.is_file():
            raise FileNotFoundError(
                f'{info["img_path"]} has no labels {path} yet; make them with '
                'tools/pseudo_label.py CONFIG CHECKPOINT IMAGES, or in the training with '
                "custom_hooks=[dict(type='PseudoLabelHook', ...)]"
            )
        return {**info, 'seg_map_path': str(path)}


def image_key(path: str, folder: Path) -> str:
    """Path of an image below its folder, without the ending."""
    return Path(os.path.relpath(path, folder)).with_suffix('').as_posix()


def current(folder: Path) -> Path:
    """The folder in use below a folder that may have labels of several rounds."""
    note = Path(folder, ROUND)
    return Path(folder, note.read_text().strip()) if note.is_file() else Path(folder)
