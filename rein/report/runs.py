"""One run: a config with a seed, trained and tested by the tools, as a user would by hand."""

import copy
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from rein.hooks.atomic import write_atomically
from rein.runtime.files import sha256
from rein.runtime.settings import ConfigError, inner_segmentor, load_config

DIGITS = 16  # of a hash
SHORTEST = 16  # iterations; a warm-up of an eighth has two then


@dataclass(frozen=True)
class Step:
    """A command of Python: what it does, its arguments, and the file that it leaves."""

    title: str
    arguments: tuple[str, ...]
    leaves: Path


@dataclass(frozen=True)
class Run:
    """A config trained with a seed.

    Args:
        config: its file.
        seed: of the training.
        folder: the work dir; everything that belongs to the run lies in it.
        changes: options of the config, dotted key -> value, as ``--cfg-options`` takes them.
        test_sets: name -> config whose test sets the run is tested on; '' is its own config.
        data: what identifies the data, such as a hash; a run on other data is another run.
    """

    config: Path
    seed: int
    folder: Path
    changes: tuple[tuple[str, object], ...] = ()
    test_sets: tuple[tuple[str, str], ...] = (('metrics', ''),)
    data: str = ''

    @property
    def row(self) -> str:
        """Name of the row of a table that the run belongs to."""
        return self.config.stem

    def load(self) -> Config:
        """The config with its changes, a fresh one at every call."""
        return copy.deepcopy(self._loaded)

    @cached_property
    def _loaded(self) -> Config:
        return load_config(str(self.config), dict(self.changes))

    @cached_property
    def iterations(self) -> int:
        """Iterations of the whole training."""
        return int(self._loaded.train_cfg.max_iters)

    @property
    def checkpoint(self) -> Path:
        """The file that the training ends with."""
        return self.folder / f'iter_{self.iterations}.pth'

    def steps(self, tools: Path) -> list[Step]:
        """The commands of the run, in order.

        Args:
            tools: folder of ``train.py`` and ``test.py``.
        """
        options = [f'{key}={value}' for key, value in self.changes]
        config = [str(self.config), '--work-dir', str(self.folder)]
        changed = ['--cfg-options', *options] if options else []
        train = [str(tools / 'train.py'), *config, '--seed', str(self.seed), *changed]
        steps = [Step('train', tuple(train), self.checkpoint)]
        for name, sets in self.test_sets:
            out = self.folder / f'{name}.json'
            test = [str(tools / 'test.py'), str(self.config), str(self.checkpoint), *config[1:]]
            test += [*changed, '--out', str(out), *(['--test-sets', sets] if sets else [])]
            steps.append(Step(f'test: {name}', tuple(test), out))
        return steps

    def claim(self) -> None:
        """Make the folder this run's own, or find that it already is.

        Raises:
            ConfigError: the folder holds a run of other settings.
        """
        path, mine = self.folder / 'run.json', self._identity()
        if not path.is_file():
            write_atomically(path, (json.dumps(mine, indent=2) + '\n').encode())
            return
        there = json.loads(path.read_text())
        differ = [key for key in mine if there.get(key) != mine[key]]
        if differ:
            raise ConfigError(
                f'{self.folder} holds a run with another {", ".join(differ)}; remove the folder, '
                'or give another --out'
            )

    def _identity(self) -> dict:
        text = self._loaded.pretty_text
        return {
            'config': hashlib.sha256(text.encode()).hexdigest()[:DIGITS],
            'seed': self.seed,
            'data': self.data,
            'weights': _weights_digest(self._loaded),
        }

    def scores(self) -> dict[str, float]:
        """What the tests found, by name; means are those over the config's own test sets."""
        found = {}
        for name, _ in self.test_sets:
            found = {**json.loads((self.folder / f'{name}.json').read_text())['metrics'], **found}
        return found

    def final_check(self) -> float:
        """The mean mIoU of the validation at the end of the training.

        Raises:
            ConfigError: there was none.
        """
        for line in self.log():
            if line['step'] == self.iterations and 'mean_mIoU' in line:
                return line['mean_mIoU']
        raise ConfigError(
            f'{self.folder} has no validation of iteration {self.iterations}: if it was stopped '
            f'there, remove the folder; else give {self.config} a val_evaluator (DomainIoUMetric)'
        )

    def log(self) -> list[dict]:
        """Log lines of the training in order of their step, once each also after a resumption."""
        lines: dict[tuple[int, bool], dict] = {}
        for path in sorted(self.folder.glob('*/vis_data/scalars.json')):
            for text in path.read_text().splitlines():
                line = json.loads(text)
                lines[line['step'], 'loss' in line] = line
        return [lines[key] for key in sorted(lines)]

    def progress(self) -> int:
        """Iterations of the training that are done, by its log."""
        if self.checkpoint.is_file():
            return self.iterations
        return max((line['step'] for line in self.log() if 'loss' in line), default=0)

    def minutes(self) -> float:
        """Wall time of all training iterations, without start, validation and tests.

        Taken from the log, whose every line has the mean time of the iterations before it.
        """
        seconds, last = 0.0, 0
        for line in self.log():
            if 'loss' in line:
                seconds += line['time'] * (line['step'] - last)
                last = line['step']
        return seconds / 60

    def trained(self) -> int:
        """Number of parameters that train."""
        config = self.load()
        init_default_scope(config.get('default_scope', 'mmseg'))
        backbone = inner_segmentor(config.model)['backbone']
        if 'weights' in backbone:
            backbone['weights'] = None
        with torch.device('meta'):
            model = MODELS.build(config.model)
        return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _weights_digest(config: Config) -> str | None:
    """Digest of the file of weights that the body starts from, if it is one."""
    weights = inner_segmentor(config.model)['backbone'].get('weights')
    source = weights.get('source') if isinstance(weights, dict) else weights
    if source is None or not Path(source).is_file():
        return source
    return sha256(source)[:DIGITS]


def lengthened(config: Path, iterations: int) -> dict[str, object]:
    """Options that make the training of a config so long; its schedulers keep their shares.

    Raises:
        ConfigError: so few iterations leave no warm-up.
    """
    if iterations < SHORTEST:
        raise ConfigError(f'--iterations is {iterations}; use at least {SHORTEST}')
    settings = load_config(str(config), {})
    ratio = iterations / settings.train_cfg.max_iters
    changes: dict[str, object] = {'train_cfg.max_iters': iterations}
    for number, scheduler in enumerate(settings.param_scheduler):
        for key in ('begin', 'end'):
            place = scheduler[key] and max(2, round(scheduler[key] * ratio))
            changes[f'param_scheduler.{number}.{key}'] = place
    return changes


def python(arguments: Sequence[str]) -> list[str]:
    """The command that runs a program of Python with this very Python."""
    return [sys.executable, *arguments]
