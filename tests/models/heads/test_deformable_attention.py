import math

import pytest
import torch
from torch import nn

from rein.models.heads.deformable_attention import (
    DeformableAttention,
    pixel_steps,
    reference_points,
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


def places():
    return reference_points(SIZES).double(), pixel_steps(SIZES).double()


def test_reference_points_are_the_centres_of_the_positions():
    points = reference_points([(1, 2), (1, 1)])
    assert points.tolist() == [[-0.5, 0.0], [0.5, 0.0], [0.0, 0.0]]


def test_attention_equals_loops_written_from_its_definition(layer):
    tokens, position = torch.randn(2, COUNT, 8).double(), torch.randn(COUNT, 8).double()
    with torch.no_grad():
        found = layer(tokens, position, *places(), SIZES)
        for image in range(2):
            expected = naive_attention(layer, tokens[image], position)
            torch.testing.assert_close(found[image], expected, rtol=0, atol=1e-6)


def test_unmoved_points_read_the_token_itself():
    value = torch.randn(1, 5, 24)
    grid = reference_points([(4, 6)])[None, None, None]  # (1, 1, 1, 24, 2)
    found = sample_levels(value, grid, torch.ones(1, 1, 1, 24), [(4, 6)])
    torch.testing.assert_close(found, value)


def test_points_outside_the_map_count_as_zero():
    grid = torch.full((1, 1, 1, 24, 2), 3.0)
    found = sample_levels(torch.ones(1, 5, 24), grid, torch.ones(1, 1, 1, 24), [(4, 6)])
    assert found.abs().max() == 0


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
        return layer(tokens, position, *places(), SIZES)

    assert torch.autograd.gradcheck(run, (tokens,), fast_mode=True)


def test_width_that_heads_do_not_divide_is_named():
    with pytest.raises(ValueError, match=r'feat_channels 10 is not divisible by .*num_heads 4'):
        DeformableAttention(dims=10, heads=4, levels=3, points=4)
