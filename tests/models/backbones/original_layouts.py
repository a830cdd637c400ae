"""Tiny weight files in the layouts of their authors: the inverse of what the package reads."""

import re
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

VIT = {'img_size': 64, 'patch_size': 16, 'embed_dim': 32, 'depth': 2, 'num_heads': 2}
CNN = {'dims': (8, 16, 24, 32), 'depths': (1, 1, 2, 1)}
NAMES = {
    'dinov2': ('vit_small_patch14_dinov2', VIT),
    'dinov2_giant': ('vit_giant_patch14_dinov2', VIT),
    'dinov2_registers': ('vit_small_patch14_reg4_dinov2', VIT),
    'dinov3': ('vit_large_patch16_dinov3', VIT),
    'dinov3_biases': ('vit_large_patch16_dinov3_qkvb', VIT),
    'eva02': ('eva02_large_patch14_224', VIT),
    'eva02_rein': ('eva02_large_patch14_224', VIT),
    'clip': ('vit_large_patch14_clip_quickgelu_224', VIT),
    'clip_rein': ('vit_large_patch14_clip_quickgelu_224', VIT),
    'siglip_trunk': ('vit_large_patch16_siglip_256', VIT),
    'sam': ('samvit_base_patch16', {**VIT, 'global_attn_indexes': (1,), 'window_size': 2}),
    'sam_rein': ('samvit_base_patch16', {**VIT, 'global_attn_indexes': (1,), 'window_size': 2}),
    'convnext': ('convnext_large', CNN),
    'convnext_mmpretrain': ('convnext_large', CNN),
    'resnet': ('resnet50', {'layers': (1, 1, 1, 1)}),
    'resnet_c_mmpretrain': ('resnet50c', {'layers': (1, 1, 1, 1)}),
    'timm': ('vit_small_patch14_dinov2', VIT),
}


def body_of(layout: str, seed: int, **changes) -> nn.Module:
    """Create the tiny timm model that a layout belongs to, all of its tensors random."""
    name, args = NAMES[layout]
    torch.manual_seed(seed)
    body = timm.create_model(name, pretrained=False, num_classes=0, **{**args, **changes})
    with torch.no_grad():
        for tensor in body.state_dict().values():
            if tensor.is_floating_point():
                tensor.normal_()
    return body


def tensors(body: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in body.state_dict().items()}


def saved(state: dict, path: Path) -> str:
    torch.save(state, path)
    return str(path)


def assert_equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    assert [key for key in left if not torch.equal(left[key], right[key])] == []


def sub(state: dict[str, Tensor], *pairs: tuple[str, str]) -> dict[str, Tensor]:
    for pattern, text in pairs:
        state = {re.sub(pattern, text, key): value for key, value in state.items()}
    return state


def original(layout: str, body: nn.Module) -> dict:
    """Write the weights of a timm model as its authors' file has them."""
    return globals()[f'_{layout}'](dict(body.state_dict()))


def _timm(state):
    return state


def _dinov2(state):
    return {**state, 'mask_token': torch.zeros(1, 32)}


def _dinov2_giant(state):
    return _dinov2(sub(state, (r'mlp\.fc1', 'mlp.w12'), (r'mlp\.fc2', 'mlp.w3')))


def _dinov2_registers(state):
    # The class token has a position in the file, and none in timm's model.
    position = torch.full((1, 1, 32), 0.5)
    state['register_tokens'] = state.pop('reg_token')
    state['pos_embed'] = torch.cat((position, state['pos_embed']), 1)
    state['cls_token'] = state['cls_token'] - position
    return _dinov2(state)


def _dinov3(state):
    state = sub(state, (r'gamma_([12])', r'ls\1.gamma'), ('reg_token', 'storage_tokens'))
    for block in range(2):
        bias = torch.zeros(96)
        bias[32:64] = 1.0  # masked in the original
        if f'blocks.{block}.attn.q_bias' in state:
            bias[:32] = state.pop(f'blocks.{block}.attn.q_bias')
            bias[64:] = state.pop(f'blocks.{block}.attn.v_bias')
        state[f'blocks.{block}.attn.qkv.bias'] = bias
        state[f'blocks.{block}.attn.qkv.bias_mask'] = torch.ones(96)
    return {**state, 'mask_token': torch.zeros(1, 32), 'rope_embed.periods': torch.ones(16)}


_dinov3_biases = _dinov3


def _eva02_rein(state):
    state = sub(
        state,
        (r'attn\.([qv])_proj\.bias', r'attn.\1_bias'),
        (r'mlp\.norm', 'mlp.ffn_ln'),
        (r'mlp\.fc1_g', 'mlp.w1'),
        (r'mlp\.fc1_x', 'mlp.w2'),
        (r'mlp\.fc2', 'mlp.w3'),
    )
    for prefix in ('rope', 'blocks.0.attn.rope', 'blocks.1.attn.rope'):
        state[f'{prefix}.freqs_cos'] = state[f'{prefix}.freqs_sin'] = torch.ones(16, 16)
    return {key: value for key, value in state.items() if not key.startswith('fc_norm')}


def _eva02(state):
    norm = {key.removeprefix('fc_'): v for key, v in state.items() if key.startswith('fc_norm')}
    head = {'lm_head.weight': torch.ones(8, 32), 'lm_head.bias': torch.ones(8)}
    return {'module': {**_eva02_rein(state), **norm, **head, 'mask_token': torch.ones(1, 1, 32)}}


def _clip_rein(state):
    state = sub(
        state,
        (r'^patch_embed\.proj', 'conv1'),
        ('^pos_embed', 'positional_embedding'),
        ('^norm_pre', 'ln_pre'),
        ('^norm', 'ln_post'),
        (r'\.norm', '.ln_'),
        ('^blocks', 'transformer.resblocks'),
        (r'attn\.proj', 'attn.out_proj'),
        (r'qkv\.', 'in_proj_'),
        (r'mlp\.fc1', 'mlp.c_fc'),
        (r'mlp\.fc2', 'mlp.c_proj'),
    )
    state['class_embedding'] = state.pop('cls_token').flatten()
    state['positional_embedding'] = state['positional_embedding'][0]
    return {key: value for key, value in state.items() if not key.startswith('ln_post')}


def _clip(state):
    post = {f'ln_post.{k}': state[f'norm.{k}'] for k in ('weight', 'bias')}
    visual = {**_clip_rein(state), **post, 'proj': torch.ones(32, 16)}
    text = {
        'positional_embedding': torch.ones(7, 16),
        'text_projection': torch.ones(16, 16),
        'logit_scale': torch.ones(()),
        'token_embedding.weight': torch.ones(9, 16),
        'transformer.resblocks.0.ln_1.weight': torch.ones(16),
        'ln_final.weight': torch.ones(16),
    }
    return {**{f'visual.{key}': value for key, value in visual.items()}, **text}


def _siglip_trunk(state):
    text = {'text.token_embedding.weight': torch.ones(9, 16), 'logit_bias': torch.ones(())}
    return {**{f'visual.trunk.{key}': value for key, value in state.items()}, **text}


def _sam_rein(state):
    state = sub(state, (r'mlp\.fc', 'mlp.lin'))
    return {key: value for key, value in state.items() if not key.startswith('neck')}


def _sam(state):
    image = {f'image_encoder.{key}': v for key, v in sub(state, (r'mlp\.fc', 'mlp.lin')).items()}
    others = {'prompt_encoder.no_mask_embed.weight': 1, 'mask_decoder.iou_token.weight': 1}
    return {**image, **{key: torch.ones(1, 4) for key in others}}


def _convnext(state):
    state = sub(
        state,
        (r'^stem\.', 'downsample_layers.0.'),
        (r'stages\.(\d)\.downsample', r'downsample_layers.\1'),
        (r'blocks\.', ''),
        ('conv_dw', 'dwconv'),
        (r'mlp\.fc', 'pwconv'),
        (r'head\.norm', 'norm'),
    )
    head = {'head.weight': torch.ones(8, 32), 'head.bias': torch.ones(8)}
    return {'model': {**state, **head}}


def _convnext_mmpretrain(state):
    state = sub(
        _convnext(state)['model'],
        ('dwconv', 'depthwise_conv'),
        ('pwconv', 'pointwise_conv'),
        (r'^norm\.', 'norm3.'),
        (r'^head\.', 'head.fc.'),
        (r'^(?!head)', 'backbone.'),
    )
    return {'meta': {'epoch': 1}, 'state_dict': state}


def _resnet(state):
    return {**state, 'fc.weight': torch.ones(8, 2048), 'fc.bias': torch.ones(8)}


def _resnet_c_mmpretrain(state):
    state = sub(state, ('^conv1', 'stem'), ('^bn1', 'stem.7'))
    return {'state_dict': {**state, 'head.fc.weight': torch.ones(8, 2048)}}
