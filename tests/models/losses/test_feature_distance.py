"""The distance to features before training, against DAFormer's code and by hand."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from recipes import REFERENCE
from torch import nn

from rein.models.losses import ThingFeatureDistance
from rein.models.losses.feature import View
from rein.models.losses.feature_distance import THINGS, feature_distance, shrunk_labels
from rein.models.segmentors import OneView

RECORDED = json.loads((REFERENCE / 'uda.json').read_text())['feature_distance']
LABELS = torch.tensor(RECORDED['gt'])


def recorded_maps():
    draw = np.random.RandomState(7)
    return [torch.from_numpy(draw.randn(2, 5, 4, 4).astype(np.float32)) for _ in range(2)]


def test_labels_shrink_to_the_recorded_ones():
    found = shrunk_labels(LABELS, (4, 4), RECORDED['n_classes'], RECORDED['min_ratio'])
    assert found.tolist() == RECORDED['downscaled']


def test_the_distance_is_the_recorded_one():
    first, second = recorded_maps()
    mask = torch.tensor(RECORDED['fd_mask'], dtype=torch.bool)
    assert float(feature_distance(first, second, mask)) == pytest.approx(RECORDED['fd'], rel=1e-6)
    every = torch.ones_like(mask)
    found = float(feature_distance(first, second, every))
    assert found == pytest.approx(RECORDED['fd_unmasked'], rel=1e-6)


def test_only_chosen_positions_have_a_gradient():
    first, second = recorded_maps()
    mask = torch.tensor(RECORDED['fd_mask'], dtype=torch.bool)
    first.requires_grad_()
    (0.005 * feature_distance(first, second, mask)).backward()
    assert torch.equal(first.grad.abs().sum(1) > 0, mask)
    assert float(first.grad.abs().sum()) == pytest.approx(RECORDED['grad_abs_sum'], rel=1e-5)


def test_a_crop_without_things_has_a_distance_and_a_gradient_of_zero():
    first, second = recorded_maps()
    first.requires_grad_()
    found = feature_distance(first, second, torch.zeros(2, 4, 4, dtype=torch.bool))
    found.backward()
    assert found == 0
    assert torch.equal(first.grad, torch.zeros_like(first))


def test_equal_features_have_no_distance_and_a_finite_gradient():
    maps = torch.ones(1, 3, 2, 2, requires_grad=True)
    found = feature_distance(maps, torch.ones(1, 3, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool))
    found.backward()
    assert found == 0
    assert torch.isfinite(maps.grad).all()


def test_the_distance_of_one_position_by_hand():
    first = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    mask = torch.ones(1, 1, 1, dtype=torch.bool)
    assert float(feature_distance(first, torch.zeros(1, 2, 1, 1), mask)) == 5.0


def test_feature_distance_gradient():
    first, second = (maps.double() for maps in recorded_maps())
    mask = torch.tensor(RECORDED['fd_mask'], dtype=torch.bool)
    first.requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: feature_distance(maps, second, mask), first)


@pytest.mark.parametrize('share', [0.74, 0.75])
def test_a_class_must_fill_its_share_of_a_cell(share):
    labels = torch.zeros(1, 10, 10, dtype=torch.long)
    labels.view(-1)[: round(100 * share)] = 13
    expected = 13 if share >= 0.75 else 255
    assert int(shrunk_labels(labels, (1, 1), 19, 0.75)) == expected


def test_sizes_that_do_not_go_together_are_named():
    with pytest.raises(ValueError, match=r'labels of \(10, 10\) and a map of \(3, 3\)'):
        shrunk_labels(torch.zeros(1, 10, 10, dtype=torch.long), (3, 3), 19, 0.75)


@MODELS.register_module(force=True)
class PooledColours(nn.Module):
    """A network of one map, which tells when it is built."""

    built = 0

    def __init__(self):
        super().__init__()
        type(self).built += 1
        self.scale = nn.Parameter(torch.ones(()))

    def init_weights(self):
        torch.rand(3)  # as most networks do
        nn.init.constant_(self.scale, 2.0)

    def forward(self, images):
        return (self.scale * nn.functional.avg_pool2d(images, 4),)


def view():
    first, _ = recorded_maps()
    images = torch.rand(2, 3, 16, 16)
    return View({'backbone[0]': first[:, :3]}, None, LABELS, images)


def test_the_loss_compares_with_a_network_that_is_no_part_of_the_model():
    PooledColours.built = 0
    loss = ThingFeatureDistance(dict(type='PooledColours'), {'backbone[0]': 3})
    assert PooledColours.built == 0
    seen = view()
    value = loss([seen])['loss']
    mask = torch.tensor(RECORDED['fd_mask'], dtype=torch.bool)
    wanted = 2.0 * nn.functional.avg_pool2d(seen.images, 4)
    expected = 0.005 * feature_distance(seen.maps['backbone[0]'], wanted, mask)
    torch.testing.assert_close(value, expected)
    loss([seen])
    assert PooledColours.built == 1
    assert not list(loss.parameters())
    assert not loss.state_dict()
    assert not loss.reference.training


def test_the_step_that_builds_the_network_draws_the_numbers_of_any_other():
    loss, seen, drawn = (
        ThingFeatureDistance(dict(type='PooledColours'), {'backbone[0]': 3}),
        view(),
        [],
    )
    for _ in range(2):
        torch.manual_seed(0)
        loss([seen])
        drawn.append(torch.rand(2))
    assert torch.equal(*drawn)


def test_things_are_those_of_the_reference():
    assert list(THINGS) == RECORDED['fd_classes']


def test_one_map_is_compared():
    with pytest.raises(ValueError, match='name one map'):
        ThingFeatureDistance(dict(type='PooledColours'), {'backbone[0]': 3, 'backbone[1]': 4})


def test_one_view_hands_the_images_to_its_losses(monkeypatch):
    seen = []
    model = OneView.__new__(OneView)
    nn.Module.__init__(model)
    monkeypatch.setattr(
        model, 'run', lambda images, samples: ({}, [], {'a': images}), raising=False
    )
    monkeypatch.setattr(model, 'auxiliary', lambda *_: {}, raising=False)
    model.losses = nn.ModuleDict()
    part = nn.Module()
    part.forward = lambda views: seen.append(views) or {}
    model.losses['part'] = part
    images = torch.rand(1, 3, 4, 4)
    sample = SimpleNamespace(gt_sem_seg=SimpleNamespace(data=torch.zeros(1, 4, 4)))
    model.loss(images, [sample])
    assert seen[0][0].images is images
