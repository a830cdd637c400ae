import importlib.util
from pathlib import Path

import numpy as np
import pytest

from rein.models.refiners.components import large_components

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools/benchmark_refinement.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_ways_find_the_same_regions(tool):
    labels = np.kron(np.random.RandomState(0).randint(0, 4, (12, 16)), np.ones((4, 4))).astype('u1')
    ours, theirs = large_components(labels, 40), tool.by_class(labels, 40)
    assert len(ours) > 3
    for one, other in zip(ours, theirs, strict=True):
        assert one.label == other.label
        assert np.array_equal(one.pixels, other.pixels)


def test_a_table_leaves_the_warm_up_out(tool):
    timer = tool.Timer('cpu')
    timer.taken = {'a': [9.0, 1.0, 3.0], 'b': [9.0, 2.0, 3.0]}
    rows = timer.table('work', 'a').splitlines()
    assert rows[2:] == ['| a | 2.0000 (1.0000) | 1.00 |', '| b | 2.5000 (2.0000) | 1.50 |']
