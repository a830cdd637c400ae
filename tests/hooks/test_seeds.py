import random
from types import SimpleNamespace

import numpy as np
import torch

from rein.hooks.seeds import IterationSeedHook, iteration_seed


def drawn(iteration, *, before=0):
    """What the three generators give in an iteration, after ``before`` draws of other code."""
    torch.rand(before), np.random.rand(before), [random.random() for _ in range(before)]
    IterationSeedHook().before_train_iter(SimpleNamespace(seed=42, iter=iteration), 0)
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()


def test_an_iteration_draws_the_same_whatever_was_drawn_before():
    assert drawn(7) == drawn(7, before=5)
    assert drawn(7) != drawn(8)


def test_seeds_differ_between_iterations_processes_and_runs():
    seeds = {iteration_seed(s, r, i) for s in (0, 42) for r in range(4) for i in range(1000)}
    assert len(seeds) == 2 * 4 * 1000
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_the_seed_of_iteration_7_of_process_1_is_the_same_in_every_version():
    # NumPy promises that a SeedSequence never changes; a change would break resumed runs.
    assert iteration_seed(42, 1, 7) == 2737586632
