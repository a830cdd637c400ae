"""One image and its label: looked at, translated, written."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from rein.datasets.label_files import UNREADABLE, broken, histogram, read_bytes
from rein.datasets.png import encode_labels
from rein.datasets.preparation.images import Look, is_placed, look_at, place
from rein.datasets.preparation.listing import Task, below
from rein.datasets.preparation.recipe import HALF, Plan
from rein.datasets.preparation.records import READY, REFUSED, SKIPPED, Record
from rein.runtime.files import PART, replace_file

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
        except FileExistsError as error:
            return self._failed(task, REFUSED, error)
        except ValueError as error:
            return self._failed(task, self.defects, error)

    def _failed(self, task: Task, outcome: str, error: Exception) -> Record:
        """Record of a defect; its reason names paths below the root, so it is the same anywhere."""
        release, out = self.plan.release, self.plan.out
        sources = [(str(path), below(release, path)) for path in (task.image, task.label) if path]
        targets = [
            (str(path), below(out, path)) for path in (task.image_target, task.label_target) if path
        ]
        reason = str(error)
        for path, name in targets + sources:
            reason = reason.replace(path, name)
        paths = below(release, task.image), below(release, task.label)
        return Record(task.key, task.part, *paths, outcome, reason)

    def _prepare(self, task: Task, known: Record | None) -> Record:
        seen = look_at(task.image)
        image = below(self.plan.out, task.image_target or task.image)
        if task.label is None:
            self._place(task.image, task.image_target)
            return Record(task.key, task.part, image, '', READY, '', seen.size, seen.mark)
        data = _read_label(task.label)
        source = hashlib.sha256(data).hexdigest()
        if (
            known is not None
            and (known.source, known.mark) == (source, seen.mark)
            and self._stands(task, known)
        ):
            return known
        labels = self.plan.recipe.release.encoding.decode(data, task.label)
        _compare(task, seen, _size(labels))
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
            mark=seen.mark,
            pixels=tuple((int(k), int(counts[k])) for k in np.flatnonzero(counts)),
            source=source,
            written=written,
        )

    def _stands(self, task: Task, known: Record) -> bool:
        """Whether what an earlier run wrote of the same files is still there."""
        if known.outcome != READY:
            return False
        image, label = task.image_target, task.label_target
        if image is not None and self.plan.images == HALF:
            image_stands = image.is_file()
        else:
            image_stands = image is None or is_placed(task.image, image, self.plan.images)
        return image_stands and (
            label is None or (label.is_file() and label.stat().st_size == known.written)
        )

    def _place(self, source: str, target: Path | None) -> None:
        if target is not None:
            place(source, target, self.plan.images, replaces=self.replaces, writes=self.writes)

    def _write(self, task: Task, labels: np.ndarray) -> int:
        """Write the labels where they go; returns the size of the file."""
        if task.label_target is None:
            return 0
        if not self.plan.recipe.translates and self.plan.images != HALF:
            self._place(task.label, task.label_target)
            return os.path.getsize(task.label)
        data = encode_labels(labels)
        return self._put(task.label_target, data, lambda there: _same_labels(there, labels))

    def _halve(self, task: Task, labels: np.ndarray) -> np.ndarray:
        """Write the image at half its size; returns the labels at that size."""
        width, height = (side // 2 for side in _size(labels))
        if not width or not height:
            raise ValueError(f'label {task.label} is too small to halve')
        nearest = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
        data = _half_image(task.image, (width, height))
        self._put(task.image_target, data, data.__eq__)
        return np.asarray(nearest)

    def _put(self, target: Path, data: bytes, is_right: Callable[[bytes], bool]) -> int:
        """Write a file, or keep the right one that is there; returns its size.

        Raises:
            FileExistsError: another one is there.
        """
        if target.exists() and not self.replaces:
            there = target.read_bytes()
            if not is_right(there):
                raise FileExistsError(
                    f'{target} is there already and holds something else: remove it, or write '
                    'over it and its like with --replace'
                )
            if self.writes:
                target.with_name(target.name + PART).unlink(missing_ok=True)  # of a killed run
            return len(there)
        if self.writes:
            replace_file(target, data)
        return len(data)


def _read_label(path: str) -> bytes:
    try:
        return read_bytes(path, 'label')
    except FileNotFoundError as error:  # a link to nowhere
        raise ValueError(str(error)) from error


def _size(labels: np.ndarray) -> tuple[int, int]:
    return labels.shape[1], labels.shape[0]


def _compare(task: Task, seen: Look, label: tuple[int, int]) -> None:
    image = seen.size
    if image == label:
        return
    why = ''
    if seen.turned and image == label[::-1]:
        why = ' (the image is turned by its EXIF data, the label is not)'
    raise SizesDiffer(
        f'image {task.image} is {image[0]}x{image[1]} but its label {task.label} is '
        f'{label[0]}x{label[1]}{why}'
    )


def _same_labels(data: bytes, labels: np.ndarray) -> bool:
    """Whether a file, of whatever program, holds these labels."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            there = np.asarray(file)
    except UNREADABLE:
        return False
    return there.shape == labels.shape and bool((there == labels).all())


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
