"""What the findings add up to: a group for each data set and domain, and a list of problems."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from rein.datasets.checking.kinds import ERRORS
from rein.datasets.checking.pairs import Finding
from rein.datasets.checking.readers import Item, Reader
from rein.datasets.checking.sources import Source
from rein.datasets.classes import IGNORE


@dataclass
class Group:
    """The entries of one data set that belong to one domain.

    Args:
        source: the data set.
        domain: their domain.
        reader: fetches them; None where the data set cannot be listed.
        items: the entries.
        labelled: how many labels were decoded.
        smallest: (width, height) of the least pixels; None before the first.
        largest: (width, height) of the most pixels.
        counts: (256,), pixels of each class; 255 for none.
        errors: number of them.
        warnings: number of them.
    """

    source: Source
    domain: str
    reader: Reader | None = None
    items: list[Item] = field(default_factory=list)
    labelled: int = 0
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    counts: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    errors: int = 0
    warnings: int = 0

    @property
    def role(self) -> str:
        """What the data set is used for, such as 'val, test'."""
        return ', '.join(self.source.roles)

    def add(self, found: Finding) -> None:
        """Add what was found in one pair."""
        if found.size is not None:
            area = found.size[0] * found.size[1]
            if self.smallest is None or area < self.smallest[0] * self.smallest[1]:
                self.smallest = found.size
            if self.largest is None or area > self.largest[0] * self.largest[1]:
                self.largest = found.size
        if found.counts is not None:
            self.labelled += 1
            self.counts += found.counts

    def shares(self) -> np.ndarray:
        """Percent of each class of the pixels that have one; 0 without any."""
        classes = self.counts[: len(self.source.classes) or IGNORE]
        return 100 * classes / max(1, self.counts[:IGNORE].sum())

    def ignored(self) -> float:
        """Percent of the labels' pixels that have no class; 0 without any."""
        return 100 * self.counts[IGNORE] / max(1, self.counts.sum())


@dataclass(frozen=True)
class Problem:
    """Something to mend, or to know of.

    Args:
        kind: key of ``ERRORS`` or ``WARNINGS``.
        group: where it is counted.
        message: what it is.
        files: what it is about.
    """

    kind: str
    group: Group
    message: str
    files: tuple[str, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether it makes the check fail."""
        return self.kind in ERRORS


@dataclass
class Report:
    """Everything that a check found."""

    groups: list[Group]
    problems: list[Problem]

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return len(self.problems) - self.errors

    def tell(self, problems: Iterable[Problem]) -> None:
        """Add problems, and count them in their groups."""
        for problem in problems:
            self.problems.append(problem)
            if problem.is_error:
                problem.group.errors += 1
            else:
                problem.group.warnings += 1


def group_items(
    sources: Sequence[Source], readers: Sequence[Reader | None]
) -> tuple[list[Group], list[tuple[Item, Group]]]:
    """Group the entries of all data sets; a data set that cannot be listed is an empty group."""
    groups, pairs = [], []
    for number, (source, reader) in enumerate(zip(sources, readers, strict=True)):
        if reader is None:
            groups.append(Group(source, source.domain))
            continue
        own: dict[str, Group] = {}
        for item in reader.items(number):
            group = own.setdefault(item.domain, Group(source, item.domain, reader))
            group.items.append(item)
            pairs.append((item, group))
        groups += own.values()
    return groups, pairs
