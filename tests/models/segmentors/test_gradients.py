"""Gradients worked out part by part are those of all parts together."""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from networks import HRDA
from test_self_training import batch
from torch import nn

from rein.models.segmentors.gradients import SequentialLosses

MASKING = dict(type='MaskedConsistency', mask=dict(type='BlockMask', block=8))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def gradients(backward, *, scale=1.0, **settings):
    torch.manual_seed(0)
    config = dict(
        type='SelfTraining',
        segmentor={**copy.deepcopy(HRDA), **settings},
        labelling=[dict(type='ConfidentShare', threshold=0.1)],
        masking=MASKING,
        passes=dict(type='SourceThenTarget', backward=backward),
    )
    model = MODELS.build(ConfigDict(config)).train()
    model.begin_teaching(anew=True)
    images, samples, _ = batch('luu', size=64)
    np.random.seed(0)  # places of the detail
    losses = model.loss(images, samples)
    total, logged = model.parse_losses(losses)
    (scale * total).backward()
    return logged, {name: p.grad for name, p in model.student.named_parameters()}


def test_the_gradients_and_what_is_logged_are_those_of_one_backward_pass():
    wanted, joint = gradients('joint')
    found, turn = gradients('sequential')
    assert list(found) == list(wanted)
    for name, value in wanted.items():
        assert float(found[name]) == pytest.approx(float(value)), name
    for name, gradient in joint.items():
        torch.testing.assert_close(turn[name], gradient, msg=name)


def test_a_scale_of_the_sum_reaches_the_gradients():
    _, once = gradients('sequential')
    _, half = gradients('sequential', scale=0.5)
    for name, gradient in once.items():
        torch.testing.assert_close(half[name], gradient / 2)


def test_checkpointed_backbones_have_gradients_too():
    backbone = {**HRDA['backbone'], 'with_cp': True}
    _, wanted = gradients('joint')
    _, found = gradients('sequential', backbone=backbone)
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, msg=name)


def test_half_precision_goes_with_it():
    with torch.autocast('cpu', torch.bfloat16):
        _, wanted = gradients('joint')
        _, found = gradients('sequential')
    for name, gradient in wanted.items():
        assert torch.isfinite(found[name]).all(), name
        assert (found[name] - gradient).norm() <= 0.1 * gradient.norm() + 1e-3, name


def test_what_a_part_kept_is_free_before_the_next_one_runs():
    layer = nn.Linear(4, 4)
    losses = SequentialLosses(layer.parameters())
    alive = []

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            alive.append(1)
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            alive.pop()
            return gradient

    for number in range(3):
        assert not alive
        losses.add({f'loss_{number}': Watched.apply(layer(torch.ones(1, 4)).square().sum())})
    assert not alive


def test_losses_in_lists_and_numbers_that_are_none_keep_their_values():
    weight = nn.Parameter(torch.tensor(3.0))
    losses = SequentialLosses([weight])
    losses.add({'loss_list': [weight * 2, weight**2], 'acc': torch.tensor(0.5)})
    losses.add({'share': torch.tensor(0.25)})
    found = losses.result()
    assert {name: float(value) for name, value in found.items()} == {
        'loss_list': 15.0, 'acc': 0.5, 'share': 0.25,
    }  # fmt: skip
    found['loss_list'].backward()
    assert weight.grad == 2 + 2 * 3


def test_float16_is_refused_since_there_is_no_scale():
    losses = SequentialLosses([nn.Parameter(torch.ones(1))])
    with (
        torch.autocast('cpu', torch.float16),
        pytest.raises(ValueError, match=r"set optim_wrapper.dtype='bfloat16'"),
    ):
        losses.add({'loss': torch.ones(1, requires_grad=True).sum()})


def test_parameters_that_share_a_gradient_each_have_their_own():
    def learnt(collect):
        torch.manual_seed(0)
        one, two = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
        parts = [
            {'loss': ((one + two) ** 2).sum()},
            {'other_loss': one.sum() + ((one + two) ** 2).sum()},
        ]
        collect([one, two], parts)
        return one.grad, two.grad

    def joint(parameters, parts):
        sum(value for part in parts for value in part.values()).backward()

    def in_turn(parameters, parts):
        losses = SequentialLosses(parameters)
        for part in parts:
            losses.add(part)
        sum(losses.result().values()).backward()

    for found, wanted in zip(learnt(in_turn), learnt(joint), strict=True):
        torch.testing.assert_close(found, wanted)
