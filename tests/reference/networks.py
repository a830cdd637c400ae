"""Tiny networks that several tests build, and names of other projects for their tensors."""

import torch

HRDA_HEAD = dict(
    type='DAFormerHead',
    in_channels=[8, 16],
    in_index=[0, 1],
    channels=8,
    num_classes=5,
    dilations=[1, 2],
    dropout_ratio=0.0,
)
HRDA = dict(
    type='HRDASegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3),
    backbone=dict(
        type='MixTransformer',
        embed_dims=8,
        num_stages=2,
        num_layers=[1, 1],
        num_heads=[1, 2],
        patch_sizes=[7, 3],
        strides=[4, 2],
        sr_ratios=[2, 1],
        out_indices=[0, 1],
        drop_path_rate=0.0,
    ),
    decode_head=dict(
        type='HRDAHead', head=HRDA_HEAD, scale_attention={**HRDA_HEAD, 'dilations': None}
    ),
    detail_size=(32, 32),
    test_cfg=dict(mode='whole'),
)


def segformer_names(state):
    """A file as SegFormer's authors have it, made by hand out of MMSegmentation's keys."""
    found = {'head.weight': torch.zeros(2, 2)}
    for key, value in state.items():
        stage, part, *rest = key.removeprefix('layers.').split('.')
        number, name = int(stage) + 1, '.'.join(rest)
        if part == '0':
            found[f'patch_embed{number}.{name.replace("projection", "proj")}'] = value
        elif part == '2':
            found[f'norm{number}.{name}'] = value
        elif 'in_proj' in name:
            block, kind = rest[0], name.rsplit('_', 1)[1]
            third = len(value) // 3
            found[f'block{number}.{block}.attn.q.{kind}'] = value[:third]
            found[f'block{number}.{block}.attn.kv.{kind}'] = value[third:]
        else:
            for ours, theirs in (
                ('attn.attn.out_proj', 'attn.proj'),
                ('ffn.layers.0', 'mlp.fc1'),
                ('ffn.layers.1', 'mlp.dwconv.dwconv'),
                ('ffn.layers.4', 'mlp.fc2'),
            ):
                name = name.replace(ours, theirs)
            linear = name.endswith(('fc1.weight', 'fc2.weight'))
            found[f'block{number}.{name}'] = value[:, :, 0, 0] if linear else value
    return found
