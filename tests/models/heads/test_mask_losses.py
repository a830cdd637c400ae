import math

import pytest
import torch
from mmengine import dist
from torch.nn import functional as F

from rein.models.heads.mask_losses import SetLoss, bce_loss, dice_loss, mean_over_ranks
from rein.models.heads.mask_targets import ClassMasks

LAYERS, BATCH, QUERIES, CLASSES, DIMS = 2, 2, 6, 4, 8


def predictions(seed=0):
    torch.manual_seed(seed)
    return (
        torch.randn(LAYERS, BATCH, QUERIES, CLASSES + 1).requires_grad_(),
        torch.randn(LAYERS, BATCH, QUERIES, DIMS).requires_grad_(),
        torch.randn(BATCH, DIMS, 8, 12).requires_grad_(),
    )


def halves(*labels):
    """As many masks as labels, each a column of an image of 32 x 48."""
    columns = torch.arange(48) * len(labels) // 48
    masks = (columns == torch.arange(len(labels))[:, None]).float()
    return ClassMasks(torch.tensor(labels, dtype=torch.long), masks[:, None].repeat(1, 32, 1))


def nothing():
    return ClassMasks(torch.empty(0, dtype=torch.long), torch.empty(0, 32, 48))


def test_dice_loss_worked_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)], [99.0, -99.0]])
    masks = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    expected = torch.tensor([1 - (2 * 0.5 + 1) / (1.25 + 1 + 1), 0.0])
    torch.testing.assert_close(dice_loss(logits, masks), expected)


def test_bce_loss_worked_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])
    expected = torch.tensor([(math.log(2) + math.log(4)) / 2])
    torch.testing.assert_close(bce_loss(logits, torch.tensor([[1.0, 0.0]])), expected)


@pytest.mark.parametrize('loss', [dice_loss, bce_loss])
def test_mask_loss_gradients(loss):
    logits = torch.randn(3, 7).double().requires_grad_()
    masks = torch.rand(3, 7).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, masks), (logits,))


def test_perfect_masks_and_classes_cost_nearly_nothing():
    target = halves(2, 0)
    classes = torch.full((1, 1, 3, 4), -20.0)
    classes[0, 0, 0, 2] = classes[0, 0, 1, 0] = classes[0, 0, 2, 3] = 20
    features = F.interpolate(target.masks[None], size=(32, 48)) * 12 - 6
    embeds = torch.eye(2)[None, None]
    embeds = torch.cat([embeds, torch.full((1, 1, 1, 2), -1.0)], dim=2)
    loss = SetLoss(3, importance_ratio=0)  # else most points lie on the border of the masks
    losses = loss(classes, embeds, features, [target])
    assert losses['loss_cls'] < 1e-6
    assert losses['loss_dice'] < 0.1
    assert losses['loss_mask'] < 0.5


def test_class_loss_weighs_no_object_a_tenth():
    classes, embeds, features = predictions()
    loss = SetLoss(CLASSES, num_points=64, cls_weight=3.0, mask_weight=0.0, dice_weight=0.0)
    losses = loss(classes, embeds, features, [nothing(), halves(1)])
    log = classes[-1].log_softmax(-1)  # (B, Q, K + 1)
    matched = log[1, :, 1].argmax()  # with no cost of masks, by class alone
    others = log[..., -1].sum() - log[1, matched, -1]
    expected = -(0.1 * others + log[1, matched, 1]) / (0.1 * 11 + 1)
    torch.testing.assert_close(losses['loss_cls'], 3 * expected)


def test_losses_are_named_by_layer():
    losses = SetLoss(CLASSES, num_points=64)(*predictions(), [halves(1), halves(3, 0)])
    names = {'loss_cls', 'loss_mask', 'loss_dice'}
    assert set(losses) == names | {f'd0.{name}' for name in names}


def test_images_without_targets_cost_no_mask_loss_but_give_every_tensor_a_gradient():
    inputs = predictions()
    losses = SetLoss(CLASSES, num_points=64)(*inputs, [nothing(), nothing()])
    assert losses['loss_mask'] == losses['loss_dice'] == 0
    assert losses['loss_cls'] > 0
    sum(losses.values()).backward()
    assert all(tensor.grad is not None for tensor in inputs)


def test_image_without_targets_leaves_the_mask_loss_of_the_other_as_it_is(monkeypatch):
    monkeypatch.setattr(torch, 'rand', fixed_points)
    classes, embeds, features = predictions()
    loss = SetLoss(CLASSES, num_points=64)
    both = loss(classes, embeds, features, [halves(1, 2), nothing()])
    alone = loss(classes[:, :1], embeds[:, :1], features[:1], [halves(1, 2)])
    torch.testing.assert_close(both['loss_mask'], alone['loss_mask'])


def fixed_points(*shape, **_):
    generator = torch.Generator().manual_seed(shape[-2])
    return torch.empty(shape[-2:]).uniform_(generator=generator).expand(shape)


def test_losses_do_not_depend_on_the_order_of_queries(monkeypatch):
    monkeypatch.setattr(torch, 'rand', fixed_points)
    classes, embeds, features = predictions()
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    loss, targets = SetLoss(CLASSES, num_points=64), [halves(1), halves(3, 0)]
    expected = loss(classes, embeds, features, targets)
    found = loss(classes[:, :, order], embeds[:, :, order], features, targets)
    torch.testing.assert_close(found, expected)


def test_losses_under_bfloat16_autocast_are_those_in_float32(monkeypatch):
    monkeypatch.setattr(torch, 'rand', fixed_points)
    inputs, loss = predictions(), SetLoss(CLASSES, num_points=64)
    targets = [halves(1), halves(3, 0)]
    expected = loss(*inputs, targets)
    with torch.autocast('cpu', torch.bfloat16):
        found = loss(*inputs, targets)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_mean_over_a_single_process_is_the_number_and_asks_nobody(monkeypatch):
    monkeypatch.setattr(dist, 'all_reduce', lambda *_: pytest.fail('communicated'))
    assert mean_over_ranks(7, torch.device('cpu')) == 7
    assert mean_over_ranks(0, torch.device('cpu')) == 1


def test_masks_are_averaged_over_the_masks_of_all_processes(monkeypatch):
    def one_of_four_masks(count, op):
        assert op == 'mean'
        count.copy_((count + 4) / 2)

    monkeypatch.setattr(torch, 'rand', fixed_points)
    loss, inputs = SetLoss(CLASSES, num_points=64), predictions()
    alone = loss(*inputs, [halves(1), halves(3)])
    monkeypatch.setattr(dist, 'get_world_size', lambda: 2)
    monkeypatch.setattr(dist, 'all_reduce', one_of_four_masks)
    together = loss(*inputs, [halves(1), halves(3)])
    torch.testing.assert_close(together['loss_mask'], alone['loss_mask'] * 2 / 3)
    torch.testing.assert_close(together['loss_cls'], alone['loss_cls'])


def rank_mean(rank, path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{path}', rank=rank, world_size=2
    )
    assert mean_over_ranks((1, 4)[rank], torch.device('cpu')) == 2.5
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_agree_on_their_mean(tmp_path):
    # spawn raises what a process raises; a process asserts that its mean is 2.5
    torch.multiprocessing.spawn(rank_mean, (str(tmp_path / 'meeting'),), nprocs=2)
