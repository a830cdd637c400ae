"""SAM's networks as the package segment-anything builds them, and MobileSAM's beside them."""

from collections.abc import Mapping

import timm
from torch import Tensor, nn

SIDE = 1024  # of the square that an image is fitted into
WIDTH = 256
UNUSED = ('image_encoder.norm_head.', 'image_encoder.head.')  # TinyViT's classifier


class TinyEncoder(nn.Module):
    """MobileSAM's image encoder: a TinyViT whose last stage keeps its size, and SAM's neck.

    Source: Zhang et al., 2023 (arXiv:2306.14289).
    """

    img_size = SIDE

    def __init__(self) -> None:
        from segment_anything.modeling.common import LayerNorm2d

        super().__init__()
        body = timm.create_model('tiny_vit_5m_224', num_classes=0, drop_path_rate=0.0)
        self.patch_embed, self.stages = body.patch_embed, body.stages
        self.stages[-1].downsample.conv2.conv.stride = (1, 1)
        self.neck = nn.Sequential(
            nn.Conv2d(320, WIDTH, 1, bias=False),
            LayerNorm2d(WIDTH),
            nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
            LayerNorm2d(WIDTH),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Features (B, 256, 64, 64) of images (B, 3, 1024, 1024)."""
        return self.neck(self.stages(self.patch_embed(images)))


def build_sam(kind: str) -> nn.Module:
    """A SAM with random weights: ``'vit_b'``, ``'vit_l'``, ``'vit_h'`` or ``'mobile'``."""
    from segment_anything import sam_model_registry
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    if kind != 'mobile':
        return sam_model_registry[kind](checkpoint=None)
    return Sam(
        image_encoder=TinyEncoder(),
        prompt_encoder=PromptEncoder(WIDTH, (SIDE // 16, SIDE // 16), (SIDE, SIDE), 16),
        mask_decoder=MaskDecoder(
            transformer_dim=WIDTH,
            transformer=TwoWayTransformer(depth=2, embedding_dim=WIDTH, num_heads=8, mlp_dim=2048),
        ),
    )


def load_sam(sam: nn.Module, state: Mapping[str, Tensor], kind: str, source: str) -> None:
    """Load the weights of a published checkpoint, all of them.

    Raises:
        ValueError: they are not those of such a model.
    """
    if kind == 'mobile':
        state = from_mobile_sam(state)
    own = sam.state_dict()
    missing, foreign = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shapes = [k for k in own if k in state and own[k].shape != state[k].shape]
    for what, names in (('lacks', missing), ('has besides', foreign), ('misshapes', shapes)):
        if names:
            raise ValueError(
                f'SegmentAnything.checkpoint {source} is no SAM of kind {kind!r}: it {what} '
                f"{len(names)} tensors, such as {names[0]}; give the file's own kind"
            )
    sam.load_state_dict(dict(state))


def from_mobile_sam(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names of MobileSAM's file as this module has them; its unused classifier is left out."""
    found = {}
    for name, tensor in state.items():
        if name.startswith(UNUSED):
            continue
        head, _, rest = name.partition('image_encoder.')
        if head or not rest:
            found[name] = tensor
            continue
        rest = rest.replace('patch_embed.seq.0.', 'patch_embed.conv1.')
        rest = rest.replace('patch_embed.seq.2.', 'patch_embed.conv2.')
        if rest.startswith('layers.'):
            _, number, part, tail = rest.split('.', 3)
            # There a stage ends with what makes the next one's maps, here it begins with that.
            stage = int(number) + (part == 'downsample')
            rest = f'stages.{stage}.{part}.{tail}'
        rest = rest.replace('.c.', '.conv.')
        found[f'image_encoder.{rest}'] = tensor
    return found
