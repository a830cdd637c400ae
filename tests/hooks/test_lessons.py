"""Pictures of what a student learns from."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from networks import HRDA
from PIL import Image

from rein.hooks import LessonPicturesHook

META = dict(
    classes=('a', 'b', 'c', 'd', 'e'),
    palette=[[250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0], [0, 250, 250]],
)


@pytest.fixture
def runner(tmp_path):
    """A model that is about to take a step on two labelled images and three others."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = dict(
        type='SelfTraining',
        segmentor=copy.deepcopy(HRDA),
        labelling=[dict(type='ConfidentShare', threshold=0.1)],
        mixing=dict(type='ClassMix'),
        masking=dict(type='MaskedConsistency', mask=dict(type='BlockMask', block=16)),
        passes=dict(type='SourceThenTarget'),
    )
    model = MODELS.build(ConfigDict(config)).train()
    model.begin_teaching(anew=True)
    dataset = SimpleNamespace(metainfo=META)
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(model=model, iter=0, work_dir=str(tmp_path), train_dataloader=loader)


def step(runner, hook, iteration):
    runner.iter = iteration
    hook.before_train_iter(runner, iteration)
    samples = [SegDataSample(metainfo={'img_shape': (64, 64)}) for _ in range(5)]
    for sample in samples[::2][:2]:
        sample.gt_sem_seg = PixelData(data=torch.full((1, 64, 64), 2))
    losses = runner.model.loss(torch.rand(5, 3, 64, 64) * 255, samples)
    hook.after_train_iter(runner, iteration)
    return losses


def test_a_picture_comes_every_so_many_iterations_and_shows_what_is_learnt(runner, tmp_path):
    hook = LessonPicturesHook(interval=2, count=2)
    for iteration in range(3):
        step(runner, hook, iteration)
    assert sorted(p.name for p in (tmp_path / 'lessons').iterdir()) == ['iter_0.jpg', 'iter_2.jpg']
    picture = np.asarray(Image.open(tmp_path / 'lessons/iter_2.jpg'))
    # Two rows of six panels of 64, and the legend.
    assert picture.shape[1] == 6 * 64 + 5 * 4
    assert picture.shape[0] > 2 * 64
    pasted = picture[30:70, 3 * 68 : 3 * 68 + 64].reshape(-1, 3).astype(int)  # mixed labels
    assert (abs(pasted - [0, 0, 250]).max(1) < 60).any()


def test_what_is_watched_changes_no_loss(runner):
    np.random.seed(0)
    torch.manual_seed(5)
    watched = step(runner, LessonPicturesHook(interval=1), 0)
    np.random.seed(0)
    torch.manual_seed(5)
    plain = step(runner, LessonPicturesHook(interval=100), 7)
    assert runner.model.watch is None
    for name, value in plain.items():
        torch.testing.assert_close(value, watched[name], msg=name)


def test_a_model_that_learns_otherwise_is_refused(runner):
    hook = LessonPicturesHook()
    hook.before_train(runner)
    runner.model = runner.model.segmentor
    with pytest.raises(ValueError, match=r'LessonPicturesHook is for .*not for HRDASegmentor'):
        hook.before_train(runner)


def test_numbers_below_one_are_refused():
    with pytest.raises(ValueError, match='LessonPicturesHook: interval=0'):
        LessonPicturesHook(interval=0)
