"""What all driving data sets share: folders -> pairs of image and label of one domain."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from mmengine.logging import MMLogger
from mmseg.datasets import BaseSegDataset

from rein.datasets.classes import CLASSES, PALETTE
from rein.datasets.layout import Layout, choose, pair
from rein.datasets.preparation.manifest import left_out


class DrivingDataset(BaseSegDataset):
    """Images and labels in the 19 classes, each image with the name of its domain.

    Args:
        data_root: folder of the data set, relative to the current folder.
        split: part of the data set, where it is published in parts.
        labels: 'train_ids' (files that hold train ids, as prepared), 'release' (the files of the
            release, translated while reading), or None for images without labels.
        domain: name that the results are grouped under; the set's own name by default.
        split_file: images to use: a text file that lists them, one a line (relative to
            ``data_root`` or the current folder), or the list itself. All images by default.
        unpaired: what to do about images without label and labels without image: 'error' or
            'skip'.
        pipeline: transforms; see MMSegmentation's ``BaseSegDataset``.
        **kwargs: its other arguments, such as ``test_mode`` and ``indices``.
    """

    METAINFO: ClassVar[dict] = dict(classes=CLASSES, palette=PALETTE)
    DOMAIN = ''
    PREPARED: Layout
    RELEASE: Layout

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        labels: str | None = 'train_ids',
        domain: str | None = None,
        split_file: str | Sequence[str] | None = None,
        unpaired: str = 'error',
        pipeline: Sequence[dict] = (),
        **kwargs: object,
    ) -> None:
        self._one_of('labels', labels, ('train_ids', 'release', None))
        self._one_of('unpaired', unpaired, ('error', 'skip'))
        self.split = split
        self.labels = labels
        self.layout = self.RELEASE if labels == 'release' else self.PREPARED
        self.domain = self.DOMAIN if domain is None else domain
        self.split_file = split_file
        self.unpaired = unpaired
        super().__init__(data_root=str(data_root), data_prefix={}, pipeline=pipeline, **kwargs)

    def parts(self) -> dict[str, dict[str, str]]:
        """Names to fill into the layout's folders, by the beginning of the keys of that part."""
        return {'': {'split': self.split}}

    def load_data_list(self) -> list[dict]:
        """List the images with their labels and domains, in the order of their keys.

        Raises:
            FileNotFoundError: a folder is missing, or an image or a label has no partner.
            ValueError: there are no images, or ``split_file`` lists others.
        """
        images, labels, domains = {}, {}, {}
        for start, names in self.parts().items():
            found = self.layout.find_images(self.data_root, names)
            images |= {start + key: path for key, path in found.items()}
            domains |= dict.fromkeys((start + key for key in found), self._domain(names))
            if self.labels is not None:
                found = self.layout.find_labels(self.data_root, names)
                labels |= {start + key: path for key, path in found.items()}
        out = self._left_out(images, labels)
        labels = {key: path for key, path in labels.items() if key not in out}
        images = {key: images[key] for key in sorted(images.keys() - out)}
        images = self._chosen(images, out)
        if not images:
            endings = ' or '.join(f'*{e}' for e in self.layout.image_endings)
            raise ValueError(
                f'{type(self).__name__}: no {self.layout.image_prefix}{endings} below '
                f'{", ".join(self._image_folders())}; docs/datasets.md has the layout'
            )
        if self.split_file is not None:
            labels = {key: path for key, path in labels.items() if key in images}
        if self.labels is None:
            return [self._info(path, None, domains[key]) for key, path in images.items()]
        pairs = pair(images, labels, self.unpaired, self._mend())
        return [self._info(*paths, domains[key]) for key, paths in pairs.items()]

    def _left_out(self, images: dict[str, str], labels: dict[str, str]) -> set[str]:
        """Keys of what the preparation of the data set left out, if there was one."""
        out = left_out(self.data_root, prepared=self.labels == 'train_ids')
        paths = out.pairs if self.labels is None else out.pairs | out.alone
        if not paths:
            return set()
        found = {
            key
            for files in (images, labels)
            for key, path in files.items()
            if Path(os.path.relpath(path, self.data_root)).as_posix() in paths
        }
        MMLogger.get_current_instance().info(
            f'{self.data_root}: {len(found)} images are left out, as its preparation says'
        )
        return found

    def _one_of(self, key: str, value: object, allowed: Sequence[object]) -> None:
        if value not in allowed:
            choices = ', '.join(repr(a) for a in allowed)
            raise ValueError(f'{type(self).__name__}: {key}={value!r} is none of {choices}')

    def get_data_info(self, idx: int) -> dict:
        """Data of image ``idx``, with what the numbers of its label mean."""
        info = super().get_data_info(idx)
        info['label_encoding'] = self.layout.encoding
        return info

    def _domain(self, names: dict[str, str]) -> str:
        """Name of the domain of a part of the data set."""
        try:
            return self.domain.format(**names)
        except (KeyError, IndexError, ValueError) as error:
            allowed = ', '.join(f'{{{name}}}' for name in names)
            raise ValueError(
                f'domain {self.domain!r} may hold {allowed} in braces, nothing else'
            ) from error

    def _info(self, image: str, label: str | None, domain: str) -> dict:
        info = dict(
            img_path=image,
            domain=domain,
            label_map=self.label_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
        )
        return info if label is None else {**info, 'seg_map_path': label}

    def _image_folders(self) -> list[str]:
        names = self.parts().values()
        return [str(Path(self.data_root, self.layout.images.format(**n))) for n in names]

    def _chosen(self, images: dict[str, str], out: set[str]) -> dict[str, str]:
        """Images that ``split_file`` lists, but for those left out; all without it."""
        if self.split_file is None:
            return images
        if not isinstance(self.split_file, str):
            lines, source = list(self.split_file), 'split_file'
        else:
            path = Path(self.data_root, self.split_file)
            path = path if path.is_file() else Path(self.split_file)
            if not path.is_file():
                raise FileNotFoundError(
                    f'there is no split_file {self.split_file}, neither below {self.data_root} '
                    'nor below the current folder'
                )
            lines, source = path.read_text().splitlines(), f'split_file {path}'
        names = [line.strip() for line in lines if line.strip()]
        keys = [self.layout.key_of(name) for name in names]
        return choose(images, (key for key in keys if key not in out), source)

    def _mend(self) -> str:
        """Where labels may be when those asked for are not there."""
        label = f'*{self.layout.label_endings[0]} in {self.data_root}/{self.layout.labels}'
        hint = ''
        if self.PREPARED != self.RELEASE:
            hint = {
                'train_ids': ": make them with data_prep, or set labels='release' to read the "
                "release's own files",
                'release': ": if they are prepared already, set labels='train_ids'",
            }[self.labels]
        return f'{type(self).__name__} looks for labels {label}{hint}.'
