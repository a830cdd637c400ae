"""Generated images: sets with a manifest, and the folders of CLOUDS' and DATUM's own scripts."""

import re
from pathlib import Path
from typing import ClassVar

from mmseg.registry import DATASETS

from rein.datasets.classes import TRAIN_IDS
from rein.datasets.driving_dataset import DrivingDataset
from rein.datasets.label_files import LabelEncoding
from rein.datasets.layout import Layout
from rein.generation.manifest import IMAGES, LABEL_ENDING, LABELS, NAME, compare, read_manifest

CHECKS = ('sizes', 'hashes')
_ENCODING = LabelEncoding(TRAIN_IDS, 'Labels of generated images are train ids')
_NUMBER = re.compile(r'im_(\d+)_p\d+$')


def _layout(images: str) -> Layout:
    return Layout(
        images=images,
        image_endings=('.png',),
        labels=LABELS,
        label_endings=(LABEL_ENDING,),
        encoding=_ENCODING,
    )


@DATASETS.register_module()
class GeneratedDataset(DrivingDataset):
    """Images that ``tools/generate.py images`` made, or one of the papers' own scripts.

    A set with a manifest is compared with it and refused if images are missing, too many, or
    others. Images have no labels unless ``labels`` says so.

    Args:
        data_root: folder of the set.
        layout: 'manifest'; or, of folders without one, 'clouds' (``images/im_0_p0.png``, labels
            in ``labels``) or 'datum' (``im_0_p0.png`` in the folder itself).
        labels: 'train_ids' reads labels; None does without.
        check: 'sizes' compares the files' sizes with the manifest, 'hashes' their content, which
            reads every file.
        first: only images numbered below it. Prompts take turns, so they stay balanced.
        **kwargs: of ``DrivingDataset``: ``domain``, ``pipeline``, ...

    Raises:
        FileNotFoundError: there is no manifest, or the set is not finished.
        ValueError: images and manifest do not match.
    """

    DOMAIN = 'generated'
    LAYOUTS: ClassVar[dict] = {'manifest': IMAGES, 'clouds': IMAGES, 'datum': '.'}

    def __init__(
        self,
        data_root: str,
        layout: str = 'manifest',
        labels: str | None = None,
        check: str = 'sizes',
        first: int | None = None,
        **kwargs: object,
    ) -> None:
        self._one_of('layout', layout, tuple(self.LAYOUTS))
        self._one_of('labels', labels, ('train_ids', None))
        self._one_of('check', check, CHECKS)
        self.PREPARED = self.RELEASE = _layout(self.LAYOUTS[layout])
        self.has_manifest, self.check, self.first = layout == 'manifest', check, first
        super().__init__(data_root=data_root, labels=labels, **kwargs)

    def load_data_list(self) -> list[dict]:
        """List the images, in the order of their names, and compare them with the manifest.

        Raises:
            FileNotFoundError: as the class says.
            ValueError: likewise, or no image is numbered below ``first``.
        """
        if self.has_manifest:
            self._compare()
        found = super().load_data_list()
        if self.first is None:
            return found
        kept = [info for info in found if _number(info['img_path']) < self.first]
        if not kept:
            raise ValueError(
                f'first={self.first} leaves none of the {len(found)} images below {self.data_root}'
            )
        return kept

    def _compare(self) -> None:
        try:
            manifest = read_manifest(self.data_root)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}. For a folder of CLOUDS' or DATUM's own scripts set layout='clouds' or "
                "layout='datum'; for any other one use SegmentationFolder"
            ) from error
        if self.labels is not None and not any(line.label for line in manifest.images):
            raise ValueError(
                f'labels={self.labels!r}, but the images of {self.data_root} were made without '
                'labels: leave labels out'
            )
        problems = compare(self.data_root, manifest, hashes=self.check == 'hashes')
        if problems:
            raise ValueError(
                f'{self.data_root} does not match its {NAME}: {"; ".join(problems)}. Copy the set '
                'again, or make what is missing by the command that made it'
            )


def _number(path: str) -> int:
    """Number of an image by its name."""
    found = _NUMBER.match(Path(path).stem)
    if found is None:
        raise ValueError(f'{path} is not named like im_0_p0.png, so `first` cannot choose')
    return int(found[1])
