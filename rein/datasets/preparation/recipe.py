"""What is known of a release before it is looked at: its layout, its parts, where things go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rein.datasets.classes import CLASSES
from rein.datasets.layout import Layout

Names = Mapping[str, str]

IN_PLACE, LINK, COPY, HALF = 'in-place', 'link', 'copy', 'half'  # what becomes of the images


@dataclass(frozen=True)
class Target:
    """Where an image and its label go.

    Args:
        folder: below the output, of the data set that they become part of; '' for the output.
        names: fill in the folders of the prepared layout.
        key: of the pair in the prepared layout.
    """

    folder: str
    names: Names
    key: str


@dataclass(frozen=True)
class Recipe:
    """How the release of a data set becomes what the configs read.

    Args:
        name: of the data set, as in results.
        release: layout and encoding of the release.
        prepared: of what is written. With the encoding of the release, labels stay as they are.
        parts: name of each part (``train``, ``val/fog``) and what fills in its folders.
        unlabelled: parts that have no labels.
        classes: what the prepared numbers mean.
    """

    name: str
    release: Layout
    prepared: Layout
    parts: Mapping[str, Names]
    unlabelled: frozenset[str] = frozenset()
    classes: Sequence[str] = CLASSES

    @property
    def translates(self) -> bool:
        """Whether labels are written anew, with other numbers."""
        release, prepared = self.release.encoding, self.prepared.encoding
        return type(release) is not type(prepared) or release.ids != prepared.ids

    def target(self, part: str, key: str) -> Target:
        """Where the pair with a key in a part of the release goes."""
        return Target('', self.parts[part], key)

    def is_training(self, part: str, label: str) -> bool:
        """Whether the classes of a prepared label are counted for sampling in training.

        Args:
            part: of the release.
            label: path of the prepared label, below the output.
        """
        return part.split('/')[0] == 'train' and part not in self.unlabelled


@dataclass(frozen=True)
class Plan:
    """What to prepare.

    Args:
        recipe: of the data set.
        release: root of the release.
        out: root of what is written; the release itself to prepare it in place.
        images: what becomes of them: ``IN_PLACE``, ``LINK``, ``COPY`` or ``HALF`` (written anew at
            half the size, the labels too).
    """

    recipe: Recipe
    release: Path
    out: Path
    images: str
