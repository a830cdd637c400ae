"""Runs side by side in processes of their own: a progress bar, an end in sight, no orphans."""

import os
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from rein.report.runs import Run, Step, python

POLL = 1.0  # seconds
TAIL = 12  # lines of a failed command that its error shows


class _Active:
    """A run that is under way: its commands one after the other."""

    def __init__(self, run: Run, tools: Path, environment: dict[str, str]) -> None:
        run.claim()
        self.run = run
        self.environment = environment
        self.iterations = run.iterations
        self.waiting = deque(s for s in run.steps(tools) if not s.leaves.is_file())
        self.process: subprocess.Popen | None = None
        self.step: Step | None = None

    @property
    def output(self) -> Path:
        return self.run.folder / 'output.txt'

    def advance(self) -> bool:
        """Start the next command if the one before has ended; False when all have."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return True
            if code:
                raise ChildProcessError(self._failure(code))
            self.process = None
        if not self.waiting:
            return False
        self.step = self.waiting.popleft()
        started = (self.run.folder / 'last_checkpoint').is_file()
        resume = ['--resume'] if started and self.step.leaves == self.run.checkpoint else []
        with self.output.open('ab') as output:
            self.process = subprocess.Popen(
                python([*self.step.arguments, *resume]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )
        return True

    def done(self) -> int:
        """Iterations of the training that are done, by its log."""
        if self.run.checkpoint.is_file():
            return self.iterations
        return max((line['step'] for line in self.run.log() if 'loss' in line), default=0)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def _failure(self, code: int) -> str:
        lines = self.output.read_text(errors='replace').splitlines()[-TAIL:]
        return (
            f'{self.run.row}, seed {self.run.seed}: "{self.step.title}" ended with exit code '
            f'{code}; the end of {self.output}:\n' + '\n'.join(lines)
        )


def carry_out(runs: Sequence[Run], tools: Path, jobs: int, settings: dict[str, str]) -> None:
    """Carry out all runs; what an earlier call has finished is not done again.

    Args:
        runs: in the order in which they start.
        tools: folder of ``train.py`` and ``test.py``.
        jobs: runs at a time; the threads of this machine are shared out evenly among them.
        settings: environment variables of the commands.

    Raises:
        ChildProcessError: a command failed; the others have been stopped.
        ConfigError: the folder of a run holds another run.
    """
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    environment = {**os.environ, **settings, 'OMP_NUM_THREADS': threads, 'MKL_NUM_THREADS': threads}
    total = sum(run.iterations for run in runs)
    active: list[_Active] = []
    finished = 0
    try:
        with tqdm(total=total, unit='it', smoothing=0, mininterval=2, maxinterval=30) as bar:
            for finished_now, running in _rounds(runs, tools, jobs, environment, active):
                finished += finished_now
                done = finished + sum(each.done() for each in running)
                bar.set_postfix_str(_state(running), refresh=False)
                bar.update(done - bar.n)
    finally:
        for each in active:
            each.stop()


def _rounds(
    runs: Sequence[Run],
    tools: Path,
    jobs: int,
    environment: dict[str, str],
    active: list[_Active],
) -> Iterator[tuple[int, list[_Active]]]:
    """Keep ``jobs`` runs going; yields iterations of runs that ended, and those under way."""
    waiting = deque(runs)
    while waiting or active:
        while waiting and len(active) < jobs:
            active.append(_Active(waiting.popleft(), tools, environment))
        ended = [each for each in active if not each.advance()]
        for each in ended:
            active.remove(each)
        yield sum(each.iterations for each in ended), active
        if not ended:
            time.sleep(POLL)


def _state(running: Sequence[_Active]) -> str:
    return ', '.join(
        f'{each.run.row} {each.run.seed}: {each.step.title}' for each in running if each.step
    )
