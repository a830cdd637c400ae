"""The same random numbers in every training iteration, whether or not the run was interrupted."""

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from rein.runtime.seeds import mixed_seed, seed_all


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seed Python, NumPy and PyTorch before each training iteration.

    The seed follows from the run's seed, the process and the iteration alone. What validation,
    data loading or a restart drew before can therefore not change what an iteration draws: a run
    that was killed and resumed goes on as if nothing had happened. The samples get their
    random numbers the same way, from ``ReplaySampler`` and ``SeededDataset``.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: object = None) -> None:
        """Seed the main process for iteration ``runner.iter``."""
        seed_all(iteration_seed(runner.seed, get_rank(), runner.iter))


def iteration_seed(seed: int, rank: int, iteration: int) -> int:
    """Mix three numbers >= 0 into one seed in [0, 2**32), far apart for neighbours."""
    return mixed_seed(seed, rank, iteration)
