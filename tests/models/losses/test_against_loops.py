"""Our pixel contrasts against loops over images and classes that project every pixel."""

import importlib.util
from pathlib import Path

import pytest
import torch
from recipes import backwards, cells, in_order, normal
from torch import nn

from rein.models.losses.feature import View
from rein.models.losses.pixel_contrast import PixelContrast

TOOL = Path(__file__).resolve().parents[3] / 'tools/benchmark_contrast.py'
TERMS = dict(
    cwcl=dict(type='ClassContrast', classes=6, samples=9),
    sdcl=dict(type='DisentanglementContrast', patches=5, most=40),
)


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('benchmark_contrast', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def views():
    labels = cells(1, 3, 64, 64, 8, 8)
    labels[0, :, 48:] = 255
    labels[1] = 255  # an image without a class
    found, scores = [], nn.functional.one_hot(labels[:, ::4, ::4].clamp(max=18), 19)
    scores = scores.permute(0, 3, 1, 2).float()
    torch.manual_seed(0)
    for seed in (2, 3):
        change = torch.rand(3, 1, 16, 16) < 0.3
        scores = torch.where(change, scores.roll(1, 1), scores)
        maps = {'fine': normal(seed, 3, 6, 16, 16), 'coarse': normal(seed + 9, 3, 8, 8, 8)}
        maps = {name: value.double().requires_grad_() for name, value in maps.items()}
        found.append(View(maps, scores, labels))
    return found


@pytest.mark.parametrize('order', [in_order, backwards])
def test_values_and_gradients_are_those_of_the_loops(monkeypatch, tool, order):
    monkeypatch.setattr(torch, 'randperm', order)
    found = []
    for kind in (PixelContrast, tool.LoopContrast):
        torch.manual_seed(0)
        loss = kind({'fine': 6, 'coarse': 8}, terms=TERMS, dims=4).double()
        both = views()
        losses = loss(both)
        sum(losses.values()).backward()
        grads = [part.grad for part in loss.parameters()]
        grads += [value.grad for value in both[1].maps.values()]
        found.append((losses, grads))
    (ours, our_grads), (theirs, their_grads) = found
    assert ours.keys() == theirs.keys()
    assert all(value > 0 for value in ours.values())
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-9, atol=0)
    for mine, other in zip(our_grads, their_grads, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-7, atol=1e-12)
