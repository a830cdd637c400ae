"""Checkpoints kept for their score on the validation sets, and how they say so.

Where the validation sets are the test domains, as in the papers on domain generalisation, such a
checkpoint was chosen with the help of labels that the method is supposed not to have. Its file is
called ``best_<metric>_iter_<n>.pth`` and ``meta['selection']`` says by which metric it was chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmengine.runner import Runner

from rein.hooks.checkpoint_files import STEP, read_checkpoint
from rein.hooks.strict import CheckpointError


class SelectingRunner:
    """A runner that notes in the checkpoints it saves as the best ones what made them so.

    Args:
        runner: to save with; everything else is its own.
        names: metric by the name of the file that is the best by it.
        metrics: scores by metric.
    """

    def __init__(
        self, runner: Runner, names: Mapping[str, str], metrics: Mapping[str, float | None]
    ) -> None:
        self._runner = runner
        self._names = names
        self._metrics = metrics

    def save_checkpoint(
        self, out_dir: str, filename: str, *args: object, meta: dict | None = None, **kwargs: object
    ) -> None:
        """As of the runner, with ``meta['selection']``: 'metric' and 'score'."""
        metric = self._names.get(filename)
        if metric is not None:
            score = float(self._metrics[metric])
            meta = {**(meta or {}), 'selection': {'metric': metric, 'score': score}}
        self._runner.save_checkpoint(out_dir, filename, *args, meta=meta, **kwargs)

    def __getattr__(self, name: str) -> object:
        return getattr(self._runner, name)


class LateRemoval:
    """A file backend that collects what is to be removed instead of removing it."""

    def __init__(self, backend: object) -> None:
        self._backend = backend
        self.waiting: list[str] = []

    def remove(self, path: str) -> None:
        """Only note ``path``."""
        self.waiting.append(path)

    def __getattr__(self, name: str) -> object:
        return getattr(self._backend, name)


def unreported(wanted: Sequence[str], metrics: Mapping[str, float]) -> str | None:
    """Complain about metrics to choose by that a validation does not report; None if all are."""
    missing = [key for key in wanted if key != 'auto' and key not in metrics]
    if not missing:
        return None
    return (
        f'no best checkpoint is kept by {", ".join(missing)}, which validation does not report; '
        f'it reports {", ".join(metrics)}. Set default_hooks.checkpoint.save_best to one of them '
        'or a list of some, or to None'
    )


def best_so_far(
    folder: str, metric: str, until: int, is_better: Callable[[float, float], bool]
) -> tuple[float, str] | None:
    """Score and path of the best checkpoint that a run has kept so far; None if it has none.

    Args:
        folder: of the run.
        metric: that the checkpoint was chosen by.
        until: iteration (or epoch) that the run has come to; later files are of another one.
        is_better: whether the first of two scores is the better one.
    """
    best = None
    for path in sorted(Path(folder).glob(f'best_{metric.replace("/", "_")}_*.pth')):
        step = STEP.search(path.name)
        try:
            selection = read_checkpoint(path)['meta']['selection']
            score = float(selection['score'])
        except (CheckpointError, OSError, KeyError, TypeError, ValueError):
            continue
        mine = selection['metric'] == metric and step is not None and int(step[1]) <= until
        if mine and (best is None or is_better(score, best[0])):
            best = (score, str(path))
    return best
