"""The file layouts of foundation models, and how to tell them apart."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CLIP_TEXT = (
    *('transformer.', 'token_embedding.', 'positional_embedding', 'ln_final.', 'text.'),
    *('text_projection', 'logit_scale', 'logit_bias', 'attn_mask'),
    *('input_resolution', 'context_length', 'vocab_size'),
)
CLIP_BODIES = {
    768: 'vit_base_patch16_clip_quickgelu_224.openai',
    1024: 'vit_large_patch14_clip_quickgelu_224.openai',
}
SAM_BODIES = {768: 'samvit_base_patch16', 1024: 'samvit_large_patch16', 1280: 'samvit_huge_patch16'}


@dataclass(frozen=True)
class Layout:
    """A way in which a project writes its keys.

    Attributes:
        name: what to call such a file.
        signs: regular expressions; a file where each of them matches the beginning of some key
            is of this layout.
        prefix: what the keys of the image model begin with.
        beside: what the keys of other models in the same file begin with; they are dropped.
        rename: (regular expression, replacement) for every key, before timm's own renaming.
        bodies: the timm model that takes such a file, by the width of its tokens.
    """

    name: str
    signs: tuple[str, ...]
    prefix: str = ''
    beside: tuple[str, ...] = ()
    rename: tuple[tuple[str, str], ...] = ()
    bodies: Mapping[int, str] = field(default_factory=dict)


UNKNOWN = Layout('unknown', ())
TRANSFORMERS = Layout(
    'Hugging Face transformers',
    (r'((\w+\.)?(embeddings|vision_model|vision_encoder|encoder\.layers?)\.|layer\.0\.)',),
)
DINOV3 = Layout(
    'DINOv3 (Meta)',
    ('storage_tokens', r'blocks\.0\.'),
    bodies={
        384: 'vit_small_patch16_dinov3',
        768: 'vit_base_patch16_dinov3',
        1024: 'vit_large_patch16_dinov3',
        1280: 'vit_huge_plus_patch16_dinov3',
        4096: 'vit_7b_patch16_dinov3',
    },
)

# A file is of the first layout whose signs it has.
LAYOUTS = (
    Layout(
        'a vision-language model with a timm trunk', (r'visual\.trunk\.',), 'visual.', CLIP_TEXT
    ),
    Layout(
        'CLIP (OpenAI or open_clip)',
        (r'visual\.class_embedding', r'visual\.transformer\.resblocks\.'),
        prefix='visual.',
        beside=CLIP_TEXT,
        bodies=CLIP_BODIES,
    ),
    Layout(
        'CLIP ResNet (OpenAI)',
        (r'visual\.conv1\.weight', r'visual\.layer1\.0\.conv1\.'),
        prefix='visual.',
        beside=CLIP_TEXT,
    ),
    Layout('EVA-CLIP', (r'visual\.blocks\.', r'visual\.cls_token'), 'visual.', CLIP_TEXT),
    Layout(
        'CLIP converted by Rein (flat)',
        ('class_embedding', r'transformer\.resblocks\.', r'conv1\.weight'),
        rename=((r'^', 'visual.'),),
        bodies=CLIP_BODIES,
    ),
    Layout(
        'SAM (Meta)',
        (r'image_encoder\.patch_embed\.',),
        prefix='image_encoder.',
        beside=('prompt_encoder.', 'mask_decoder.', 'pixel_mean', 'pixel_std'),
        bodies=SAM_BODIES,
    ),
    Layout(
        'SAM converted by Rein (flat)',
        (r'blocks\.0\.mlp\.lin1\.', r'blocks\.0\.attn\.rel_pos_h'),
        rename=((r'^', 'image_encoder.'),),
        bodies=SAM_BODIES,
    ),
    DINOV3,
    Layout(
        'DINOv2 with registers (Meta)',
        ('register_tokens', r'blocks\.0\.ls1\.gamma'),
        bodies={
            384: 'vit_small_patch14_reg4_dinov2',
            768: 'vit_base_patch14_reg4_dinov2',
            1024: 'vit_large_patch14_reg4_dinov2',
            1536: 'vit_giant_patch14_reg4_dinov2',
        },
    ),
    Layout(
        'DINOv2 (Meta, or converted by Rein)',
        ('mask_token', r'blocks\.0\.ls1\.gamma'),
        bodies={
            384: 'vit_small_patch14_dinov2',
            768: 'vit_base_patch14_dinov2',
            1024: 'vit_large_patch14_dinov2',
            1536: 'vit_giant_patch14_dinov2',
        },
    ),
    Layout(
        'EVA-02 (original, or converted by Rein)',
        (r'blocks\.0\.attn\.q_bias', r'blocks\.0\.mlp\.w12?\.'),
        bodies={1024: 'eva02_large_patch14_224.mim_m38m'},
    ),
    Layout(
        'ConvNeXt (mmpretrain)',
        (r'downsample_layers\.0\.0\.', r'stages\.0\.0\.depthwise_conv\.'),
        rename=(
            (r'\.depthwise_conv\.', '.dwconv.'),
            (r'\.pointwise_conv', '.pwconv'),
            (r'^norm3\.', 'norm.'),
        ),
    ),
    Layout('ConvNeXt (Meta)', (r'downsample_layers\.0\.0\.', r'stages\.0\.0\.dwconv\.')),
    Layout(
        'ResNet-C, with a deep stem (OpenMMLab)',
        (r'stem\.0\.weight', r'layer1\.0\.conv1\.'),
        rename=((r'^stem\.7\.', 'bn1.'), (r'^stem\.', 'conv1.')),
    ),
    Layout('timm', (r'(patch_embed\.proj|stem\.0|stem\.conv1|conv1)\.',)),
    TRANSFORMERS,
)


def recognise(keys: Iterable[str]) -> Layout:
    """Tell the layout of a file by its keys; ``UNKNOWN`` where none fits."""
    keys = list(keys)
    for layout in LAYOUTS:
        if all(any(re.match(sign, key) for key in keys) for sign in layout.signs):
            return layout
    return UNKNOWN
