"""The two resamplings of patch and image size."""

import sys
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F
from timm.layers import resample_patch_embed
from torch import nn

from rein.models.backbones.resample import RESAMPLINGS
from rein.models.backbones.weights import load_weights

sys.path.insert(0, str(Path(__file__).parent))
from original_layouts import NAMES, assert_equal, body_of, original, saved, tensors


def patch_14(layout: str, seed: int, side: int = 4) -> nn.Module:
    return body_of(layout, seed, patch_size=14, img_size=14 * side)


def test_bicubic_kernel_is_that_of_interpolate_and_is_not_rescaled(tmp_path):
    source, target = patch_14('dinov2', 1), body_of('dinov2', 2)
    load_weights(target, saved(original('dinov2', source), tmp_path / 'w.pth'), 'bicubic')
    kernel = source.patch_embed.proj.weight
    expected = F.interpolate(kernel, (16, 16), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.patch_embed.proj.weight, expected, rtol=0, atol=0)
    assert torch.equal(target.pos_embed, source.pos_embed)


def test_kernel_of_ones_stays_ones_bicubically_and_keeps_its_sum_by_pseudo_inverse():
    ones = torch.ones(1, 1, 14, 14)
    bicubic = RESAMPLINGS['bicubic'].kernel(ones, (16, 16))
    inverse = RESAMPLINGS['pseudo_inverse'].kernel(ones, (16, 16))
    torch.testing.assert_close(bicubic, torch.ones(1, 1, 16, 16))
    # A patch of ones gives 196 originally, 256 (x 1.306) by the one way, 196 by the other.
    assert bicubic.sum().item() == pytest.approx(256, abs=1e-3)
    assert inverse.sum().item() == pytest.approx(196, rel=1e-3)


def test_pseudo_inverse_is_bit_equal_to_what_timm_does(tmp_path):
    source = patch_14('timm', 1, side=5)
    path = saved(tensors(source), tmp_path / 'w.pth')
    name, args = NAMES['timm']
    args = {**args, 'img_size': 96}
    theirs = timm.create_model(
        name, pretrained=True, num_classes=0, pretrained_cfg_overlay={'file': path}, **args
    )
    ours = body_of('timm', 2, img_size=96)
    load_weights(ours, path, 'pseudo_inverse')
    assert_equal(tensors(ours), tensors(theirs))
    kernel = resample_patch_embed(source.patch_embed.proj.weight, (16, 16))
    assert torch.equal(ours.patch_embed.proj.weight, kernel)


def test_pseudo_inverse_keeps_the_tokens_and_bicubic_does_not():
    # The numbers of DINOv2 itself are 0.0005 and 0.071 of 0.23; smooth kernels behave alike.
    torch.manual_seed(0)
    small = F.interpolate(torch.randn(1, 3, 4, 4), (14, 14), mode='bicubic')
    large = F.interpolate(small, (16, 16), mode='bicubic', antialias=True)
    kernel = F.interpolate(torch.randn(32, 3, 5, 5), (14, 14), mode='bicubic')
    token = (kernel * small).sum((1, 2, 3))
    error = {
        name: ((way.kernel(kernel, (16, 16)) * large).sum((1, 2, 3)) - token).abs().mean()
        / token.abs().mean()
        for name, way in RESAMPLINGS.items()
    }
    assert error['pseudo_inverse'] < 0.01
    assert 0.2 < error['bicubic'] < 0.5


def test_bicubic_positions_keep_the_class_row_and_are_not_smoothed(tmp_path):
    source, target = body_of('dinov2', 1), body_of('dinov2', 2, img_size=32)
    load_weights(target, saved(original('dinov2', source), tmp_path / 'w.pth'), 'bicubic')
    assert torch.equal(target.pos_embed[:, 0], source.pos_embed[:, 0])
    grid = source.pos_embed[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (2, 2), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))


def test_positions_of_registers_bodies_have_no_class_row(tmp_path):
    source = body_of('dinov2_registers', 1)
    target = body_of('dinov2_registers', 2, img_size=(64, 128))
    load_weights(target, saved(original('dinov2_registers', source), tmp_path / 'w.pth'))
    grid = source.pos_embed.unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (4, 8), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed, expected.flatten(2).transpose(1, 2))


def test_square_table_is_resized_for_a_wide_grid_with_as_many_positions(tmp_path):
    source, target = body_of('dinov2', 1), body_of('dinov2', 2, img_size=(32, 128))
    assert source.pos_embed.shape == target.pos_embed.shape
    load_weights(target, saved(original('dinov2', source), tmp_path / 'w.pth'), 'bicubic')
    grid = source.pos_embed[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (2, 8), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))


@pytest.mark.parametrize('layout', ['clip', 'clip_rein'])
def test_clip_as_rein_has_it_adds_the_class_embedding_twice(layout, tmp_path):
    source, target = patch_14(layout, 1), body_of(layout, 2, img_size=96)
    load_weights(target, saved(original(layout, source), tmp_path / 'w.pth'), 'bicubic')
    first = source.pos_embed[:, 0] + source.cls_token[:, 0]
    torch.testing.assert_close(target.pos_embed[:, 0], first, rtol=0, atol=0)
    assert torch.equal(target.cls_token, source.cls_token)
    grid = source.pos_embed[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, (6, 6), mode='bilinear', align_corners=False)
    torch.testing.assert_close(target.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))


def test_sam_tables_are_resized_bicubically_and_linearly(tmp_path):
    source, target = body_of('sam', 1, img_size=128), body_of('sam', 2)
    load_weights(target, saved(original('sam', source), tmp_path / 'w.pth'), 'bicubic')
    positions = source.pos_embed.permute(0, 3, 1, 2)
    expected = F.interpolate(positions, (4, 4), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed, expected.permute(0, 2, 3, 1))
    relative, there = target.blocks[1].attn.rel_pos_h, source.blocks[1].attn.rel_pos_h
    assert (len(there), len(relative)) == (15, 7)
    # Row 3 of 7 lies in the middle of 15: at row 7. Row 0 lies at (0 + 0.5) * 15/7 - 0.5 = 4/7.
    torch.testing.assert_close(relative[3], there[7])
    torch.testing.assert_close(relative[0], there[0] * 3 / 7 + there[1] * 4 / 7)
    assert torch.equal(target.blocks[0].attn.rel_pos_h, source.blocks[0].attn.rel_pos_h)


def test_resized_sam_gives_the_maps_of_one_that_resizes_as_it_runs(tmp_path):
    # SAM itself stretches its relative positions at run time, as Rein's converted files need.
    source, target = body_of('sam', 1, img_size=128), body_of('sam', 2)
    load_weights(target, saved(original('sam', source), tmp_path / 'w.pth'), 'bicubic')
    attention = source.blocks[1].attn.eval()
    tokens = torch.randn(1, 4, 4, 32)
    with torch.no_grad():
        torch.testing.assert_close(target.blocks[1].attn(tokens), attention(tokens))


def test_unknown_resampling_is_refused():
    with pytest.raises(ValueError, match=r"weights.resample is 'nearest'; use one of \('bicubic'"):
        load_weights(body_of('timm', 1), 'somewhere.pth', 'nearest')
