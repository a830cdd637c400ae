"""The benchmark on drawn streets: scenes, runs of every row, table, plots and a page."""

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from rein.datasets.driving import CamVid
from rein.datasets.streetscenes.write import pair_files
from rein.report.grid import Example
from rein.report.results import collect
from rein.report.runs import Run, lengthened, python
from rein.report.scheduler import carry_out, threads_of
from rein.report.write import SOURCE, TITLES, UNSEEN, write_report
from rein.runtime.settings import load_config

SIZE = (192, 96)
CAMVID_SIZE = (192, 144)
TUNING_SEED = 100  # no seed of the table
UNLABELLED = 100  # scenes of each style that rows with images without labels train on
OTHER_STREETS = 1  # seed of those scenes


@dataclass(frozen=True)
class Study:
    """What to compare, and on what.

    Args:
        home: folder of ``tools``, ``configs`` and ``data_prep``.
        out: folder to write.
        configs: file of each row.
        seeds: of the training; each row is trained with every one.
        train: scenes to train on.
        val: scenes of each style to test on.
        jobs: runs at a time.
        camvid: folder of CamVid, tested too; None leaves it out.
        say: is called with lines for the user.
        iterations: of each training; None leaves them as the configs have them.
    """

    home: Path
    out: Path
    configs: Sequence[Path]
    seeds: Sequence[int]
    train: int
    val: int
    jobs: int
    camvid: Path | None
    say: Callable[[str], None]
    iterations: int | None = None

    @property
    def tools(self) -> Path:
        """Folder of the programs."""
        return self.home / 'tools'

    @property
    def scenes(self) -> Path:
        """Folder of the drawn scenes."""
        return self.out / 'scenes'

    @property
    def environment(self) -> dict[str, str]:
        """Variables that tell the configs where the data are."""
        found = {'STREETS_ROOT': str(self.scenes)}
        return found if self.camvid is None else {**found, 'CAMVID_ROOT': str(self.camvid)}

    def draw(self) -> None:
        """Draw the scenes to train on and to test on; what is there is left as it is.

        Raises:
            ChildProcessError: drawing failed.
        """
        for command in self._drawing():
            self.say(f'$ {self.shown(command)}')
            if subprocess.run(command, check=False).returncode:
                raise ChildProcessError('the scenes could not be drawn; the lines above say why')

    def _drawing(self) -> list[list[str]]:
        program = str(self.home / 'data_prep/streetscenes.py')
        size = ['--size', 'x'.join(map(str, SIZE))]
        sets = [
            ([str(self.scenes), '--style', SOURCE], self.train, self.val),
            ([str(self.scenes), '--style', *UNSEEN], 0, self.val),
        ]
        if any(self._learns_without_labels(config) for config in self.configs):
            more = [str(self.scenes / 'unlabelled'), '--seed', str(OTHER_STREETS)]
            sets.append(([*more, '--style', *UNSEEN], UNLABELLED, 0))
        return [
            python([program, *where, '--train', str(train), '--val', str(val), *size])
            for where, train, val in sets
        ]

    @staticmethod
    def _learns_without_labels(config: Path) -> bool:
        dataset = load_config(str(config), {}).train_dataloader.dataset
        return 'target' in dataset.get('dataset', {})

    def runs(self) -> list[Run]:
        """All runs, a seed of every row before the next seed."""
        sets = [('metrics', '')]
        if self.camvid is not None:
            sets.append(('camvid', str(self.home / 'configs/_base_/datasets/test_camvid_192.py')))
        return [
            Run(
                config,
                seed,
                self.out / config.stem / f'seed{seed}',
                self._changes(config),
                tuple(sets),
                self._data(),
            )
            for seed in self.seeds
            for config in self.configs
        ]

    def _changes(self, config: Path) -> tuple[tuple[str, object], ...]:
        return () if self.iterations is None else tuple(lengthened(config, self.iterations).items())

    def _data(self) -> str:
        manifest = json.loads((self.scenes / SOURCE / 'manifest.json').read_text())
        return '-'.join(digest[:12] for digest in manifest['labels_sha256'].values())

    def compare(self) -> dict:
        """Carry out everything; returns the results and leaves table, plots and page in ``out``."""
        self.draw()
        runs = self.runs()
        steps = [step for run in runs[: len(self.configs)] for step in run.steps(self.tools)]
        commands = [self.shown(python(step.arguments)) for step in steps]
        self.say('\n'.join(f'$ {command}' for command in commands))
        carry_out(runs, self.tools, self.jobs, self.environment)
        results = collect(runs, TITLES, threads_of(self.jobs))
        drawing = [self.shown(command) for command in self._drawing()]
        write_report(self.out, results, runs, list(self.examples()), [*drawing, *commands])
        return results

    def examples(self) -> Iterator[Example]:
        """A scene in every style, and a real image by day and at dusk where there are any."""
        for style in (SOURCE, *UNSEEN):
            image, labels = pair_files(self.scenes / style, 'val', min(3, self.val - 1))
            yield Example(style, image, np.asarray(Image.open(labels)))
        if self.camvid is None:
            return
        for time in ('day', 'dusk'):
            info = CamVid(str(self.camvid / time), split='val').get_data_info(0)
            labels = info['label_encoding'].read(info['seg_map_path'])
            yield Example(f'CamVid {time}', Path(info['img_path']), labels, CAMVID_SIZE)

    def sweep(self, grid: Mapping[str, Sequence[object]]) -> list[tuple[dict, float]]:
        """Train each row once with every combination of settings; nothing is tested.

        Args:
            grid: option -> its values.

        Returns:
            Row and settings, and the mIoU on the config's validation set (wild scenes, of streets
            that are neither trained nor tested on) at the end of training, the best first.
        """
        self.draw()
        runs = [
            Run(
                config,
                TUNING_SEED,
                self.out / 'sweep' / config.stem / '_'.join(str(v) for v in values),
                (*self._changes(config), *zip(grid, values, strict=True)),
                (),
                self._data(),
            )
            for config in self.configs
            for values in product(*grid.values())
        ]
        carry_out(runs, self.tools, self.jobs, self.environment)
        found = [({'row': run.row, **dict(run.changes)}, run.final_check()) for run in runs]
        return sorted(found, key=lambda each: -each[1])

    def shown(self, command: Sequence[str]) -> str:
        """A command as one would type it in ``home``."""
        words = ['python', *(self._short(word) for word in command[1:])]
        variables = [
            f'{key}={shlex.quote(self._short(value))}' for key, value in self.environment.items()
        ]
        return ' '.join([*variables, shlex.join(words)])

    def _short(self, word: str) -> str:
        """A path below ``home`` as seen from there; anything else as it is."""
        inside = word.startswith(f'{self.home}/')
        return str(Path(word).relative_to(self.home)) if inside else word
