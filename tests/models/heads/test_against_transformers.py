"""The head against the Mask2Former of ``transformers``, which is bit-equal to mmdet's."""

import pytest
import torch
from torch import nn

from rein.models.heads import PlainMask2FormerHead
from rein.models.heads.mask_targets import ClassMasks

hf = pytest.importorskip(
    'transformers.models.mask2former.modeling_mask2former',
    reason='needs transformers (extra "dev") as the reference',
)
from transformers import Mask2FormerConfig  # noqa: E402  only if it is there

CHANNELS, CLASSES, QUERIES, POINTS = [6, 8, 10, 12], 5, 9, 300
DIMS, HEADS, ENCODER, DECODER = 64, 4, 2, 4

PIXEL = {
    'level_encoding.weight': 'level_embed',
    'input_convs.': 'input_projections.',
    'mask_feature.': 'mask_projection.',
    'lateral_convs.0': 'adapter_1',
    'output_convs.0': 'layer_1',
    '.conv.': '.0.',
    '.gn.': '.1.',
    'norms.0': 'self_attn_layer_norm',
    'norms.1': 'final_layer_norm',
    'ffn.layers.0.0': 'fc1',
    'ffn.layers.1': 'fc2',
}
DECODE = {
    'transformer_decoder.post_norm': 'transformer.decoder.layernorm',
    'transformer_decoder.': 'transformer.decoder.',
    'norms.0': 'cross_attn_layer_norm',
    'norms.1': 'self_attn_layer_norm',
    'norms.2': 'final_layer_norm',
    'ffn.layers.0.0': 'fc1',
    'ffn.layers.1': 'fc2',
    'attn.attn.': 'attn.',
    'level_embed': 'transformer.level_embed',
    'query_embed': 'transformer.queries_embedder',
    'query_feat': 'transformer.queries_features',
    'cls_embed': 'class_predictor',
    'mask_embed.0': 'transformer.decoder.mask_predictor.mask_embedder.0.0',
    'mask_embed.2': 'transformer.decoder.mask_predictor.mask_embedder.1.0',
    'mask_embed.4': 'transformer.decoder.mask_predictor.mask_embedder.2.0',
}


def renamed(weights):
    """Our parameters under the names of ``transformers``."""
    found = {}
    for key, value in weights.items():
        for ours, theirs in (PIXEL if key.startswith('pixel_decoder.') else DECODE).items():
            key = key.replace(ours, theirs)
        if '.self_attn.in_proj_' in key:  # one matrix here, three there
            for name, part in zip('qkv', value.chunk(3), strict=True):
                found[key.replace('in_proj_', f'{name}_proj.')] = part
        else:
            found[key] = value
    return found


class Reference(nn.Module):
    """The parts of ``transformers`` in the place of our head."""

    def __init__(self):
        super().__init__()
        config = Mask2FormerConfig(
            feature_size=DIMS,
            mask_feature_size=DIMS,
            hidden_dim=DIMS,
            encoder_feedforward_dim=48,
            dim_feedforward=40,
            encoder_layers=ENCODER,
            decoder_layers=DECODER + 1,
            num_attention_heads=HEADS,
            num_queries=QUERIES,
            num_labels=CLASSES,
            dropout=0.0,
            pre_norm=False,
            class_weight=2.0,
            mask_weight=5.0,
            dice_weight=5.0,
            no_object_weight=0.1,
            train_num_points=POINTS,
            feature_strides=[4, 8, 16, 32],
            common_stride=4,
        )
        self.pixel_decoder = hf.Mask2FormerPixelDecoder(config, feature_channels=CHANNELS)
        self.transformer = hf.Mask2FormerTransformerModule(DIMS, config)
        self.class_predictor = nn.Linear(DIMS, CLASSES + 1)
        self.criterion = [hf.Mask2FormerLoss(config, {})]  # in a list: not part of the weights

    def forward(self, maps):
        pixels = self.pixel_decoder(
            list(maps), output_attentions=False, output_hidden_states=False, return_dict=True
        )
        found = self.transformer(pixels.multi_scale_features, pixels.mask_features)
        states = found.intermediate_hidden_states
        classes = [self.class_predictor(state.transpose(0, 1)) for state in states]
        return list(zip(classes, found.masks_queries_logits, strict=True))


@pytest.fixture(scope='module')
def both():
    torch.manual_seed(0)
    head = PlainMask2FormerHead(
        CLASSES,
        CHANNELS,
        feat_channels=DIMS,
        out_channels=DIMS,
        num_queries=QUERIES,
        pixel_decoder={'num_layers': ENCODER, 'num_heads': HEADS, 'ffn_channels': 48},
        transformer_decoder={'num_layers': DECODER, 'num_heads': HEADS, 'ffn_channels': 40},
        loss_args={'num_points': POINTS},
    )
    for layer in head.pixel_decoder.encoder.layers:  # at first zero: every token looks the same
        nn.init.normal_(layer.self_attn.sampling_offsets.weight, std=0.1)
        nn.init.normal_(layer.self_attn.attention_weights.weight, std=0.3)
    reference = Reference()
    reference.load_state_dict(renamed(head.state_dict()), strict=True)
    return head, reference


def maps_of(height, width):
    sizes = [(height // s, width // s) for s in (4, 8, 16, 32)]
    return [torch.randn(2, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize('size', [(96, 96), (64, 160), (160, 96)])
def test_classes_and_masks_of_every_layer_are_those_of_the_reference(both, size):
    torch.manual_seed(1)
    maps = maps_of(*size)
    with torch.no_grad():
        ours, theirs = both[0](maps), both[1](maps)
    assert len(ours) == len(theirs) == DECODER + 1
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_gradients_are_those_of_the_reference(both):
    torch.manual_seed(2)
    maps = [level.requires_grad_() for level in maps_of(64, 96)]
    gradients = []
    for network in both:
        score = sum(c.sin().sum() + m.sin().mean() for c, m in network(maps))
        gradients.append(torch.autograd.grad(score, maps))
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


def fixed_points(*shape, **_):
    """In the place of ``torch.rand``: the same points for every mask, however many."""
    generator = torch.Generator().manual_seed(shape[-2])
    return torch.empty(shape[-2:]).uniform_(generator=generator).expand(shape).contiguous()


@pytest.mark.parametrize('present', [([0, 2, 4], [1]), ([3, 1], [])])
def test_losses_at_fixed_points_are_those_of_the_reference(both, present, monkeypatch):
    torch.manual_seed(3)
    maps = maps_of(64, 96)
    head, reference = both
    labels = [torch.tensor(classes, dtype=torch.long) for classes in present]
    masks = [torch.rand(len(classes), 8, 12).gt(0.5).float() for classes in present]
    masks = [mask.repeat_interleave(8, 1).repeat_interleave(8, 2) for mask in masks]
    monkeypatch.setattr(torch, 'rand', fixed_points)
    with torch.no_grad():
        states, features = head.decode(maps)
        targets = [ClassMasks(*pair) for pair in zip(labels, masks, strict=True)]
        ours = head.criterion(head.cls_embed(states), head.mask_embed(states), features, targets)
        *others, (classes, logits) = reference(maps)
        others = [{'class_queries_logits': c, 'masks_queries_logits': m} for c, m in others]
        theirs = reference.criterion[0](logits, classes, masks, labels, others)
    assert len(ours) == len(theirs) == 3 * (DECODER + 1)
    names = {'loss_cls': ('loss_cross_entropy', 2), 'loss_mask': ('loss_mask', 5)}
    names['loss_dice'] = ('loss_dice', 5)
    for key, value in ours.items():
        layer, _, kind = key.rpartition('.')
        name, weight = names[kind]
        expected = theirs[f'{name}_{layer[1:]}' if layer else name] * weight
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=0)
