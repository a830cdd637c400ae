import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.nn import functional as F

from rein.models.heads.deeplab import DeepLabV3PlusHead, DeepSupervisionHead

init_default_scope('mmseg')


def samples(labels):
    return [SegDataSample(gt_sem_seg=PixelData(data=each[None])) for each in labels]


def head(**kwargs):
    return DeepLabV3PlusHead((8, 16), (0, 1), channels=8, c1_channels=4, num_classes=3, **kwargs)


def test_loss_is_the_mean_over_labelled_pixels_at_full_size():
    torch.manual_seed(0)
    part = head().eval()
    levels = torch.randn(2, 8, 8, 8), torch.randn(2, 16, 4, 4)
    labels = torch.randint(0, 3, (2, 32, 32))
    labels[0, :, :20] = 255
    scores = F.interpolate(part(levels), (32, 32), mode='bilinear', align_corners=True)
    expected = F.cross_entropy(scores, labels, ignore_index=255)
    found = part.loss(levels, samples(labels), {})['loss_ce']
    torch.testing.assert_close(found, expected)


def test_the_early_map_comes_first_where_the_two_are_joined():
    part = head().eval()
    kept = []
    part.joined.register_forward_hook(lambda m, a, out: kept.append(out))
    levels = torch.randn(1, 8, 8, 8), torch.randn(1, 16, 4, 4)
    part(levels)
    torch.testing.assert_close(kept[0][:, :4], part.c1_bottleneck(levels[0]))
    assert kept[0].shape == (1, 12, 8, 8)


def test_deep_supervision_compares_at_the_maps_own_size_by_nearest_labels():
    torch.manual_seed(0)
    part = DeepSupervisionHead(8, 0, channels=4, num_classes=3).eval()
    levels = (torch.randn(1, 8, 4, 4),)
    labels = torch.randint(0, 3, (1, 16, 16))
    labels[:, ::8] = 255
    expected = 0.4 * F.cross_entropy(part(levels), labels[:, ::4, ::4], ignore_index=255)
    found = part.loss(levels, samples(labels), {})['loss_ce']
    torch.testing.assert_close(found, expected)


def test_new_layers_begin_with_the_fan_in_of_their_inputs():
    torch.manual_seed(0)
    part = DeepLabV3PlusHead((64, 256), (0, 1), channels=64, num_classes=19)
    part.init_weights()
    weight = part.fusion[1].conv.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)
    assert part.conv_seg.bias.abs().sum() == 0


def test_no_labelled_pixel_gives_a_loss_of_zero_and_finite_gradients():
    part = head()
    levels = torch.randn(2, 8, 8, 8), torch.randn(2, 16, 4, 4)
    loss = part.loss(levels, samples(torch.full((2, 16, 16), 255)), {})['loss_ce']
    loss.backward()
    assert loss == 0
    assert part.conv_seg.weight.grad.isfinite().all()
