import torch

from rein.models.heads.points import sample_at, uncertain_points


def test_sampling_between_positions_worked_by_hand():
    maps = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    points = torch.tensor([[[0.25, 0.25], [0.5, 0.5], [0.75, 0.25], [0.5, 0.0]]])
    found = sample_at(maps, points)
    # The last lies on the upper edge: half of it sees the zeros outside.
    torch.testing.assert_close(found, torch.tensor([[[0.0, 1.5, 1.0, 0.25]]]))


def test_sampling_gradient():
    maps = torch.randn(2, 3, 4, 5).double().requires_grad_()
    points = torch.rand(2, 6, 2).double()
    assert torch.autograd.gradcheck(lambda m: sample_at(m, points), (maps,))


def test_important_points_lie_where_the_mask_is_undecided():
    logits = torch.full((2, 32, 32), 9.0)
    logits[0, :, :16] = 0.01
    logits[1, 16:] = -0.01
    points = uncertain_points(logits, number=100, oversample_ratio=4, importance_ratio=0.75)
    assert points.shape == (2, 100, 2)
    assert (points[0, :75, 0] < 0.52).all()
    assert (points[1, :75, 1] > 0.48).all()
    assert 5 < (points[0, 75:, 0] > 0.5).sum() < 22  # the other quarter lies anywhere


def test_points_stay_within_the_map():
    points = uncertain_points(torch.randn(3, 8, 8), 64, 3.0, 0.75)
    assert points.min() >= 0
    assert points.max() <= 1
