"""The converter on a release of CLOUDS: a whole CLIP, and the head under the authors' names."""

import re

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from rein.checkpoints.clouds_release import head_from_release
from rein.checkpoints.conversion import convert_clouds
from rein.hooks.checkpoint_files import read_checkpoint
from rein.models.backbones.weight_files import WeightsError
from rein.runtime.settings import inner_segmentor

HEAD = dict(
    type='PlainMask2FormerHead',
    num_classes=3,
    num_queries=5,
    feat_channels=16,
    out_channels=16,
    pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=16, norm_groups=4),
    transformer_decoder=dict(num_layers=2, num_heads=2, ffn_channels=16),
)
CONFIG = f"""
custom_imports = dict(imports=['rein'])
default_scope = 'mmseg'
model = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='FoundationBackbone', model='convnext_atto', train='none',
                  weights=dict(source='nowhere.pth')),
    decode_head={HEAD!r},
    test_cfg=dict(mode='whole'))
"""
JOINT = """
_base_ = './warm_up.py'
model = dict(_delete_=True, type='SelfTraining', segmentor={{_base_.model}},
             refiner=dict(type='SamRefiner', model=dict(type='SegmentAnything', checkpoint='no')))
"""
BACK = (
    (r'pixel_decoder\.input_convs\.(\d)\.conv\.', r'pixel_decoder.input_proj.\1.0.'),
    (r'pixel_decoder\.input_convs\.(\d)\.gn\.', r'pixel_decoder.input_proj.\1.1.'),
    (r'pixel_decoder\.level_encoding\.weight', 'pixel_decoder.transformer.level_embed'),
    (r'pixel_decoder\.encoder\.', 'pixel_decoder.transformer.encoder.'),
    (r'pixel_decoder\.lateral_convs\.0\.conv\.', 'pixel_decoder.adapter_1.'),
    (r'pixel_decoder\.lateral_convs\.0\.gn\.', 'pixel_decoder.adapter_1.norm.'),
    (r'pixel_decoder\.output_convs\.0\.conv\.', 'pixel_decoder.layer_1.'),
    (r'pixel_decoder\.output_convs\.0\.gn\.', 'pixel_decoder.layer_1.norm.'),
    (r'pixel_decoder\.mask_feature\.', 'pixel_decoder.mask_features.'),
    (r'transformer_decoder\.post_norm\.', 'predictor.decoder_norm.'),
    (
        r'transformer_decoder\.layers\.(\d)\.cross_attn\.attn\.',
        r'predictor.transformer_cross_attention_layers.\1.multihead_attn.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.self_attn\.attn\.',
        r'predictor.transformer_self_attention_layers.\1.self_attn.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.norms\.0\.',
        r'predictor.transformer_cross_attention_layers.\1.norm.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.norms\.1\.',
        r'predictor.transformer_self_attention_layers.\1.norm.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.norms\.2\.',
        r'predictor.transformer_ffn_layers.\1.norm.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.ffn\.layers\.0\.0\.',
        r'predictor.transformer_ffn_layers.\1.linear1.',
    ),
    (
        r'transformer_decoder\.layers\.(\d)\.ffn\.layers\.1\.',
        r'predictor.transformer_ffn_layers.\1.linear2.',
    ),
    (r'(query_feat|query_embed|level_embed)\.', r'predictor.\1.'),
    (r'cls_embed\.', 'predictor.class_embed.'),
    (r'mask_embed\.(\d)\.', lambda m: f'predictor.mask_embed.layers.{int(m[1]) // 2}.'),
    (r'\.norms\.(\d)\.', lambda m: f'.norm{int(m[1]) + 1}.'),
    (r'\.ffn\.layers\.0\.0\.', '.linear1.'),
    (r'\.ffn\.layers\.1\.', '.linear2.'),
)


def their_name(name):
    for pattern, replacement in BACK:
        name = re.sub(rf'^{pattern}' if pattern[0] not in '\\(' else pattern, replacement, name)
    return name


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Configs of both stages, and a release of the network."""
    folder = tmp_path_factory.mktemp('clouds')
    (folder / 'warm_up.py').write_text(CONFIG)
    (folder / 'joint.py').write_text(JOINT)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = build(folder / 'warm_up.py')
    state = {'void_embedding.weight': torch.ones(1, 4), 'criterion.empty_weight': torch.ones(4)}
    for name, tensor in model.decode_head.state_dict().items():
        state[f'sem_seg_head.{their_name(name)}'] = tensor
    for name, tensor in model.backbone.body.state_dict().items():
        state[f'backbone.clip_model.visual.trunk.{name}'] = tensor
    ends = [f'visual.head.mlp.{end}' for end in ('fc1.weight', 'fc1.bias', 'fc2.weight')]
    ends += ['visual.trunk.head.norm.weight', 'visual.trunk.head.norm.bias']
    for name in (*ends, 'token_embedding.weight', 'logit_scale'):
        state[f'backbone.clip_model.{name}'] = torch.ones(2)
    torch.save({'model': state, 'iteration': 7}, folder / 'release.pth')
    torch.save(model.state_dict(), folder / 'expected.pth')
    return folder


def build(path):
    config = Config.fromfile(path)
    inner_segmentor(config.model).backbone.weights = None
    return MODELS.build(config.model)


@pytest.mark.parametrize('stage', ['warm_up', 'joint'])
def test_a_release_becomes_a_checkpoint_that_begins_either_stage(folder, stage, tmp_path):
    out = tmp_path / 'out.pth'
    said = convert_clouds(str(folder / f'{stage}.py'), str(folder / 'release.pth'), str(out))
    assert 'of the head' in said
    checkpoint = read_checkpoint(out)
    expected = torch.load(folder / 'expected.pth')
    assert checkpoint['state_dict'].keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(checkpoint['state_dict'][name], tensor), name
    assert checkpoint['meta']['converted_from']['checkpoint']['file'] == 'release.pth'
    joint = build(folder / 'joint.py')
    joint.adopt(checkpoint)
    joint.load_state_dict(checkpoint['state_dict'])  # strictly


def test_another_file_is_refused(folder, tmp_path):
    torch.save({'a.b': torch.ones(1)}, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match='is no release of CLOUDS'):
        convert_clouds(str(folder / 'warm_up.py'), str(tmp_path / 'other.pth'), 'out.pth')
    with pytest.raises(WeightsError, match=r'no keys of a network of CLOUDS: strange\.key'):
        head_from_release({'strange.key': torch.ones(1)})


def test_a_release_of_another_network_does_not_fit(folder, tmp_path):
    text = CONFIG.replace("'num_classes': 3", "'num_classes': 4")
    (tmp_path / 'four.py').write_text(text)
    with pytest.raises(WeightsError, match=r'does not fit .*four\.py'):
        convert_clouds(str(tmp_path / 'four.py'), str(folder / 'release.pth'), 'out.pth')
