"""Results of tests as rows, a result for each seed, and rows as tables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rein.metrics.confusion import mean
from rein.report.evaluations import Result
from rein.runtime.record import LAST, ORACLE
from rein.runtime.settings import ConfigError

CORRUPTED = re.compile(r'(?P<set>.+)/(?P<corruption>[^/]+)-(?P<level>\d+)')


@dataclass(frozen=True)
class View:
    """What stands in a table as one domain: a domain, or the levels of a corruption."""

    title: str
    domains: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """The results of one config, one selection and one set of tests: a result for each seed.

    Args:
        title: short name.
        results: at least one.
    """

    title: str
    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The one that stands for what all have in common."""
        return self.results[0]

    @property
    def selection(self) -> str:
        """Why these checkpoints and no others of their runs."""
        return self.first.data['selection']

    @property
    def is_oracle(self) -> bool:
        """Whether the checkpoints were chosen with the help of the test labels."""
        return self.selection == ORACLE

    @property
    def name(self) -> str:
        """The title, with the selection where rows of other selections may have the same one."""
        return self.title if self.selection == LAST else f'{self.title} [{self.selection}]'

    def metric(self, name: str) -> list[float]:
        """A number of each result, percent."""
        return [result.metric(name) for result in self.results]

    def view(self, view: View, key: str = 'mIoU') -> list[float]:
        """Mean over the domains of a view, of each result."""
        return [mean([r.metric(f'{name}/{key}') for name in view.domains]) for r in self.results]

    def class_scores(self, view: View) -> np.ndarray:
        """IoU of each result and class, the mean over the domains of a view: (results, classes)."""
        return np.array(
            [
                [mean(values) for values in zip(*map(r.scores, view.domains), strict=True)]
                for r in self.results
            ]
        )


@dataclass(frozen=True)
class Table:
    """Rows that were tested on the same domains and scored in the same classes."""

    rows: tuple[Row, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scored classes."""
        return self.rows[0].first.classes

    @cached_property
    def families(self) -> dict[str, dict[tuple[str, int], str]]:
        """Sets of corrupted images: corruption and level of each of their domains."""
        found: dict[str, dict[tuple[str, int], str]] = {}
        for name in self.rows[0].first.domains:
            if part := CORRUPTED.fullmatch(name):
                place = (part['corruption'], int(part['level']))
                found.setdefault(part['set'], {})[place] = name
        return {name: places for name, places in found.items() if len(places) > 1}

    @property
    def columns(self) -> list[View]:
        """Domains of a summary: a set of corrupted images is one."""
        folded = {name: key for key, places in self.families.items() for name in places.values()}
        views: dict[str, list[str]] = {}
        for name in self.rows[0].first.domains:
            views.setdefault(folded.get(name, name), []).append(name)
        return [View(title, tuple(names)) for title, names in views.items()]

    @property
    def views(self) -> list[View]:
        """Domains to look at one by one: the levels of a corruption are one."""
        views: dict[str, list[str]] = {}
        folded = {
            name: f'{key}/{corruption}'
            for key, places in self.families.items()
            for (corruption, _), name in places.items()
        }
        for name in self.rows[0].first.domains:
            views.setdefault(folded.get(name, name), []).append(name)
        return [View(title, tuple(names)) for title, names in views.items()]


def tables(results: Sequence[Result]) -> list[Table]:
    """Put results into rows, and rows that can stand together into tables, in the given order.

    Raises:
        ConfigError: results of one row have other domains or other classes.
    """
    rows: dict[tuple, list[Result]] = {}
    for result in results:
        rows.setdefault(result.key, []).append(result)
    found: dict[tuple, list[Row]] = {}
    titles = _titles(list(rows))
    for key, members in rows.items():
        for what in ('domains', 'classes'):
            for other in members[1:]:
                if getattr(other, what) != getattr(members[0], what):
                    raise ConfigError(
                        f'{members[0].path} and {other.path} are of one config and one list of '
                        f'test sets, but their {what} differ: {list(getattr(members[0], what))}, '
                        f'{list(getattr(other, what))}; test one of the checkpoints again'
                    )
        row = Row(titles[key], tuple(members))
        found.setdefault((row.first.domains, row.first.classes), []).append(row)
    return [Table(tuple(members)) for members in found.values()]


def _titles(keys: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Name rows by their configs' files; by folder and options too where two would be the same."""
    paths = {key: Path(key[0].rpartition('::')[2]).with_suffix('') for key in keys}
    titles = {}
    for key in keys:
        same = [other for other in keys if paths[other].name == paths[key].name]
        parts = [paths[key].name if len({other[0] for other in same}) == 1 else str(paths[key])]
        beside = [other for other in same if (other[0], *other[2:]) == (key[0], *key[2:])]
        if len(beside) > 1 and key[1]:
            parts.append(key[1])
        titles[key] = ', '.join(parts)
    return titles
