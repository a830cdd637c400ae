"""Files of real size, by the keys and shapes that the projects publish, on the meta device."""

import pytest
import timm
import torch
from torch import Tensor

from rein.checkpoints.comparison import misfits
from rein.models.backbones.renaming import TAIL, to_timm
from rein.models.backbones.resample import fit_sizes

AT_512 = {'img_size': 512, 'patch_size': 16}


def empty(shapes: dict[str, tuple]) -> dict[str, Tensor]:
    return {key: torch.empty(shape, device='meta') for key, shape in shapes.items()}


def with_bias(name: str, *shape: int) -> dict[str, tuple]:
    return {f'{name}.weight': shape, f'{name}.bias': shape[:1]}


def dinov2(width: int, depth: int, *, side: int, patch: int, giant: bool = False) -> dict:
    shapes = {
        'cls_token': (1, 1, width),
        'pos_embed': (1, side**2 + 1, width),
        'mask_token': (1, width),
        **with_bias('patch_embed.proj', width, 3, patch, patch),
        **with_bias('norm', width),
    }
    for i in range(depth):
        block = {
            **with_bias('norm1', width),
            **with_bias('norm2', width),
            **with_bias('attn.qkv', 3 * width, width),
            **with_bias('attn.proj', width, width),
            'ls1.gamma': (width,),
            'ls2.gamma': (width,),
        }
        if giant:
            block |= with_bias('mlp.w12', 8192, width) | with_bias('mlp.w3', width, 4096)
        else:
            block |= with_bias('mlp.fc1', 4 * width, width) | with_bias('mlp.fc2', width, 4 * width)
        shapes |= {f'blocks.{i}.{key}': shape for key, shape in block.items()}
    return shapes


def eva02_large() -> dict:
    width = 1024
    shapes = {
        'cls_token': (1, 1, width),
        'pos_embed': (1, 1025, width),
        **with_bias('patch_embed.proj', width, 3, 16, 16),
        'rope.freqs_cos': (1024, 64),
        'rope.freqs_sin': (1024, 64),
    }
    for i in range(24):
        block = {
            **with_bias('norm1', width),
            **with_bias('norm2', width),
            **{f'attn.{part}_proj.weight': (width, width) for part in 'qkv'},
            'attn.q_bias': (width,),
            'attn.v_bias': (width,),
            **with_bias('attn.proj', width, width),
            'attn.rope.freqs_cos': (1024, 64),
            'attn.rope.freqs_sin': (1024, 64),
            **with_bias('mlp.w1', 2730, width),
            **with_bias('mlp.w2', 2730, width),
            **with_bias('mlp.ffn_ln', 2730),
            **with_bias('mlp.w3', width, 2730),
        }
        shapes |= {f'blocks.{i}.{key}': shape for key, shape in block.items()}
    return shapes


def sam_huge() -> dict:
    width = 1280
    shapes = {'pos_embed': (1, 32, 32, width), **with_bias('patch_embed.proj', width, 3, 16, 16)}
    for i in range(32):
        length = 127 if i in (7, 15, 23, 31) else 27
        block = {
            **with_bias('norm1', width),
            **with_bias('norm2', width),
            **with_bias('attn.qkv', 3 * width, width),
            **with_bias('attn.proj', width, width),
            'attn.rel_pos_h': (length, 80),
            'attn.rel_pos_w': (length, 80),
            **with_bias('mlp.lin1', 4 * width, width),
            **with_bias('mlp.lin2', width, 4 * width),
        }
        shapes |= {f'blocks.{i}.{key}': shape for key, shape in block.items()}
    return shapes


def clip_large(*, patch: int, side: int) -> dict:
    width = 1024
    shapes = {
        'conv1.weight': (width, 3, patch, patch),
        'class_embedding': (width,),
        'positional_embedding': (side**2 + 1, width),
        **with_bias('ln_pre', width),
    }
    for i in range(24):
        block = {
            **with_bias('ln_1', width),
            **with_bias('ln_2', width),
            'attn.in_proj_weight': (3 * width, width),
            'attn.in_proj_bias': (3 * width,),
            **with_bias('attn.out_proj', width, width),
            **with_bias('mlp.c_fc', 4 * width, width),
            **with_bias('mlp.c_proj', width, 4 * width),
        }
        shapes |= {f'transformer.resblocks.{i}.{key}': shape for key, shape in block.items()}
    return shapes


@pytest.mark.parametrize(
    ('name', 'shapes'),
    [
        ('vit_large_patch14_dinov2', dinov2(1024, 24, side=37, patch=14)),
        ('vit_large_patch14_dinov2', dinov2(1024, 24, side=32, patch=16)),
        ('vit_giant_patch14_dinov2', dinov2(1536, 40, side=37, patch=14, giant=True)),
        ('eva02_large_patch14_224', eva02_large()),
        ('samvit_huge_patch16', sam_huge()),
        ('vit_large_patch14_clip_quickgelu_224', clip_large(patch=14, side=16)),
    ],
    ids=['dinov2_l', 'dinov2_l_rein', 'dinov2_g', 'eva02_l_rein', 'sam_h_rein', 'clip_l'],
)
def test_published_file_fits_the_body_at_512_pixels(name, shapes):
    with torch.device('meta'):
        body = timm.create_model(name, num_classes=0, **AT_512)
    renamed = to_timm(empty(shapes), body)
    state = fit_sizes(renamed.state, body, 'bicubic')
    assert misfits(state, body.state_dict(), TAIL.match, renamed.strangers) == []
    # Not one tensor may get lost on the way, but for what each project has beyond its body.
    beyond = [key for key in shapes if 'rope' in key or key == 'mask_token']
    assert len(state) == len(shapes) - len(beyond)
    lacking = set(body.state_dict()) - set(state)
    assert all(key.startswith(('norm.', 'fc_norm.', 'neck.')) for key in lacking)
