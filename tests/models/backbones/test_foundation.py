"""One contract, checked over every family of foundation models that the configs name."""

import copy

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

import rein
from rein.models.backbones import FoundationBackbone

TINY_VIT = {'img_size': 64, 'patch_size': 16, 'embed_dim': 32, 'depth': 4, 'num_heads': 2}
DYNAMIC = {**TINY_VIT, 'dynamic_img_size': True}
FAMILIES = {
    'dinov2_s': ('vit_small_patch14_dinov2.lvd142m', DYNAMIC),
    'dinov2_b_reg': ('vit_base_patch14_reg4_dinov2.lvd142m', DYNAMIC),
    'dinov2_g': ('vit_giant_patch14_dinov2.lvd142m', DYNAMIC),
    'dinov3_s': ('vit_small_patch16_dinov3.lvd1689m', TINY_VIT),
    'dinov3_l': ('vit_large_patch16_dinov3.lvd1689m', TINY_VIT),
    'eva02_l': ('eva02_large_patch14_224.mim_m38m', TINY_VIT),
    'clip_l_openai': ('vit_large_patch14_clip_quickgelu_224.openai', DYNAMIC),
    'clip_l_laion': ('vit_large_patch14_clip_224.laion2b', DYNAMIC),
    'siglip2_l': ('vit_large_patch16_siglip_512.v2_webli', DYNAMIC),
    'sam_b': ('samvit_base_patch16.sa1b', {**TINY_VIT, 'global_attn_indexes': (1, 3)}),
    'sam_h': ('samvit_huge_patch16.sa1b', {**TINY_VIT, 'global_attn_indexes': (1, 3)}),
    'convnext_l': (
        'convnext_large_mlp.clip_laion2b_augreg',
        {'dims': (8, 16, 24, 32), 'depths': (1, 1, 2, 1)},
    ),
    'resnet50': ('resnet50c.gluon_in1k', {'base_width': 8, 'layers': (1, 1, 2, 1)}),
    'resnet101_os8': ('resnet101.tv_in1k', {'layers': (1, 1, 2, 1), 'output_stride': 8}),
    'swin': (
        'swin_tiny_patch4_window7_224',
        {'img_size': 64, 'embed_dim': 16, 'depths': (1, 1, 2, 1), 'window_size': 2},
    ),
}
REIN = {'type': 'ReinAdapter', 'token_length': 6, 'rank': 4, 'scale': 0.1}


def build(family: str, **options) -> FoundationBackbone:
    name, args = FAMILIES[family]
    torch.manual_seed(0)
    options = {'adapter': REIN, **options}
    return FoundationBackbone(name, model_args=args, **options)


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


def test_maps_have_the_channels_and_strides_that_the_backbone_declares(family):
    backbone = build(family)
    maps = backbone(torch.randn(2, 3, 64, 64))
    assert type(maps) is tuple
    assert len(maps) == 4
    for each, channels, stride in zip(maps, backbone.channels, backbone.strides, strict=True):
        assert each.shape == (2, channels, 64 // stride, 64 // stride)


def test_only_the_adapter_trains_and_every_part_of_it_gets_a_gradient(family):
    backbone = build(family)
    maps = backbone(torch.randn(2, 3, 64, 64))
    sum((each**2).mean() for each in maps).backward()
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad == (not name.startswith('body.')), name
        assert (parameter.grad is not None) == name.startswith('adapter.'), name


def test_training_everything_leaves_no_parameter_without_a_gradient(family):
    backbone = build(family, train='all')
    maps = backbone(torch.randn(2, 3, 64, 64))
    sum((each**2).mean() for each in maps).backward()
    assert [n for n, p in backbone.named_parameters() if p.grad is None] == []
    assert backbone.body.training
    assert backbone.frozen_state_keys() == []


def test_training_nothing_freezes_body_and_adapter(family):
    backbone = build(family, train='none')
    assert not any(p.requires_grad for p in backbone.parameters())


def test_frozen_body_stays_in_eval_mode_and_train_returns_the_backbone(family):
    backbone = build(family)
    assert backbone.train() is backbone
    assert backbone.training
    assert not any(module.training for module in backbone.body.modules())
    before = copy.deepcopy(backbone.body.state_dict())
    backbone(torch.randn(2, 3, 64, 64))
    after = backbone.body.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_frozen_state_keys_are_those_of_the_body(family):
    backbone = build(family)
    keys = set(backbone.state_dict())
    frozen = set(backbone.frozen_state_keys())
    assert frozen == {key for key in keys if key.startswith('body.')}
    assert keys - frozen


def test_adapter_at_scale_zero_changes_nothing(family):
    plain = build(family, adapter=None).eval()
    adapted = build(family, adapter={**REIN, 'scale': 0.0}).eval()
    adapted.body.load_state_dict(plain.body.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        for a, b in zip(plain(images), adapted(images), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_copy_of_a_backbone_runs_its_own_adapter(family):
    backbone = build(family).eval()
    twin = copy.deepcopy(backbone)
    with torch.no_grad():
        for parameter in twin.adapter.parameters():
            parameter.zero_()
        images = torch.randn(1, 3, 64, 64)
        plain = build(family, adapter=None).eval()
        plain.body.load_state_dict(backbone.body.state_dict())
        torch.testing.assert_close(twin(images)[-1], plain(images)[-1], rtol=0, atol=0)
        assert not torch.equal(backbone(images)[-1], plain(images)[-1])


def test_activation_checkpointing_changes_no_gradient(family):
    plain = build(family)
    recomputed = build(family, with_cp=True)
    recomputed.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 64, 64)
    for backbone in (plain, recomputed):
        (backbone(images)[-1] ** 2).sum().backward()
    for a, b in zip(plain.adapter.parameters(), recomputed.adapter.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-7)


def test_bf16_autocast_gives_finite_gradients(family):
    backbone = build(family)
    with torch.autocast('cpu', torch.bfloat16):
        maps = backbone(torch.randn(1, 3, 64, 64))
    sum((each.float() ** 2).mean() for each in maps).backward()
    assert all(p.grad.isfinite().all() for p in backbone.adapter.parameters())


def test_compiled_backbone_is_one_graph_with_the_same_maps(family):
    backbone = build(family).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = backbone(images)
        torch._dynamo.reset()
        compiled = torch.compile(backbone, backend='eager', fullgraph=True)
        for a, b in zip(compiled(images), expected, strict=True):
            torch.testing.assert_close(a, b)


AT_512 = {'img_size': 512, 'patch_size': 16}
REAL = [
    # model, arguments, width of the maps, trainable with Rein and its queries
    ('vit_small_patch14_dinov2.lvd142m', AT_512, [384] * 4, 684_033),
    ('vit_base_patch14_dinov2.lvd142m', AT_512, [768] * 4, 1_741_569),
    ('vit_large_patch14_dinov2.lvd142m', AT_512, [1024] * 4, 2_990_081),
    ('vit_giant_patch14_dinov2.lvd142m', AT_512, [1536] * 4, 6_359_041),
    ('vit_small_patch14_reg4_dinov2.lvd142m', AT_512, [384] * 4, 684_033),
    ('vit_base_patch14_reg4_dinov2.lvd142m', AT_512, [768] * 4, 1_741_569),
    ('vit_large_patch14_reg4_dinov2.lvd142m', AT_512, [1024] * 4, 2_990_081),
    ('vit_giant_patch14_reg4_dinov2.lvd142m', AT_512, [1536] * 4, 6_359_041),
    ('vit_small_patch16_dinov3.lvd1689m', AT_512, [384] * 4, 684_033),
    ('vit_base_patch16_dinov3.lvd1689m', AT_512, [768] * 4, 1_741_569),
    ('vit_large_patch16_dinov3.lvd1689m', AT_512, [1024] * 4, 2_990_081),
    ('eva02_large_patch14_224.mim_m38m', AT_512, [1024] * 4, 2_990_081),
    ('vit_large_patch14_clip_quickgelu_224.openai', AT_512, [1024] * 4, 2_990_081),
    ('vit_large_patch14_clip_224.laion2b', AT_512, [1024] * 4, 2_990_081),
    ('vit_large_patch16_siglip_512.v2_webli', AT_512, [1024] * 4, 2_990_081),
    ('samvit_base_patch16.sa1b', AT_512, [768] * 4, 1_741_569),
    ('samvit_large_patch16.sa1b', AT_512, [1024] * 4, 2_990_081),
    ('samvit_huge_patch16.sa1b', AT_512, [1280] * 4, 4_510_721),
    ('convnext_large_mlp.clip_laion2b_augreg', {}, [192, 384, 768, 1536], 8_289_156),
    ('resnet50c.gluon_in1k', {}, [256, 512, 1024, 2048], 13_187_588),
    ('resnet101c.gluon_in1k', {}, [256, 512, 1024, 2048], 13_493_316),
]


@pytest.mark.parametrize(('model', 'args', 'channels', 'trainable'), REAL)
def test_real_sizes_have_the_published_trainable_counts(model, args, channels, trainable):
    with torch.device('meta'):
        backbone = FoundationBackbone(
            model,
            model_args=args,
            adapter={'type': 'ReinAdapter', 'queries': {'type': 'TokenQueries', 'dims': 256}},
        )
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == trainable
    assert backbone.channels == channels
    assert backbone.strides == [4, 8, 16, 32]


@pytest.mark.parametrize('size', [(96, 64), (32, 80)])
@pytest.mark.parametrize('family', ['dinov2_s', 'dinov3_s', 'sam_b', 'convnext_l'])
def test_other_sizes_pass_where_the_model_can_take_them(family, size):
    backbone = build(family)
    top = backbone(torch.randn(1, 3, *size))[0]
    assert top.shape[-2:] == (size[0] // backbone.strides[0], size[1] // backbone.strides[0])


def test_size_between_patches_is_refused_with_its_neighbours():
    with pytest.raises(ValueError, match=r'\(70, 64\).*use \(64, 64\) or \(80, 64\)'):
        build('dinov2_s')(torch.randn(1, 3, 70, 64))


def test_fixed_size_model_names_its_size():
    with pytest.raises(ValueError, match=r'eva02.*\(64, 64\).*dynamic_img_size'):
        build('eva02_l')(torch.randn(1, 3, 96, 96))


def test_unknown_model_is_refused_with_names_that_exist():
    with pytest.raises(ValueError, match="'vit_large_patch14_dinov9' is no timm model"):
        FoundationBackbone('vit_large_patch14_dinov9')


def test_unknown_model_argument_is_named():
    with pytest.raises(ValueError, match='embed_dims'):
        FoundationBackbone('vit_tiny_patch16_224', model_args={'embed_dims': 32})


def test_unknown_train_mode_is_refused():
    with pytest.raises(ValueError, match=r"'adapters'.*'none', 'adapter', 'all'"):
        build('dinov2_s', train='adapters')


@pytest.mark.parametrize('indices', [[3, 1], [0, 4], [-1, 2], []])
def test_impossible_out_indices_are_refused(indices):
    with pytest.raises(ValueError, match=r'out_indices.*0 to 3'):
        build('dinov2_s', out_indices=indices)


def test_pyramid_with_too_few_scales_is_refused():
    with pytest.raises(ValueError, match='2 scales for 4'):
        build('dinov2_s', pyramid={'scales': (1, 2)})


def test_pyramid_on_a_hierarchical_model_is_refused():
    with pytest.raises(ValueError, match=r'backbone\.pyramid'):
        build('resnet50', pyramid={'type': 'ResizePyramid'})


def test_single_map_at_the_stride_of_the_patches():
    backbone = build('dinov2_s', out_indices=[3], pyramid={'scales': (1,)})
    assert backbone.strides == [16]
    assert backbone(torch.randn(1, 3, 64, 64))[0].shape == (1, 32, 4, 4)


def test_default_out_indices_are_evenly_spaced():
    args = {**TINY_VIT, 'depth': 12}
    backbone = FoundationBackbone('vit_tiny_patch16_224', model_args=args)
    assert backbone.out_indices == [2, 5, 8, 11]


def test_adapter_on_chosen_blocks_has_tokens_for_these_alone():
    backbone = build('sam_b', adapter={**REIN, 'blocks': [1, 3]})
    assert backbone.adapter.tokens_a.shape[0] == 2
    assert [len(block._forward_hooks) for block in backbone.body.blocks] == [0, 1, 0, 1]


def test_runner_initialisation_does_not_touch_the_weights():
    model = MODELS.build(
        {
            'type': 'EncoderDecoder',
            'backbone': {
                'type': 'FoundationBackbone',
                'model': 'vit_tiny_patch16_224',
                'model_args': TINY_VIT,
                'adapter': REIN,
            },
            'decode_head': {
                'type': 'FCNHead',
                'in_channels': 32,
                'in_index': 3,
                'channels': 8,
                'num_classes': 5,
            },
        }
    )
    before = copy.deepcopy(model.backbone.state_dict())
    model.init_weights()
    after = model.backbone.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_registers_and_class_token_pass_the_adapter_untouched():
    backbone = build('dinov2_b_reg')
    seen = []

    class Recorder(nn.Module):
        def forward(self, tokens, layer):
            seen.append(tokens.shape)
            return tokens * 2

    block = backbone.body.blocks[0]
    (hook,) = block._forward_hooks.values()
    hook.adapter = Recorder()
    sequence = torch.randn(1, 5 + 16, 32)
    output = hook(block, (), sequence)
    assert seen == [(1, 16, 32)]
    assert torch.equal(output[:, :5], sequence[:, :5])
    assert torch.equal(output[:, 5:], sequence[:, 5:] * 2)


def test_queries_of_a_hierarchical_body_are_summed_over_its_stages():
    queries = {'type': 'TokenQueries', 'dims': 8}
    backbone = build('convnext_l', adapter={**REIN, 'queries': queries})
    expected = sum(stage.mask_queries() for stage in backbone.adapter)
    assert backbone.queries().shape == (6, 8)
    torch.testing.assert_close(backbone.queries(), expected)


def test_learned_pyramid_of_clip_counts_the_released_parameters():
    with torch.device('meta'):
        pyramid = rein.models.backbones.LearnedPyramid([1024] * 4)
    assert sum(p.numel() for p in pyramid.parameters()) == 12_596_224


def test_learned_pyramid_gives_the_strides_of_the_resized_one():
    backbone = build('clip_l_openai', pyramid={'type': 'LearnedPyramid'})
    maps = backbone(torch.randn(2, 3, 64, 64))
    assert [each.shape[-1] for each in maps] == [16, 8, 4, 2]
    assert all(p.requires_grad for p in backbone.pyramid.parameters())
