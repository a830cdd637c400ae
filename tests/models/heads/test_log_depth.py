"""Depth as a second task."""

import math

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import rein  # noqa: F401
from rein.models.heads.log_depth import log_depth_error


def test_ten_metres_taken_for_e_times_as_many_are_an_error_of_one():
    depth = torch.full((1, 1, 2, 2), 10.0)
    predicted = torch.full((1, 1, 2, 2), math.log(10) + 1)
    assert log_depth_error(predicted, depth).item() == pytest.approx(1, abs=1e-6)


def test_the_error_does_not_depend_on_the_unit():
    torch.manual_seed(0)
    depth, predicted = torch.rand(2, 1, 4, 4) + 0.5, torch.randn(2, 1, 4, 4)
    here = log_depth_error(predicted, depth)
    feet = log_depth_error(predicted + math.log(3.28), depth * 3.28)
    assert torch.allclose(here, feet, atol=1e-6)


def test_a_depth_of_nothing_and_other_shapes_are_refused():
    with pytest.raises(ValueError, match='0 m has no logarithm'):
        log_depth_error(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    with pytest.raises(ValueError, match=r'depth is \(1, 1, 2, 2\), predicted \(1, 1, 3, 2\)'):
        log_depth_error(torch.zeros(1, 1, 3, 2), torch.ones(1, 1, 2, 2))


def test_gradient_of_the_error():
    torch.manual_seed(1)
    predicted = torch.randn(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    depth = torch.rand(1, 1, 3, 3, dtype=torch.float64) + 1
    assert torch.autograd.gradcheck(lambda x: log_depth_error(x, depth), predicted)


def test_the_head_learns_the_depth_of_a_wall():
    init_default_scope('mmseg')
    torch.manual_seed(0)
    head = MODELS.build(
        dict(
            type='LogDepthHead',
            in_channels=8,
            channels=8,
            num_convs=1,
            up_scale=2,
            norm_cfg=dict(type='BN'),
            loss_weight=2.0,
        )
    )
    sample = SegDataSample()
    sample.gt_depth_map = PixelData(data=torch.full((1, 16, 16), 7.0))
    maps = torch.randn(1, 8, 4, 4)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        loss = head.loss([maps], [sample], None)['loss_depth']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(2 * math.log(7), rel=0.1)  # logits start near 0
    assert losses[-1] < 0.2
