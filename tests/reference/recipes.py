"""How the inputs of the recorded numbers of BlindNet and RobustNet are made."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch

REFERENCE = Path(__file__).resolve().parent


def recorded(name):
    return json.loads((REFERENCE / f'blindnet_{name}.json').read_text())


def normal(seed, *shape):
    """N(seed, shape) of the recipes."""
    numbers = np.random.RandomState(seed).standard_normal(shape)
    return torch.from_numpy(numbers.astype(np.float32))


def named(name, *shape):
    """W(name, shape) of the recipes."""
    return normal(zlib.crc32(name.encode()) & 0xFFFFFFFF, *shape)


def filled(name, like):
    """What the recipes fill a network with: a tensor under ``name``, of the shape of ``like``."""
    numbers = named(name, *like.shape)
    if like.dim() == 4:
        return numbers * (2 / like[0].numel()) ** 0.5
    if name.endswith('running_var'):
        return 1 + 0.1 * numbers.abs()
    return 1 + 0.1 * numbers if name.endswith('weight') else 0.1 * numbers


def cells(seed, batch, height, width, kinds, size):
    """L(seed, batch, height, width, kinds, size) of the recipes: (batch, height, width) labels."""
    drawn = np.random.RandomState(seed).randint(0, kinds, (batch, height // size, width // size))
    return torch.from_numpy(np.kron(drawn, np.ones((1, size, size), int))).long()


def unit(vectors, dim=1):
    return vectors / (vectors.norm(dim=dim, keepdim=True) + 1e-7)


def in_order(number, **_):
    return torch.arange(number)


def backwards(number, **_):
    return torch.arange(number - 1, -1, -1)
