import math

import pytest
import torch
from torch import nn

from rein.models.heads.deformable_attention import (
    DeformableAttention,
    gather_levels,
    level_centres,
    sample_levels,
)

SIZES = [(2, 3), (4, 6)]
COUNT = 30


def bilinear(plane, x, y):
    """Value of a map (h, w) at x, y counted in positions, zero outside."""
    height, width = plane.shape
    total = 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < height and 0 <= column < width:
                total += (1 - abs(y - row)) * (1 - abs(x - column)) * plane[row, column].item()
    return total


def naive_attention(layer, tokens, position):
    """Deformable attention of one image in plain loops, from its definition."""
    query, value = tokens + position, layer.value_proj(tokens)
    heads, levels, points = layer.heads, layer.levels, layer.points
    offsets = layer.sampling_offsets(query).view(COUNT, heads, levels, points, 2)
    weights = layer.attention_weights(query).view(COUNT, heads, -1).softmax(-1)
    weights = weights.view(COUNT, heads, levels, points)
    dims = tokens.shape[-1] // heads
    starts = [0, SIZES[0][0] * SIZES[0][1]]
    places = [(r, c, size) for size in SIZES for r in range(size[0]) for c in range(size[1])]
    out = torch.zeros(COUNT, heads * dims, dtype=tokens.dtype)
    for n, (row, column, (height, width)) in enumerate(places):
        for head in range(heads):
            for level, (h, w) in enumerate(SIZES):
                block = value[starts[level] : starts[level] + h * w].view(h, w, heads, dims)
                for point in range(points):
                    dx, dy = offsets[n, head, level, point].tolist()
                    x = (column + 0.5) / width * w - 0.5 + dx
                    y = (row + 0.5) / height * h - 0.5 + dy
                    for channel in range(dims):
                        found = bilinear(block[:, :, head, channel], x, y)
                        share = weights[n, head, level, point]
                        out[n, head * dims + channel] += share * found
    return layer.output_proj(out)


@pytest.fixture
def layer():
    torch.manual_seed(0)
    layer = DeformableAttention(dims=8, heads=2, levels=2, points=3).double()
    nn.init.normal_(layer.sampling_offsets.weight)  # at first all zero
    nn.init.normal_(layer.attention_weights.weight)
    return layer


def levels(sizes=SIZES):
    found = level_centres(sizes)
    return found._replace(lengths=found.lengths.double(), centres=found.centres.double())


def test_centres_are_counted_in_positions_of_every_level():
    centres = level_centres([(1, 2), (1, 1)]).centres
    assert centres[:, 0].tolist() == [[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]]
    assert centres[:, 1].tolist() == [[-0.25, 0.0], [0.25, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize('gradients', [False, True])
def test_attention_equals_loops_written_from_its_definition(layer, gradients):
    tokens, position = torch.randn(2, COUNT, 8).double(), torch.randn(COUNT, 8).double()
    with torch.set_grad_enabled(gradients):
        found = layer(tokens, position, levels()).detach()
    with torch.no_grad():
        for image in range(2):
            expected = naive_attention(layer, tokens[image], position)
            torch.testing.assert_close(found[image], expected, rtol=0, atol=1e-6)


WAYS = pytest.mark.parametrize('read', [sample_levels, gather_levels])


@WAYS
def test_unmoved_points_read_the_token_itself(read):
    value, level = torch.randn(1, 24, 1, 5), level_centres([(4, 6)])
    places = level.centres[None, :, None, :, None]  # (1, 24, 1, 1, 1, 2)
    found = read(value, places, torch.ones(1, 24, 1, 1, 1), level)
    torch.testing.assert_close(found, value, rtol=0, atol=1e-5)


@WAYS
@pytest.mark.parametrize('place', [-7.5, -1.0, 6.0, 300.0])
def test_points_outside_the_map_count_as_zero(read, place):
    places, level = torch.full((1, 24, 1, 1, 1, 2), place), level_centres([(4, 6)])
    found = read(torch.ones(1, 24, 1, 5), places, torch.ones(1, 24, 1, 1, 1), level)
    assert found.abs().max() == 0


@WAYS
def test_places_of_a_diverged_network_end_nothing(read):
    places, level = torch.full((1, 24, 1, 1, 1, 2), math.nan), level_centres([(4, 6)])
    found = read(torch.ones(1, 24, 1, 5), places, torch.ones(1, 24, 1, 1, 1), level)
    assert found.shape == (1, 24, 1, 5)


def test_both_ways_of_reading_agree_everywhere_on_the_maps_and_around_them():
    torch.manual_seed(0)
    value = torch.randn(2, COUNT, 3, 4).double()
    places = 14 * torch.rand(2, 50, 3, 2, 4, 2).double() - 4
    places[:, :10] = places[:, :10].round()  # on positions and on the edges
    weights = torch.rand(2, 50, 3, 2, 4).double()
    found = gather_levels(value, places, weights, levels())
    expected = sample_levels(value, places, weights, levels())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_first_offsets_go_out_from_the_token_in_as_many_directions_as_heads():
    layer = DeformableAttention(dims=8, heads=4, levels=1, points=2)
    offsets = layer.sampling_offsets.bias.view(4, 1, 2, 2).detach()
    right, down = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    torch.testing.assert_close(offsets[0, 0], torch.stack([right, 2 * right]))
    torch.testing.assert_close(offsets[1, 0], torch.stack([down, 2 * down]))


def test_attention_gradient(layer):
    tokens = torch.randn(1, COUNT, 8).double().requires_grad_()
    position = torch.randn(COUNT, 8).double()

    def run(tokens):
        return layer(tokens, position, levels())

    assert torch.autograd.gradcheck(run, (tokens,), fast_mode=True)


def test_width_that_heads_do_not_divide_is_named():
    with pytest.raises(ValueError, match=r'feat_channels 10 is not divisible by .*num_heads 4'):
        DeformableAttention(dims=10, heads=4, levels=3, points=4)
