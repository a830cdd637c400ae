"""What a release holds: pairs to prepare, and files that have no partner."""

import os
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
        ValueError: two files would be one image, or there is nothing at all.
    """
    listing = Listing()
    for part in plan.recipe.parts:
        if _is_there(plan, part):
            _list_part(plan, part, listing)
    if not listing.tasks and not listing.unpaired:
        layout, names = plan.recipe.release, next(iter(plan.recipe.parts.values()))
        layout.find_images(str(plan.release), names)  # its error says how far the path goes
        raise ValueError(
            f'there is no {layout.image_prefix}*{layout.image_endings[0]} below '
            f'{plan.release / layout.images.format(**names)}; docs/datasets.md has the layout'
        )
    return listing


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
