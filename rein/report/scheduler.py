"""Runs side by side in processes of their own, with a progress bar and an end in sight."""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tqdm import tqdm

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

from rein.report.runs import Run, Step, python
from rein.runtime.settings import ConfigError

POLL = 1.0  # seconds
TAIL = 12  # lines of a failed command that its error shows


class _Active:
    """A run that is under way: its commands one after the other."""

    def __init__(self, run: Run, tools: Path, environment: dict[str, str]) -> None:
        self.run = run
        self.environment = environment
        self.iterations = run.iterations
        self.lock = _hold(run.folder)
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
                pass_fds=self.lock,
            )
        return True

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def release(self) -> None:
        """Wait for the command to end and give the folder free."""
        if self.process is not None:
            self.process.wait()
        for descriptor in self.lock:
            os.close(descriptor)

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
        ConfigError: the folder of a run holds another run, or is that of another, too.
    """
    if jobs < 1:
        raise ConfigError(f'jobs is {jobs}; use 1 or more')
    _claim(runs)
    threads = str(threads_of(jobs))
    environment = {**os.environ, **settings, 'OMP_NUM_THREADS': threads, 'MKL_NUM_THREADS': threads}
    active: list[_Active] = []
    finished = 0
    before = sum(run.progress() for run in runs)
    total = sum(run.iterations for run in runs)
    bar = tqdm(total=total, initial=before, unit='it', smoothing=0, mininterval=2, maxinterval=30)
    try:
        with bar, _ending_as_by_hand():
            for finished_now, running in _rounds(runs, tools, jobs, environment, active):
                finished += finished_now
                done = finished + sum(each.run.progress() for each in running)
                bar.set_postfix_str(_state(running), refresh=False)
                bar.update(max(0, done - bar.n))
    finally:
        for each in active:
            each.terminate()
        for each in active:
            each.release()


def threads_of(jobs: int) -> int:
    """Threads that each of so many runs gets of this machine's."""
    return max(1, (os.cpu_count() or 1) // jobs)


def _claim(runs: Sequence[Run]) -> None:
    """Make sure that each run has a folder of its own, before the first one starts."""
    holders: dict[Path, Run] = {}
    for run in runs:
        other = holders.setdefault(run.folder, run)
        if other is not run:
            raise ConfigError(
                f'{other.config} with seed {other.seed} and {run.config} with seed {run.seed} '
                f'would both be written to {run.folder}; name each row and seed once, and give '
                'two configs two names'
            )
        run.claim()


def _hold(folder: Path) -> tuple[int, ...]:
    """Keep other calls out of a folder while this process, or a command that it started, lives.

    Returns:
        The descriptor to pass to the commands; none on a system without such locks.
    """
    if fcntl is None:
        return ()
    descriptor = os.open(folder / '.lock', os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            f'another call is at work in {folder}, or a training that its killed call has left '
            'behind; wait for it, or stop it'
        ) from error
    return (descriptor,)


@contextmanager
def _ending_as_by_hand() -> Iterator[None]:
    """Take the system's request to end (SIGTERM) for Ctrl-C, so that the runs end, too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
            each.release()
        yield sum(each.iterations for each in ended), active
        if not ended:
            time.sleep(POLL)


def _state(running: Sequence[_Active]) -> str:
    return ', '.join(
        f'{each.run.row} {each.run.seed}: {each.step.title}' for each in running if each.step
    )
