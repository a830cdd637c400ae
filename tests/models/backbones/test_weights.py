"""Weight files of other projects against the timm bodies that they fill."""

import sys
import warnings
from itertools import permutations
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from rein.models.backbones import weights
from rein.models.backbones.weights import WeightsError, load_weights

sys.path.insert(0, str(Path(__file__).parent))
from original_layouts import NAMES, VIT, assert_equal, body_of, original, saved, tensors

FIXTURE = Path(__file__).parents[2] / 'reference' / 'rein_reference_tiny.pt'


@pytest.mark.parametrize('layout', NAMES)
def test_file_in_the_layout_of_its_authors_gives_back_the_very_weights(layout, tmp_path):
    source, target = body_of(layout, 1), body_of(layout, 2)
    before = tensors(target)
    load_weights(target, saved(original(layout, source), tmp_path / 'w.pth'), 'pseudo_inverse')
    # Rein's converted files have no part behind the last block; it stays as it was.
    tail = {'eva02_rein': ('fc_norm',), 'clip_rein': ('norm.',), 'sam_rein': ('neck',)}
    expected = tensors(source)
    for key in expected:
        if key.startswith(tail.get(layout, ('-',))):
            expected[key] = before[key]
    if layout == 'dinov2_registers':  # the class token was split up and put together again
        torch.testing.assert_close(target.cls_token, source.cls_token)
        expected['cls_token'] = target.cls_token.detach()
    assert_equal(tensors(target), expected)


@pytest.mark.parametrize('wrapper', ['state_dict', 'model', 'teacher', 'module'])
def test_wrapped_and_prefixed_files_are_unwrapped(wrapper, tmp_path):
    source, target = body_of('dinov2', 1), body_of('dinov2', 2)
    state = {f'module.backbone.{k}': v for k, v in original('dinov2', source).items()}
    state['module.dino_head.mlp.0.weight'] = torch.ones(4, 4)
    load_weights(target, saved({wrapper: state, 'epoch': 3}, tmp_path / 'w.pth'))
    assert_equal(tensors(target), tensors(source))


def test_safetensors_file_is_told_by_its_content_not_its_name(tmp_path):
    source, target = body_of('timm', 1), body_of('timm', 2)
    save_file(tensors(source), tmp_path / 'weights.bin')
    load_weights(target, str(tmp_path / 'weights.bin'))
    assert_equal(tensors(target), tensors(source))


class Archive(nn.Module):
    """Has the parameters of a state dict as its own, dots and all."""

    def __init__(self, state: dict) -> None:
        super().__init__()
        for key, value in state.items():
            *path, name = key.split('.')
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, nn.Module())
                module = module._modules[part]
            module.register_parameter(name, nn.Parameter(value, requires_grad=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def archive(state: dict, path: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.save(torch.jit.script(Archive(state)), path)
    return str(path)


def test_clip_is_read_from_a_torchscript_archive_in_half_precision(tmp_path):
    source, target = body_of('clip', 1), body_of('clip', 2)
    state = {key: value.half() for key, value in original('clip', source).items()}
    load_weights(target, archive(state, tmp_path / 'ViT-L-14.pt'), 'pseudo_inverse')
    assert_equal(tensors(target), {k: v.half().float() for k, v in tensors(source).items()})
    assert target.cls_token.dtype == torch.float32


def test_body_in_a_checkpoint_of_this_package_is_taken_as_it_is(tmp_path):
    source, target = body_of('clip', 1), body_of('clip', 2)
    state = {f'backbone.body.{key}': value for key, value in tensors(source).items()}
    state['backbone.adapter.scale'] = state['decode_head.x'] = torch.ones(1)
    load_weights(target, saved({'state_dict': state}, tmp_path / 'w.pth'), 'bicubic')
    assert_equal(tensors(target), tensors(source))


def test_body_of_the_recorded_rein_network_loads_to_the_last_bit(tmp_path):
    recorded = torch.load(FIXTURE, weights_only=True)
    body = body_of('dinov2', 1, depth=recorded['dims']['L'])
    load_weights(body, saved(recorded['backbone'], tmp_path / 'w.pth'), 'bicubic')
    assert_equal(
        tensors(body), {k: v for k, v in recorded['backbone'].items() if k != 'mask_token'}
    )


def test_quickgelu_weights_in_a_gelu_body_are_warned_of(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(weights, 'print_log', lambda text, **_: said.append(text))
    path = archive(original('clip', body_of('clip', 1)), tmp_path / 'ViT-L-14.pt')
    load_weights(body_of('clip', 2), path)
    assert said == []
    load_weights(timm.create_model('vit_large_patch14_clip_224', num_classes=0, **VIT), path)
    assert "another activation; use 'vit_large_patch14_clip_quickgelu_224.openai'" in said[0]


def refused(body: nn.Module, state: dict, path: Path) -> str:
    before = tensors(body)
    with pytest.raises(WeightsError) as caught:
        load_weights(body, saved(state, path / 'w.pth'))
    assert_equal(tensors(body), before)
    return str(caught.value)


def test_missing_and_unexpected_keys_are_listed_and_shortened(tmp_path):
    state = original('dinov2', body_of('dinov2', 1))
    for key in [key for key in state if 'attn' in key]:
        state[key.replace('attn', 'attention')] = state.pop(key)
    message = refused(body_of('dinov2', 2), state, tmp_path)
    assert '8 missing in the file: blocks.0.attn.qkv.weight, blocks.0.attn.qkv.bias' in message
    assert 'and 2 more' in message
    assert '8 in the file but not in the model: blocks.0.attention.qkv.weight' in message


def test_weights_of_another_size_name_both_shapes_and_depths(tmp_path):
    other = body_of('dinov2', 1, embed_dim=64, depth=3)
    message = refused(body_of('dinov2', 2), original('dinov2', other), tmp_path)
    assert 'cls_token (1, 1, 64) in the file, (1, 1, 32) here' in message
    assert (
        'looks like DINOv2 (Meta, or converted by Rein), a transformer of 3 blocks of width'
        in message
    )
    assert 'the body here is a transformer of 2 blocks of width 32' in message


FAMILIES = ('dinov2', 'eva02', 'clip', 'sam', 'convnext', 'resnet', 'dinov3')


@pytest.mark.parametrize(('here', 'there'), list(permutations(FAMILIES, 2)))
def test_weights_of_another_family_are_refused_and_named(here, there, tmp_path):
    message = refused(body_of(here, 2), original(there, body_of(there, 1)), tmp_path)
    named = {
        'dinov2': 'DINOv2',
        'eva02': 'EVA-02',
        'clip': 'CLIP',
        'sam': 'SAM',
        'dinov3': 'DINOv3',
    }
    named |= {'convnext': 'ConvNeXt', 'resnet': 'timm'}
    assert f'looks like {named[there]}' in message


def test_body_that_a_file_belongs_into_is_named(tmp_path):
    big = original('dinov2', body_of('dinov2', 1, embed_dim=384, depth=1))
    message = refused(body_of('dinov2', 2), big, tmp_path)
    assert "belongs into backbone.model='vit_small_patch14_dinov2'" in message


def test_register_weights_do_not_go_into_a_body_without_registers(tmp_path):
    state = original('dinov2_registers', body_of('dinov2_registers', 1))
    message = refused(body_of('dinov2', 2), state, tmp_path)
    assert '1 in the file but not in the model: reg_token' in message
    assert 'DINOv2 with registers' in message


def test_biases_that_a_dinov3_body_would_lose_are_an_error(tmp_path):
    state = original('dinov3_biases', body_of('dinov3_biases', 1))
    message = refused(body_of('dinov3', 2), state, tmp_path)
    assert 'blocks.0.attn.qkv.bias is not zero' in message
    assert '_qkvb' in message


def test_key_that_no_such_file_has_is_an_error(tmp_path):
    state = {**original('sam', body_of('sam', 1)), 'extra.weight': torch.ones(1)}
    assert 'not in the model: extra.weight' in refused(body_of('sam', 2), state, tmp_path)


def test_adapter_of_a_rein_release_is_told_from_a_body(tmp_path):
    state = {'backbone.reins.scale': torch.ones(()), 'decode_head.x': torch.ones(1)}
    message = refused(body_of('dinov2', 2), {'state_dict': state}, tmp_path)
    assert 'Rein release, but no body' in message
    assert 'convert_checkpoint.py' in message


def test_layout_of_transformers_that_is_not_read_is_named(tmp_path):
    state = {'vision_encoder.layers.0.layer_norm1.weight': torch.ones(1)}
    assert 'Hugging Face transformers' in refused(body_of('dinov2', 2), state, tmp_path)


def test_unknown_layout_shows_the_keys_and_what_is_known(tmp_path):
    message = refused(body_of('dinov2', 2), {'foo.bar': torch.ones(1)}, tmp_path)
    assert 'foo.bar' in message
    assert 'SAM (Meta)' in message
