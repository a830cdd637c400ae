import math

import torch

from rein.models.heads import matcher
from rein.models.heads.matcher import assign, bce_cost, class_cost, dice_cost


def test_class_cost_worked_by_hand():
    logits = torch.tensor([[0.0, 0.0, math.log(2.0)]])  # probabilities 1/4, 1/4, 1/2
    torch.testing.assert_close(
        class_cost(logits, torch.tensor([2, 0])), torch.tensor([[-0.5, -0.25]])
    )


def test_bce_cost_worked_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/2, 3/4
    masks = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    half, quarters, rest = math.log(2), math.log(4 / 3), math.log(4)
    expected = torch.tensor([[half + quarters, half + quarters, half + rest]]) / 2
    torch.testing.assert_close(bce_cost(logits, masks), expected)


def test_dice_cost_worked_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    masks = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    expected = torch.tensor([[1 - (2 * 1.25 + 1) / (1.25 + 2 + 1), 1 - 1 / 2.25]])
    torch.testing.assert_close(dice_cost(logits, masks), expected)


def test_assignment_is_the_cheapest_in_total_and_not_query_by_query():
    cost = torch.tensor([[[1.0, 2.0], [1.5, 9.0], [8.0, 8.0]]])
    matches = assign([cost])
    assert matches.query.tolist() == [[0, 1]]
    assert matches.target.tolist() == [[1, 0]]


def test_targets_are_counted_over_all_images_and_an_image_may_have_none():
    first = torch.tensor([[[0.0], [1.0]], [[1.0], [0.0]]])  # two layers, two queries
    matches = assign([first, torch.empty(2, 2, 0), first.flip(1)])
    assert matches.image.tolist() == [0, 2]
    assert matches.query.tolist() == [[0, 1], [1, 0]]
    assert matches.target.tolist() == [[0, 1], [0, 1]]


def test_more_targets_than_queries_leave_the_dearest_out():
    matches = assign([torch.tensor([[[3.0, 1.0, 2.0]]])])
    assert (matches.query.tolist(), matches.target.tolist()) == ([[0]], [[1]])


def test_costs_that_are_no_numbers_are_still_assigned():
    matches = assign([torch.full((1, 3, 2), math.nan)])
    assert sorted(matches.target[0].tolist()) == [0, 1]


def test_costs_leave_their_device_once_for_all_layers_and_images(monkeypatch):
    trips = []
    monkeypatch.setattr(torch.Tensor, 'cpu', lambda self: trips.append(self.numel()) or self)
    matcher.assign([torch.rand(4, 5, 2), torch.rand(4, 5, 3)])
    assert trips == [4 * 5 * 5]
