"""What a release holds: pairs to prepare, and files that have no partner."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rein.datasets.preparation.recipe import HALF, IN_PLACE, Plan
from rein.datasets.preparation.records import SKIPPED, Record


@dataclass(frozen=True)
class Task:
    """One image, its label, and where both go.

    Args:
        key: of the pair among all tasks, ``<part>/<key in the release>``.
        part: of the release.
        image: path of the image.
        label: path of the label; None in parts without labels.
        image_target: where the image goes; None where it stays as it is.
        label_target: where the label goes; None where it stays as it is.
    """

    key: str
    part: str
    image: str
    label: str | None
    image_target: Path | None
    label_target: Path | None


@dataclass
class Listing:
    """All that a release holds: pairs to prepare, and records of files without a partner."""

    tasks: list[Task] = field(default_factory=list)
    unpaired: list[Record] = field(default_factory=list)


def list_release(plan: Plan) -> Listing:
    """Find the pairs of a release.

    Raises:
        FileNotFoundError: no part of the release is there, or only one of images and labels.
        ValueError: two files would be one image, there is nothing to prepare, or what is written
            would lie among what is read.
    """
    listing = Listing()
    for part in plan.recipe.parts:
        if _is_there(plan, part):
            _refuse_inside(plan, part)
            _list_part(plan, part, listing)
    if not listing.tasks and not listing.unpaired:
        raise _nothing(plan)
    _refuse_sources(listing.tasks)
    return listing


def _refuse_sources(tasks: Sequence[Task]) -> None:
    """Refuse to write over what is read; a link to it, which an earlier run made, is no source."""
    read = (path for task in tasks for path in (task.image, task.label) if path)
    sources = set(map(os.path.realpath, read))
    written = (path for task in tasks for path in (task.image_target, task.label_target) if path)
    for target in written:
        if not target.is_symlink() and os.path.realpath(target) in sources:
            raise ValueError(f'{target} is a file of the release: take another --out')


def _refuse_inside(plan: Plan, part: str) -> None:
    """Refuse an output that the next run would take for a part of the release."""
    if plan.images == IN_PLACE:
        return
    layout, names, out = plan.recipe.release, plan.recipe.parts[part], plan.out.resolve()
    for folder in (layout.images, layout.labels):
        read = (plan.release / folder.format(**names)).resolve()
        if out == read or read in out.parents:
            raise ValueError(f'{plan.out} lies in {read}, which is read: take another --out')


def _nothing(plan: Plan) -> Exception:
    """The error for a release without anything to prepare."""
    layout, folders = plan.recipe.release, _image_folders(plan, plan.release)
    if any(folder.is_dir() for folder in folders):
        what = ' with labels' if plan.images == HALF else ''
        return ValueError(
            f'there is no {layout.image_prefix}*{layout.image_endings[0]}{what} below '
            f'{" or ".join(map(str, folders))}; docs/datasets.md has the layout'
        )
    subfolders = sorted(path for path in plan.release.glob('*') if path.is_dir())
    for folder in subfolders:
        if any(each.is_dir() for each in _image_folders(plan, folder)):
            return FileNotFoundError(f'the release is in {folder}: give that folder')
    try:
        layout.find_images(str(plan.release), next(iter(plan.recipe.parts.values())))
    except FileNotFoundError as error:
        return error  # it says how far the path goes
    return FileNotFoundError(f'{plan.release} was changed while it was looked at: run it again')


def _image_folders(plan: Plan, root: Path) -> list[Path]:
    parts = plan.recipe.parts.values()
    return [root / plan.recipe.release.images.format(**names) for names in parts]


def _is_there(plan: Plan, part: str) -> bool:
    layout, names = plan.recipe.release, plan.recipe.parts[part]
    folders = [layout.images] if part in plan.recipe.unlabelled else [layout.images, layout.labels]
    return any((plan.release / folder.format(**names)).is_dir() for folder in folders)


def _list_part(plan: Plan, part: str, listing: Listing) -> None:
    layout, names = plan.recipe.release, plan.recipe.parts[part]
    labelled = part not in plan.recipe.unlabelled
    images = layout.find_images(str(plan.release), names)
    labels = layout.find_labels(str(plan.release), names) if labelled else {}
    for key in sorted(images.keys() | labels.keys()):
        image, label = images.get(key), labels.get(key)
        if image is None or (label is None and labelled):
            missing = 'it has no image' if image is None else 'it has no label'
            paths = (below(plan.release, image), below(plan.release, label))
            listing.unpaired.append(Record(_whole(part, key), part, *paths, SKIPPED, missing))
        elif labelled or plan.images != HALF:
            listing.tasks.append(_task(plan, (part, key), image, label))


def _task(plan: Plan, part_and_key: tuple[str, str], image: str, label: str | None) -> Task:
    part, key = part_and_key
    target = plan.recipe.target(part, key)
    root, prepared = plan.out / target.folder, plan.recipe.prepared
    image_target, label_target = None, None
    if plan.images != IN_PLACE:
        ending = os.path.splitext(image)[1]
        image_target = root / prepared.image_file(target.names, target.key, ending)
    if label is not None and (plan.images != IN_PLACE or plan.recipe.translates):
        label_target = root / prepared.label_file(target.names, target.key)
    return Task(_whole(part, key), part, image, label, image_target, label_target)


def _whole(part: str, key: str) -> str:
    return f'{part}/{key}' if part else key


def below(root: Path, path: str | Path | None) -> str:
    """Path below a root, with slashes; '' for no path."""
    return '' if path is None else os.path.relpath(path, root).replace(os.sep, '/')
