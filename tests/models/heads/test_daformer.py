"""DAFormer's head against the authors' code; DeepLabV2's by hand."""

import json
import math

import pytest
import torch
from recipes import REFERENCE

from rein.models.heads import DAFormerHead, DeepLabV2Head

RECORDED = json.loads((REFERENCE / 'uda.json').read_text())


def recorded_weights(head):
    with torch.no_grad():
        for number, (_, weight) in enumerate(sorted(head.named_parameters())):
            places = torch.arange(weight.numel(), dtype=torch.float64)
            weight.copy_((0.05 * torch.sin(places + number)).view_as(weight))
    return head.eval()


def recorded_maps(side=16):
    maps = []
    for level, channels in enumerate((64, 128, 320, 512)):
        size = side >> level
        places = torch.arange(channels * size * size, dtype=torch.float64)
        maps.append((0.5 * torch.sin(0.37 * places + level)).float().view(1, channels, size, size))
    return maps


def test_daformers_head_has_the_names_and_shapes_of_the_authors():
    recorded = RECORDED['daformer_head']
    state = DAFormerHead(num_classes=19).state_dict()
    assert {name: list(each.shape) for name, each in state.items()} == recorded['state_dict']


def test_daformers_head_gives_the_recorded_scores():
    recorded = RECORDED['daformer_head']
    scores = recorded_weights(DAFormerHead(num_classes=19))(recorded_maps())
    assert list(scores.shape) == recorded['out_shape']
    assert float(scores.abs().sum()) == pytest.approx(recorded['out_abs_sum'], rel=1e-6)
    assert float(scores.sum()) == pytest.approx(recorded['out_sum'], rel=1e-5)
    first, last = scores[0, 0, 0, :8], scores[0, 18, 15, :8]
    torch.testing.assert_close(first.tolist(), recorded['out_0_c0_row0'], atol=1e-6, rtol=0)
    torch.testing.assert_close(last.tolist(), recorded['out_0_c18_row15'], atol=1e-6, rtol=0)


def test_without_dilations_it_is_the_attention_of_hrda():
    recorded = RECORDED['hrda_head']
    head = DAFormerHead(num_classes=19, dilations=None)
    shapes = {name: list(each.shape) for name, each in head.state_dict().items()}
    assert shapes == recorded['scale_attention_state']
    assert sum(p.numel() for p in head.parameters()) == recorded['scale_attention_params']


def test_every_map_has_a_part_in_daformers_scores():
    head = DAFormerHead(in_channels=(4, 8), channels=8, num_classes=3)
    maps = [
        torch.randn(2, 4, 8, 12, requires_grad=True),
        torch.randn(2, 8, 4, 6, requires_grad=True),
    ]
    scores = head(maps)
    assert scores.shape == (2, 3, 8, 12)
    scores.square().sum().backward()
    assert all(each.grad.abs().sum() > 0 for each in maps)


def test_deeplabv2_adds_what_its_dilations_see():
    head = DeepLabV2Head(in_channels=1, in_index=0, num_classes=2, dilations=(1, 2))
    with torch.no_grad():
        for number, conv in enumerate(head.convs, 1):
            conv.weight.fill_(number)
            conv.bias.fill_(10 * number)
    point = torch.zeros(1, 1, 5, 5)
    point[0, 0, 2, 2] = 1.0
    expected = torch.tensor(
        [
            [32.0, 30.0, 32.0, 30.0, 32.0],
            [30.0, 31.0, 31.0, 31.0, 30.0],
            [32.0, 31.0, 33.0, 31.0, 32.0],
            [30.0, 31.0, 31.0, 31.0, 30.0],
            [32.0, 30.0, 32.0, 30.0, 32.0],
        ]
    )
    torch.testing.assert_close(head((point,))[0, 1], expected)


def test_deeplabv2_begins_small_and_has_the_published_size():
    head = DeepLabV2Head(num_classes=19)
    head.init_weights()
    assert sum(p.numel() for p in head.parameters()) == 2 * (2048 * 19 * 9 + 19)
    assert float(head.convs[0].weight.std()) == pytest.approx(0.01, rel=0.02)
    assert all(float(conv.bias.abs().max()) == 0 for conv in head.convs)
    assert math.isclose(float(head.convs[1].weight.mean()), 0, abs_tol=1e-4)
