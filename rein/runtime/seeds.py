"""Seeds that follow from a place: in a run, in a stream of samples, in a trial."""

import random

import numpy as np
import torch


def mixed_seed(*numbers: int) -> int:
    """Mix numbers >= 0 into a seed in [0, 2**32), far apart for neighbours."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def seed_all(seed: int) -> None:
    """Seed Python, NumPy and PyTorch in this process."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
