import random
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample
from torch.utils.data import Dataset

import rein.models  # noqa: F401
from rein.hooks.whitening_masks import WhiteningMasksHook


@DATASETS.register_module()
class TwoStyles(Dataset):
    """Images in two views of which one is brighter in a channel; counts what was fetched."""

    fetched: ClassVar[list] = []

    def __init__(self, pipeline, two=True):
        self.two = two

    def __len__(self):
        return 6

    def __getitem__(self, idx):
        self.fetched.append(idx)
        image = torch.randint(0, 200, (3, 32, 32), dtype=torch.uint8)
        sample = dict(inputs=image, data_samples=SegDataSample())
        if self.two:
            moved = image.float() * torch.rand(3, 1, 1)
            sample['restyled'] = moved.to(torch.uint8)
        return sample


class Lines(list):
    def info(self, text):
        self.append(text)


@pytest.fixture
def runner():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    TwoStyles.fetched = []
    segmentor = dict(
        type='FoundationSegmentor',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3, size=(32, 32)
        ),
        backbone=dict(
            type='StyleResNet',
            depth=18,
            stem_channels=8,
            base_channels=8,
            norms=dict(stem=dict(type='IN'), stage1=dict(type='IN')),
        ),
        decode_head=dict(
            type='DeepLabV3PlusHead', num_classes=3, channels=8, c1_channels=4, dilations=(2,)
        ),
        test_cfg=dict(mode='whole'),
    )
    losses = dict(isw=dict(type='SelectiveInstanceWhitening', clusters=2))
    model = MODELS.build(ConfigDict(type='OneView', segmentor=segmentor, losses=losses))
    dataset = dict(type='SeededDataset', dataset=dict(type='TwoStyles', pipeline=[]))
    cfg = ConfigDict(train_dataloader=dict(dataset=dataset))
    return SimpleNamespace(model=model.train(), iter=0, cfg=cfg, logger=Lines())


def chosen(runner):
    loss = runner.model.losses['isw']
    return [loss.chosen(i).clone() for i in range(2)]


def test_pairs_are_chosen_once_and_not_before_it_is_time(runner):
    hook = WhiteningMasksHook(begin=3, images=4, trials=2)
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert TwoStyles.fetched == []
    runner.iter = 3
    hook.before_train_iter(runner, 0)
    assert len(TwoStyles.fetched) == 8
    assert len(set(TwoStyles.fetched[:4])) == 4
    assert runner.model.losses['isw'].trials == 2
    assert all(part.any() for part in chosen(runner))
    runner.iter = 4
    hook.before_train_iter(runner, 0)
    assert len(TwoStyles.fetched) == 8
    assert 'pairs of channels that change with style' in runner.logger[-1]


def test_training_goes_on_as_if_nothing_had_been_measured(runner):
    numbers = runner.model.segmentor.backbone.layer1[0].bn1.running_mean.clone()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.random(), np.random.rand(), torch.rand(1)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    WhiteningMasksHook(begin=0, images=2, trials=1).before_train_iter(runner, 0)
    assert (random.random(), np.random.rand(), torch.rand(1)) == expected
    assert runner.model.training
    assert torch.equal(runner.model.segmentor.backbone.layer1[0].bn1.running_mean, numbers)
    assert all(parameter.grad is None for parameter in runner.model.parameters())


def test_the_same_seed_chooses_the_same_pairs(runner):
    found = []
    for seed in (0, 0, 1):
        runner.model.losses['isw'].trials.zero_()
        torch.manual_seed(seed + 7)
        WhiteningMasksHook(begin=0, images=3, trials=1, seed=seed).before_train_iter(runner, 0)
        found.append(chosen(runner))
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(found[0], found[2], strict=True))


def test_a_model_without_such_a_loss_is_refused_before_training(runner):
    runner.model.losses.clear()
    with pytest.raises(ValueError, match='no loss of the model chooses pairs of channels'):
        WhiteningMasksHook(begin=0).before_train(runner)


def test_data_without_a_second_view_are_refused(runner):
    hook = WhiteningMasksHook(begin=0, dataset=dict(type='TwoStyles', two=False))
    with pytest.raises(ValueError, match='makes no second view'):
        hook.before_train_iter(runner, 0)


@pytest.mark.parametrize('settings', [dict(begin=-1), dict(begin=0, images=0)])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ValueError, match='WhiteningMasksHook: begin='):
        WhiteningMasksHook(**settings)
