"""Results of tests, as ``tools/test.py --out`` writes them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rein.runtime.settings import ConfigError

NEEDED = ('metrics', 'details', 'config', 'test_sets', 'selection', 'checkpoint_sha256')
# Options that say where a run lies or which seed it has, not what it is.
OWN_TO_A_RUN = ('randomness', 'work_dir', 'load_from', 'visualizer')


@dataclass(frozen=True)
class Result:
    """One test of one checkpoint.

    Args:
        path: of its file.
        data: what is in it.
    """

    path: Path
    data: Mapping

    @property
    def details(self) -> Mapping:
        """What ``DomainIoUMetric`` left beside its metrics."""
        return self.data['details']

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the tested domains."""
        return tuple(self.details['domains'])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the scored classes."""
        return tuple(self.details['classes'])

    @property
    def options(self) -> str:
        """The options that the config was changed by, as one text."""
        found = self.data.get('options') or {}
        kept = {k: v for k, v in found.items() if k.split('.')[0] not in OWN_TO_A_RUN}
        return ' '.join(f'{key}={kept[key]}' for key in sorted(kept))

    @property
    def key(self) -> tuple[str, ...]:
        """Results with the same one differ by their seeds alone."""
        data = self.data
        return (data['config'], self.options, data['test_sets'], data['selection'])

    def metric(self, name: str) -> float:
        """A number of the test, percent; nan where it was not measured."""
        return _number(self.data['metrics'].get(name))

    def scores(self, domain: str, kind: str = 'IoU') -> list[float]:
        """``IoU`` or ``Acc`` of each class in a domain, percent; nan where there is none."""
        return [_number(value) for value in self.details['domains'][domain][kind]]

    def confusion(self, domains: Sequence[str]) -> np.ndarray:
        """The sum of the confusion matrices of some domains."""
        return sum(np.array(self.details['domains'][name]['confusion']) for name in domains)


def read_results(paths: Sequence[Path]) -> list[Result]:
    """Read results.

    Raises:
        ConfigError: a file is missing, is no result, has no details, or stands for the same
            checkpoint and tests as another.
    """
    results = [_read(path) for path in paths]
    seen: dict[tuple, Path] = {}
    for result in results:
        place = (*result.key, result.data['checkpoint_sha256'])
        if place in seen:
            raise ConfigError(
                f'{result.path} and {seen[place]} are tests of the same checkpoint; a seed counts '
                'once, so leave one of them out'
            )
        seen[place] = result.path
    return results


def _read(path: Path) -> Result:
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ConfigError(f'there is no file {path}') from error
    except (UnicodeDecodeError, json.JSONDecodeError, IsADirectoryError) as error:
        raise ConfigError(
            f'{path} is not JSON ({error}); give files that tools/test.py --out has written'
        ) from error
    if not isinstance(data, dict) or 'metrics' not in data:
        raise ConfigError(f'{path} has no metrics; give files that tools/test.py --out has written')
    missing = [key for key in NEEDED if key not in data]
    if missing:
        raise ConfigError(
            f'{path} has no {", ".join(missing)}: it is of an older version of tools/test.py, or '
            'was scored by another metric than DomainIoUMetric; test the checkpoint again'
        )
    return Result(path, data)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
