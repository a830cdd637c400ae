import json
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from recipes import REFERENCE
from torch.utils.data import Dataset

from rein.datasets import FixedRatioSampler, RepeatFactorSampler, SeededDataset, SourceAndTarget
from rein.datasets.views import TwoViews

RECORDED = json.loads(Path(REFERENCE, 'self_training.json').read_text())


class Numbers(Dataset):
    """Samples that say which they are."""

    def __init__(self, count, first=0, **more):
        self.metainfo = {'classes': ('one',)}
        self.count, self.first, self.more = count, first, more

    def __len__(self):
        return self.count

    def get_data_info(self, idx):
        return {'img_path': str(self.first + idx)}

    def __getitem__(self, idx):
        return {'inputs': torch.tensor(self.first + idx), **self.more}


def both(source=6, target=4):
    return SeededDataset(SourceAndTarget(Numbers(source), Numbers(target, 100)))


def test_the_target_is_behind_the_source():
    dataset = both()
    assert (len(dataset), dataset.sizes) == (10, (6, 4))
    assert dataset.metainfo == {'classes': ('one',)}
    assert [int(dataset[k]['inputs']) for k in (0, 5, 6, 9)] == [0, 5, 100, 103]
    assert [dataset.get_data_info(k)['img_path'] for k in (5, 6)] == ['5', '100']


def test_samples_of_both_have_a_second_view_if_either_makes_one():
    views = Numbers(2, 100, restyled=torch.tensor(7))
    views.pipeline = SimpleNamespace(transforms=[TwoViews(original=[], restyled=[])])
    dataset = SourceAndTarget(Numbers(2), SeededDataset(views))
    assert [int(dataset[k]['restyled']) for k in (1, 2)] == [1, 7]
    plain = SourceAndTarget(Numbers(2), Numbers(2))
    assert all('restyled' not in plain[k] for k in range(4))


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match=r'SourceAndTarget has \(3, 0\) images'):
        SourceAndTarget(Numbers(3), Numbers(0))


def test_the_random_mix_is_that_of_the_reference():
    case = RECORDED['sampler']
    sampler = RepeatFactorSampler(both(), factors=(1.0, 0.7), seed=case['seed'])
    assert [index for index, _ in islice(sampler, 30)] == case['first_30']


@pytest.mark.parametrize('name', RECORDED['mix'])
def test_the_mix_of_published_factors_is_as_published(name):
    case = RECORDED['mix'][name]
    sizes = case['source_images'], case['generated_images']
    sampler = RepeatFactorSampler(both(*sizes), factors=(1.0, case['target_factor']), seed=0)
    taken = np.array([index for index, _ in islice(sampler, 40_000)])
    assert (taken >= sizes[0]).mean() == pytest.approx(case['generated_fraction'], abs=0.01)


def test_a_fixed_ratio_holds_in_every_batch_and_every_image_comes_once_a_pass():
    sampler = FixedRatioSampler(both(6, 4), ratio=(3, 1), seed=1)
    taken = np.array([index for index, _ in islice(sampler, 32)]).reshape(8, 4)
    assert (taken[:, :3] < 6).all() and (taken[:, 3] >= 6).all()
    source, target = taken[:, :3].ravel(), taken[:, 3]
    assert sorted(source[:6]) == sorted(source[6:12]) == list(range(6))
    assert sorted(target[:4]) == sorted(target[4:]) == [6, 7, 8, 9]
    assert source[:6].tolist() != source[6:12].tolist()


@pytest.mark.parametrize(
    'make',
    [
        lambda: FixedRatioSampler(both(), ratio=(2, 1), seed=5),
        lambda: RepeatFactorSampler(both(), factors=(1.0, 1.5), seed=5),
    ],
)
def test_a_stream_is_taken_up_where_it_was_broken_off(make):
    whole = list(islice(make(), 50))
    later = make()
    later.skip(17)
    assert list(islice(later, 33)) == whole[17:]
    assert len({seed for _, seed in whole}) == 50
    with pytest.raises(ValueError, match='num_samples -1 is negative'):
        later.skip(-1)


@pytest.mark.parametrize('kind', [FixedRatioSampler, RepeatFactorSampler])
def test_processes_share_the_stream(kind, monkeypatch):
    whole = [seed for _, seed in islice(kind(both(), seed=2), 24)]
    shared = []
    for rank in (0, 1):
        monkeypatch.setattr('rein.datasets.sampling.get_dist_info', lambda rank=rank: (rank, 2))
        shared.append({seed for _, seed in islice(kind(both(), seed=2), 12)})
    assert shared[0].isdisjoint(shared[1])
    assert shared[0] | shared[1] == set(whole)


def test_a_source_that_draws_its_samples_is_asked_for_them():
    class Drawing(Numbers):
        def items_of_pass(self, seed):
            return np.array([2, 2, 0])

    dataset = SeededDataset(SourceAndTarget(Drawing(3), Numbers(1, 100)))
    taken = [index for index, _ in islice(FixedRatioSampler(dataset, seed=0), 6)]
    assert taken == [2, 3, 2, 3, 0, 3]


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: FixedRatioSampler(SeededDataset(Numbers(3))), 'FixedRatioSampler draws from lab'),
        (lambda: RepeatFactorSampler(Numbers(3)), "type='SourceAndTarget'"),
        (lambda: FixedRatioSampler(both(), ratio=(1, 0)), r'ratio is \(1, 0\)'),
        (lambda: RepeatFactorSampler(both(), factors=(0.5, 0.5)), 'one of them 1 or more'),
    ],
)
def test_what_cannot_be_sampled_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
