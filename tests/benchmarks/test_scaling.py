"""What processes send, counted and on paper (docs/distributed.md has the table)."""

import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import distributed

from rein.benchmarks.scaling import (
    MODES,
    ScalingBench,
    hiding_batch,
    measure,
    ring_bytes,
    trained_bytes,
)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/runtime'))
from tiny_processes import in_processes, write_run  # noqa: E402

CONFIGS = {'Rein': 'rein/dinov2_gta2city.py', 'full': 'rein/dinov2_full_gta2cbm.py'}
# Gigabytes a second of each process, in one direction.
NETWORKS = {'10 Gb/s Ethernet': 1.25, '100 Gb/s': 12.5, 'NVLink 4': 450.0}
BACKWARD = 0.060 / 4  # seconds an image, docs/results.md


def shown(number):
    return f'{number:,.0f}' if number >= 10 else f'{number:.2g}'


def gradients(path):
    """Bytes of the gradients of a config of real size."""
    init_default_scope('mmseg')
    settings = Config.fromfile(ROOT / 'configs' / path).model
    settings.backbone.weights = None
    with torch.device('meta'):
        return trained_bytes(MODELS.build(settings))


def test_a_ring_of_two_sends_all_once_and_a_long_one_nearly_twice():
    assert ring_bytes(100, 1) == 0
    assert ring_bytes(100, 2) == 100
    assert ring_bytes(100, 8) == 175


def test_half_a_gigabyte_hides_behind_ten_images_of_fifty_milliseconds():
    assert hiding_batch(5e8, bandwidth=1e9, backward=0.05) == pytest.approx(10)


def test_the_page_has_the_bytes_and_the_batches_that_follow_from_them():
    page = (ROOT / 'docs/distributed.md').read_text()
    for name, path in CONFIGS.items():
        size = gradients(path)
        for processes in (2, 8):
            sent = ring_bytes(size, processes)
            batches = [hiding_batch(sent, rate * 1e9, BACKWARD) for rate in NETWORKS.values()]
            cells = [f'{size // 4:,}', str(processes), f'{sent / 1e6:,.0f} MB']
            cells += [f'{shown(sent / rate / 1e6)} ms' for rate in NETWORKS.values()]
            cells += [shown(batch) for batch in batches]
            assert re.search(
                rf'^\| {name}[^|]*\| {re.escape(" | ".join(cells))} \|$', page, re.M
            ), f'| {name} | {" | ".join(cells)} |'


def count_bytes(folder, path, size):
    distributed.init_process_group('gloo')
    init_default_scope('mmseg')
    config = Config.fromfile(path)
    bench = ScalingBench(config, size=size, batch=1, device=torch.device('cpu'))
    found = bench.bytes_per_iteration(), trained_bytes(bench.model)
    # Alone, process 0 must not wait for the other; its mask losses would.
    rates = measure(bench, rounds=1, iterations=1, dtype=torch.float32)
    if distributed.get_rank() == 0:
        torch.save((found, rates), folder / 'found.pt')
    distributed.destroy_process_group()


@pytest.mark.timeout(60)
@pytest.mark.skipif(torch.cuda.is_available(), reason='gloo is for machines without a GPU')
@pytest.mark.parametrize('kind', ['streets', 'masks'])
def test_only_gradients_of_adapter_and_head_are_sent(tmp_path, kind):
    if kind == 'streets':
        in_processes(count_bytes, tmp_path, ROOT / 'configs/streets/rein.py', (96, 192))
        trained = 160_724  # of 1.4 million parameters
    else:
        in_processes(count_bytes, tmp_path, write_run(tmp_path), (64, 64))
        trained = 1_825 + 63_468
    found, rates = torch.load(tmp_path / 'found.pt')
    assert found == (4 * trained, 4 * trained)
    assert rates.keys() == set(MODES) and min(min(each) for each in rates.values()) > 0
