"""One image and its label: looked at, translated, written."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rein.datasets.label_files import UNREADABLE, broken, histogram, read_bytes
from rein.datasets.png import encode_labels
from rein.datasets.preparation.images import place, upright_size
from rein.datasets.preparation.listing import Task, below
from rein.datasets.preparation.recipe import COPY, HALF, LINK, Plan
from rein.datasets.preparation.records import READY, SKIPPED, Record
from rein.runtime.files import replace_file

JPEG_QUALITY = 75  # of halved images, as in Rein's published runs


class SizesDiffer(ValueError):
    """Image and label do not lie on one grid of pixels."""


class Converter:
    """Prepares one image and its label; it travels to the worker processes.

    Args:
        plan: of the whole.
        writes: False only looks, and writes nothing.
        replaces: whether to write over files that are there and differ.
        defects: outcome of files that are damaged or hold what they should not.
    """

    def __init__(self, plan: Plan, *, writes: bool, replaces: bool, defects: str) -> None:
        self.plan = plan
        self.writes = writes
        self.defects = defects
        self.replaces = replaces

    def __call__(self, task_and_known: tuple[Task, Record | None]) -> Record:
        """Prepare a task; what an earlier run is known to have done is not done again.

        Returns:
            Its record: ready, or left out for sizes that differ, or what ``defects`` says.
        """
        task, known = task_and_known
        try:
            return self._prepare(task, known)
        except SizesDiffer as error:
            return self._failed(task, SKIPPED, error)
        except (ValueError, FileNotFoundError, FileExistsError) as error:
            return self._failed(task, self.defects, error)

    def _failed(self, task: Task, outcome: str, error: Exception) -> Record:
        """Record of a defect; its reason names paths below the root, so it is the same anywhere."""
        paths = below(self.plan.release, task.image), below(self.plan.release, task.label)
        reason = str(error)
        for root in (self.plan.release, self.plan.out):
            reason = reason.replace(f'{root}{os.sep}', '')
        return Record(task.key, task.part, *paths, outcome, reason)

    def _prepare(self, task: Task, known: Record | None) -> Record:
        size, turned = upright_size(task.image)
        image = below(self.plan.out, task.image_target or task.image)
        if task.label is None:
            self._place(task.image, task.image_target)
            return Record(task.key, task.part, image, '', READY, size=size)
        data = read_bytes(task.label, 'label')
        source = hashlib.sha256(data).hexdigest()
        if known is not None and known.source == source and self._stands(task, known, size):
            return known
        labels = self.plan.recipe.release.encoding.decode(data, task.label)
        _compare(task, size, _size(labels), turned=turned)
        if self.plan.images == HALF:
            labels = self._halve(task, labels)
        else:
            self._place(task.image, task.image_target)
        written, counts = self._write(task, labels), histogram(labels)
        return Record(
            task.key,
            task.part,
            image,
            below(self.plan.out, task.label_target or task.label),
            READY,
            size=_size(labels),
            pixels=tuple((int(k), int(counts[k])) for k in np.flatnonzero(counts)),
            source=source,
            written=written,
        )

    def _stands(self, task: Task, known: Record, size: tuple[int, int]) -> bool:
        """Whether what an earlier run wrote is still there, and fits the image."""
        if known.outcome != READY or (self.plan.images != HALF and known.size != size):
            return False
        if task.image_target is not None and not task.image_target.is_file():
            return False
        label = task.label_target
        return label is None or (label.is_file() and label.stat().st_size == known.written)

    def _place(self, source: str, target: Path | None) -> None:
        if target is not None and self.writes:
            place(source, target, LINK if self.plan.images == LINK else COPY, self.replaces)

    def _write(self, task: Task, labels: np.ndarray) -> int:
        """Write the labels where they go; returns the size of the file."""
        if task.label_target is None:
            return 0
        if not self.plan.recipe.translates and self.plan.images != HALF:
            self._place(task.label, task.label_target)
            return Path(task.label).stat().st_size
        data = encode_labels(labels)
        if not self.writes:
            return len(data)
        target = task.label_target
        if target.exists() and not self.replaces:
            return _accept(target, labels)
        replace_file(target, data)
        return len(data)

    def _halve(self, task: Task, labels: np.ndarray) -> np.ndarray:
        """Write the image at half its size; returns the labels at that size."""
        width, height = (side // 2 for side in _size(labels))
        if not width or not height:
            raise ValueError(f'label {task.label} is too small to halve')
        nearest = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
        if self.writes and not task.image_target.is_file():
            replace_file(task.image_target, _half_image(task.image, (width, height)))
        return np.asarray(nearest)


def _size(labels: np.ndarray) -> tuple[int, int]:
    return labels.shape[1], labels.shape[0]


def _compare(task: Task, image: tuple[int, int], label: tuple[int, int], *, turned: bool) -> None:
    if image == label:
        return
    why = ''
    if turned and image == label[::-1]:
        why = ' (the image is turned by its EXIF data, the label is not)'
    raise SizesDiffer(
        f'image {task.image} is {image[0]}x{image[1]} but its label {task.label} is '
        f'{label[0]}x{label[1]}{why}'
    )


def _accept(target: Path, labels: np.ndarray) -> int:
    """Keep a file that is there already if it holds the same labels; returns its size."""
    data = target.read_bytes()
    try:
        with Image.open(io.BytesIO(data)) as file:
            there = np.asarray(file)
    except UNREADABLE as error:
        raise broken(str(target), 'label', error) from error
    if there.shape == labels.shape and (there == labels).all():
        return len(data)
    raise FileExistsError(
        f'{target} is there already and holds other labels: remove it, or write over it and its '
        'like with --replace'
    )


def _half_image(path: str, size: tuple[int, int]) -> bytes:
    """Image of a size as JPEG, upright."""
    buffer = io.BytesIO()
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert('RGB')
            image.resize(size, Image.Resampling.BICUBIC).save(buffer, 'JPEG', quality=JPEG_QUALITY)
    except UNREADABLE as error:
        raise broken(path, 'image', error) from error
    return buffer.getvalue()
