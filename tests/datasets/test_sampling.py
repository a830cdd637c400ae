import random
from itertools import islice

import numpy as np
import pytest
import tiny_datasets as tiny
import torch
from mmengine.dataset import ConcatDataset
from mmengine.registry import init_default_scope
from mmengine.runner.loops import _InfiniteDataloaderIterator
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader

from rein.datasets import GTA5, ReplaySampler, SeededDataset

AUGMENT = [
    dict(type='LoadImage'),
    dict(type='LoadLabels'),
    dict(
        type='RandomChoiceResize',
        scales=[20, 24, 40],
        resize_type='ResizeShortestEdge',
        max_size=80,
    ),
    dict(type='RandomCrop', crop_size=(16, 16), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackInputs'),
]


class Draws(torch.utils.data.Dataset):
    """Gives the index and a number from each generator."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index, random.random(), np.random.rand(), torch.rand(()).item()


@pytest.fixture
def ranks(monkeypatch):
    def become(rank, world_size):
        monkeypatch.setattr('rein.datasets.sampling.get_dist_info', lambda: (rank, world_size))

    return become


def sampler(size, **kwargs):
    return ReplaySampler(SeededDataset(Draws(size)), seed=3, **kwargs)


def test_every_pass_has_each_sample_once_in_an_order_of_its_own():
    indices = [index for index, _ in islice(sampler(7), 21)]
    passes = [indices[0:7], indices[7:14], indices[14:21]]
    assert all(sorted(one) == list(range(7)) for one in passes)
    assert passes[0] != passes[1] != passes[2]


def test_without_shuffling_the_order_is_that_of_the_data_set():
    assert [index for index, _ in islice(sampler(3, shuffle=False), 7)] == [0, 1, 2, 0, 1, 2, 0]


def test_the_stream_is_the_same_every_time_and_another_for_another_seed():
    stream = list(islice(sampler(5), 12))
    again = sampler(5)
    assert list(islice(again, 12)) == list(islice(again, 12)) == stream
    other = ReplaySampler(SeededDataset(Draws(5)), seed=4)
    assert list(islice(other, 12)) != stream


def test_the_first_samples_of_the_stream_are_those_recorded():
    # A resumed run relies on them staying so over versions of NumPy.
    assert list(islice(sampler(5), 3)) == [
        (2, 1576890651),
        (1, 457190280),
        (0, 960329833),
    ]


def test_no_two_samples_share_a_seed():
    seeds = [seed for _, seed in islice(sampler(10), 2000)]
    assert len(set(seeds)) == 2000
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_processes_share_one_stream_without_overlap(ranks):
    whole = list(islice(sampler(7), 12))
    parts = []
    for rank in range(2):
        ranks(rank, 2)
        parts.append(list(islice(sampler(7), 6)))
    assert [sample for pair in zip(*parts, strict=True) for sample in pair] == whole


@pytest.mark.parametrize('world_size', [1, 3])
def test_skipping_takes_up_the_stream_where_it_was_broken_off(ranks, world_size):
    ranks(world_size - 1, world_size)
    whole = list(islice(sampler(5), 20))
    resumed = sampler(5)
    resumed.skip(13)
    assert list(islice(resumed, 7)) == whole[13:]
    with pytest.raises(ValueError, match='num_samples -1'):
        resumed.skip(-1)


@pytest.mark.parametrize('num_workers', [0, 2])
def test_a_resumed_loader_gives_the_batches_of_one_that_never_stopped(num_workers):
    def batches(skipped, count):
        dataset = SeededDataset(Draws(7))
        loader = DataLoader(
            dataset,
            batch_size=2,
            num_workers=num_workers,
            sampler=ReplaySampler(dataset, seed=3),
            collate_fn=list,
        )
        iterator = _InfiniteDataloaderIterator(loader)
        iterator.skip_iter(skipped)
        return [next(iterator) for _ in range(count)]

    assert batches(5, 3) == batches(0, 8)[5:]


def test_augmented_samples_do_not_depend_on_the_number_of_workers(tmp_path):
    init_default_scope('mmseg')
    tiny.gta5(tmp_path)
    dataset = SeededDataset(dict(type='GTA5', data_root=str(tmp_path), pipeline=AUGMENT))
    streams = []
    for num_workers in (0, 2):
        torch.manual_seed(num_workers)
        np.random.seed(num_workers)
        order = list(islice(ReplaySampler(dataset, seed=0), 6))
        loader = DataLoader(dataset, 2, sampler=order, num_workers=num_workers, collate_fn=list)
        streams.append([sample for batch in loader for sample in batch])
    for one, other in zip(*streams, strict=True):
        assert torch.equal(one['inputs'], other['inputs'])
        assert torch.equal(
            one['data_samples'].gt_sem_seg.data, other['data_samples'].gt_sem_seg.data
        )
    first = [s['inputs'].float().mean().item() for s in streams[0]]
    assert len(set(first)) == 6  # and they are all different


def test_all_three_generators_follow_from_the_seed_of_the_sample():
    dataset = SeededDataset(Draws(4))
    assert dataset[2, 9] == dataset[2, 9]
    assert all(a != b for a, b in zip(dataset[2, 9][1:], dataset[2, 10][1:], strict=True))
    assert dataset[3][0] == 3  # a bare index for looking at samples


def test_a_seeded_data_set_passes_on_what_others_ask_of_it(tmp_path):
    init_default_scope('mmseg')
    tiny.gta5(tmp_path / 'a')
    tiny.gta5(tmp_path / 'b', count=2)
    parts = [
        GTA5(data_root=tmp_path / part, domain=part, lazy_init=True, pipeline=AUGMENT)
        for part in 'ab'
    ]
    dataset = SeededDataset(ConcatDataset(parts, lazy_init=True))
    dataset.full_init()
    assert len(dataset) == 5
    assert dataset.metainfo['classes'][0] == 'road'
    assert dataset.get_data_info(4)['domain'] == 'b'
    assert dataset[4, 0]['data_samples'].domain == 'b'


def test_a_data_set_that_takes_no_seeds_is_refused_with_the_mend():
    with pytest.raises(ValueError, match=r"dict\(type='SeededDataset', dataset=...\)"):
        DATA_SAMPLERS.build(dict(type='ReplaySampler', dataset=Draws(3)))
    with pytest.raises(ValueError, match='is empty'):
        sampler(0)
