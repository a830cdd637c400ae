"""From the keys of the released code of CLOUDS to those of this package."""

import re
from collections.abc import Mapping

from torch import Tensor

from rein.checkpoints.comparison import shortened
from rein.models.backbones.weight_files import WeightsError

HEAD = 'sem_seg_head.'
CLIP = 'backbone.clip_model.'
UNUSED = ('criterion.', 'pixel_mean', 'pixel_std', 'clip_pixel_mean', 'clip_pixel_std')
VOID = 'void_embedding.weight'  # a learned row beside the texts, which plain heads never use
_ATTENTION = (
    (r'transformer_cross_attention_layers\.(\d+)\.multihead_attn\.', r'layers.\1.cross_attn.attn.'),
    (r'transformer_cross_attention_layers\.(\d+)\.norm\.', r'layers.\1.norms.0.'),
    (r'transformer_self_attention_layers\.(\d+)\.self_attn\.', r'layers.\1.self_attn.attn.'),
    (r'transformer_self_attention_layers\.(\d+)\.norm\.', r'layers.\1.norms.1.'),
    (r'transformer_ffn_layers\.(\d+)\.linear1\.', r'layers.\1.ffn.layers.0.0.'),
    (r'transformer_ffn_layers\.(\d+)\.linear2\.', r'layers.\1.ffn.layers.1.'),
    (r'transformer_ffn_layers\.(\d+)\.norm\.', r'layers.\1.norms.2.'),
    (r'decoder_norm\.', r'post_norm.'),
)
_ENCODER = r'pixel_decoder\.transformer\.encoder\.layers\.(\d+)\.'
RULES = (
    (r'pixel_decoder\.input_proj\.(\d)\.0\.', r'pixel_decoder.input_convs.\1.conv.'),
    (r'pixel_decoder\.input_proj\.(\d)\.1\.', r'pixel_decoder.input_convs.\1.gn.'),
    (r'pixel_decoder\.transformer\.level_embed$', 'pixel_decoder.level_encoding.weight'),
    (rf'{_ENCODER}self_attn\.', r'pixel_decoder.encoder.layers.\1.self_attn.'),
    (rf'{_ENCODER}norm1\.', r'pixel_decoder.encoder.layers.\1.norms.0.'),
    (rf'{_ENCODER}norm2\.', r'pixel_decoder.encoder.layers.\1.norms.1.'),
    (rf'{_ENCODER}linear1\.', r'pixel_decoder.encoder.layers.\1.ffn.layers.0.0.'),
    (rf'{_ENCODER}linear2\.', r'pixel_decoder.encoder.layers.\1.ffn.layers.1.'),
    (r'pixel_decoder\.adapter_1\.norm\.', 'pixel_decoder.lateral_convs.0.gn.'),
    (r'pixel_decoder\.adapter_1\.', 'pixel_decoder.lateral_convs.0.conv.'),
    (r'pixel_decoder\.layer_1\.norm\.', 'pixel_decoder.output_convs.0.gn.'),
    (r'pixel_decoder\.layer_1\.', 'pixel_decoder.output_convs.0.conv.'),
    (r'pixel_decoder\.mask_features\.', 'pixel_decoder.mask_feature.'),
    *((rf'predictor\.{old}', f'transformer_decoder.{new}') for old, new in _ATTENTION),
    (r'predictor\.(query_feat|query_embed|level_embed)\.', r'\1.'),
    (r'predictor\.class_embed\.layers\.(\d)\.', lambda m: f'cls_embed.mlp.{2 * int(m[1])}.'),
    (r'predictor\.class_embed\.', 'cls_embed.'),
    (r'predictor\.logit_scale$', 'cls_embed.logit_scale'),
    (r'predictor\._mask_pooling_proj\.0\.', 'pooling.norm.'),
    (r'predictor\._mask_pooling_proj\.1\.', 'pooling.proj.'),
    (r'predictor\.mask_embed\.layers\.(\d)\.', lambda m: f'mask_embed.{2 * int(m[1])}.'),
)


def is_release(keys: Mapping[str, Tensor]) -> bool:
    """Tell whether these are the keys of a checkpoint of CLOUDS' code."""
    return f'{HEAD}predictor.query_feat.weight' in keys


def head_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the released head to the keys of ``PlainMask2FormerHead``.

    Args:
        state: of a whole release, or of its head alone; CLIP is left out.

    Raises:
        WeightsError: there are keys that such a network does not have.
    """
    found, strange = {}, []
    for key, value in state.items():
        if key.startswith((CLIP, *UNUSED)):
            continue
        name = 'cls_embed.void' if key == VOID else _renamed(key.removeprefix(HEAD))
        if name is None:
            strange.append(key)
        else:
            found[name] = value
    if strange:
        raise WeightsError(f'these are no keys of a network of CLOUDS: {shortened(strange)}')
    if 'cls_embed.logit_scale' not in found:
        found.pop('cls_embed.void', None)
    return found


def clip_from_release(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """CLIP's tensors out of a release, under the names that CLIP's own files have."""
    return {k.removeprefix(CLIP): value for k, value in state.items() if k.startswith(CLIP)}


def _renamed(key: str) -> str | None:
    for pattern, replacement in RULES:
        if match := re.match(pattern, key):
            start = replacement(match) if callable(replacement) else match.expand(replacement)
            return start + key[match.end() :]
    return None
