"""From the keys of Hugging Face transformers to those of the original files."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

# Keys of other models in the same file.
BESIDE = ('text_model.', 'text_projection.', 'visual_projection.', 'logit_scale', 'logit_bias')
DINOV2 = (
    (r'^dinov2(_with_registers)?\.', ''),
    (r'^embeddings\.patch_embeddings\.projection\.', 'patch_embed.proj.'),
    (r'^embeddings\.position_embeddings$', 'pos_embed'),
    (r'^embeddings\.(cls_token|mask_token|register_tokens)$', r'\1'),
    (r'^encoder\.layer\.', 'blocks.'),
    (r'\.attention\.attention\.(query|key|value)\.', r'.attn.\1.'),
    (r'\.attention\.output\.dense\.', '.attn.proj.'),
    (r'\.layer_scale([12])\.lambda1$', r'.ls\1.gamma'),
    (r'\.mlp\.weights_in\.', '.mlp.w12.'),
    (r'\.mlp\.weights_out\.', '.mlp.w3.'),
    (r'^layernorm\.', 'norm.'),
)
DINOV3 = (
    (r'^model\.', ''),
    (r'^embeddings\.patch_embeddings\.', 'patch_embed.proj.'),
    (r'^embeddings\.register_tokens$', 'storage_tokens'),
    (r'^embeddings\.(cls_token|mask_token)$', r'\1'),
    (r'^layer\.', 'blocks.'),
    (r'\.attention\.q_proj\.', '.attn.query.'),
    (r'\.attention\.k_proj\.', '.attn.key.'),
    (r'\.attention\.v_proj\.', '.attn.value.'),
    (r'\.attention\.o_proj\.', '.attn.proj.'),
    (r'\.layer_scale([12])\.lambda1$', r'.ls\1.gamma'),
)
GATED = ((r'\.gate_proj\.', '.w1.'), (r'\.up_proj\.', '.w2.'), (r'\.down_proj\.', '.w3.'))
PLAIN = ((r'\.up_proj\.', '.fc1.'), (r'\.down_proj\.', '.fc2.'))
CLIP = (
    (r'^vision_model\.', ''),
    (r'^embeddings\.class_embedding$', 'visual.class_embedding'),
    (r'^embeddings\.patch_embedding\.', 'visual.conv1.'),
    (r'^embeddings\.position_embedding\.weight$', 'visual.positional_embedding'),
    (r'^pre_layrnorm\.', 'visual.ln_pre.'),
    (r'^post_layernorm\.', 'visual.ln_post.'),
    (r'^encoder\.layers\.', 'visual.transformer.resblocks.'),
    (r'\.layer_norm([12])\.', r'.ln_\1.'),
    (r'\.self_attn\.q_proj\.', '.attn.query.'),
    (r'\.self_attn\.k_proj\.', '.attn.key.'),
    (r'\.self_attn\.v_proj\.', '.attn.value.'),
    (r'\.self_attn\.out_proj\.', '.attn.out_proj.'),
    (r'\.mlp\.fc1\.', '.mlp.c_fc.'),
    (r'\.mlp\.fc2\.', '.mlp.c_proj.'),
)
QUERY = re.compile(r'(.*\.attn)\.query\.(weight|bias)')
PARTS = re.compile(r'.*\.attn\.(query|key|value)\.(weight|bias)')


def to_original(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Turn the keys of a DINOv2, DINOv3 or CLIP of transformers into those of its authors.

    Queries, keys and values are one matrix there, and three in transformers. What is in no such
    layout is returned as it is.
    """
    keys = [key for key in state if not key.startswith(BESIDE)]
    patterns, fused = _patterns(keys)
    if patterns is None:
        return dict(state)
    renamed = {}
    for key in keys:
        new = key
        for pattern, text in patterns:
            new = re.sub(pattern, text, new)
        renamed[new] = state[key]
    return _fuse(renamed, fused)


def _patterns(keys: list[str]) -> tuple[tuple | None, str]:
    """Find the renaming for a file, and how its authors call the matrix of all three."""

    def has(sign: str) -> bool:
        return any(re.search(sign, key) for key in keys)

    if has(r'encoder\.layer\.0\.attention\.attention\.query') and has('layer_scale1'):
        return DINOV2, 'qkv.'
    if has(r'^(model\.)?layer\.0\.attention\.q_proj') and has('embeddings.register_tokens'):
        return DINOV3 + (GATED if has(r'\.gate_proj\.') else PLAIN), 'qkv.'
    if has(r'encoder\.layers\.0\.self_attn\.q_proj') and has(r'embeddings\.class_embedding'):
        return CLIP, 'in_proj_'
    return None, ''


def _fuse(state: dict[str, Tensor], fused: str) -> dict[str, Tensor]:
    out = {key: value for key, value in state.items() if not PARTS.fullmatch(key)}
    for key, query in state.items():
        if found := QUERY.fullmatch(key):
            block, kind = found.groups()
            # DINOv3 has no bias for keys; its authors keep a masked one.
            keys = state.get(f'{block}.key.{kind}', torch.zeros_like(query))
            out[f'{block}.{fused}{kind}'] = torch.cat((query, keys, state[f'{block}.value.{kind}']))
    return out
