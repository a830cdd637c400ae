"""Whole networks with the weights of the recorded ones, under the keys of a release."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from recipes import filled, normal, recorded
from torch.nn import functional as F

from rein.checkpoints.blindnet_release import from_release, is_release
from rein.models.backbones.weight_files import WeightsError
from rein.models.losses.covariance import channel_covariance
from rein.models.segmentors.taps import Taps

RECORDED = recorded('networks')
NORM = dict(type='IN')
NETWORKS = {
    'resnet-50': (dict(type='StyleResNet', depth=50), ('stem', 'stage1', 'stage2')),
    'shufflenetv2': (dict(type='StyleShuffleNetV2'), ('stem', 'stage2', 'stage3')),
    'mobilenetv2': (dict(type='StyleMobileNetV2'), ('stem', 'stage1', 'stage2')),
}
KINDS = {'baseline': None, 'blindnet_or_isw': NORM, 'ibn': dict(type='IN', affine=True)}


def network(name, norm=NORM):
    init_default_scope('mmseg')
    backbone, places = NETWORKS[name]
    last = {'resnet-50': 2048, 'shufflenetv2': 1024, 'mobilenetv2': 1280}[name]
    sites = {'backbone[3]': last, 'decode_head.joined': 304, 'decode_head.fusion': 256}
    segmentor = dict(
        type='FoundationSegmentor',
        data_preprocessor=dict(type='SegDataPreProcessor'),
        backbone=dict(**backbone, norms={place: norm for place in places}),
        decode_head=dict(type='DeepLabV3PlusHead', num_classes=19),
        auxiliary_head=dict(type='DeepSupervisionHead', num_classes=19),
        test_cfg=dict(mode='whole'),
    )
    contrast = dict(type='PixelContrast', sites=sites, terms=dict(cwcl=dict(type='ClassContrast')))
    return MODELS.build(
        ConfigDict(type='TwoView', segmentor=segmentor, losses=dict(contrast=contrast))
    )


HEADS = {
    'image_pool.1.': 'aspp.img_conv.',
    'bottleneck.': 'bot_aspp.',
    'c1_bottleneck.': 'bot_fine.',
}


def their_name(key):
    """Key in the authors' code of a tensor of ours."""
    if key.startswith('losses.contrast.projections.'):
        number, rest = key.removeprefix('losses.contrast.projections.').split('.', 1)
        return f'ProjectionHead_cls_{number}.proj.{rest}'
    part, rest = key.removeprefix('segmentor.').split('.', 1)
    if part == 'auxiliary_head':
        return 'dsn.' + rest.replace('conv_seg', '4').removeprefix('hidden.')
    return their_head(rest) if part == 'decode_head' else their_backbone(rest)


def their_head(key):
    if key.startswith('conv_seg'):
        return key.replace('conv_seg', 'final2.0')
    module, layer, kind = key.rsplit('.', 2)
    number = 0 if layer == 'conv' else 1
    if module.startswith('aspp_modules'):
        return f'aspp.features.{module[-1]}.{number}.{kind}'
    if module.startswith('fusion'):
        return f'final1.{3 * int(module[-1]) + number}.{kind}'
    return f'{HEADS[module + "."]}{number}.{kind}'


def their_backbone(key):
    first, rest = key.split('.', 1)
    if first == 'features':
        number, rest = rest.split('.', 1)
        begins = [0, 2, 7, 11, 18]
        layer = max(i for i, begin in enumerate(begins) if begin <= int(number))
        return f'layer{layer}.{int(number) - begins[layer]}.{rest}'
    if first.startswith('stage'):
        return f'layer{int(first[-1]) - 1}.{rest}'
    if first == 'conv5':
        return f'layer4.layer.{rest}'
    if first in ('conv1', 'bn1'):
        number = '0.' if first == 'conv1' else '1.'
        return f'layer0.layer.0.{rest}' if rest[0].isdigit() else f'layer0.{number}{rest}'
    return key


def release_of(model):
    """State dict of the authors' network, filled as the recorded one was."""
    names = {their_name(key): value for key, value in model.state_dict().items()}
    return {name: filled(name, value) for name, value in names.items()}


def numbers(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', NETWORKS)
def test_parameters_are_as_many_as_the_authors(name, kind):
    expected = RECORDED['parameter_counts'][f'{name} {kind}']
    with torch.device('meta'):
        model = network(name, KINDS[kind])
    auxiliary = numbers(model.segmentor.auxiliary_head)
    assert auxiliary == expected['dsn_aux']
    assert numbers(model.segmentor) - auxiliary == expected['inference']
    assert numbers(model.losses) == expected['projection_heads']
    assert numbers(model) == expected['total']


@pytest.mark.parametrize('name', NETWORKS)
def test_a_release_loads_and_predicts_as_the_authors_network(name):
    model = network(name)
    release = release_of(model)
    assert is_release(release)
    model.load_state_dict(from_release(release), strict=True)
    model.eval()
    expected = RECORDED['network']['eval_shapes_and_logits']['result'][name]
    images = normal(141, 1, 3, 96, 128)
    sites = [f'backbone.{site}' for site in model.segmentor.backbone.style_sites]
    head = [f'decode_head.{part}' for part in ('bottleneck', 'c1_bottleneck', 'fusion')]
    with torch.no_grad(), Taps(model.segmentor, [*sites, *head]) as maps:
        levels = model.segmentor.extract_feat(images)
        scores = model.segmentor.decode_head(levels)
    assert [list(level.shape) for level in levels] == [
        expected[f'layer{number}'] for number in (1, 2, 3, 4)
    ]
    theirs = [expected[key] for key in ('bot_aspp', 'bot_fine', 'final1')]
    assert [list(maps[part].shape) for part in head] == theirs
    assert list(scores.shape) == expected['final2']
    logits = F.interpolate(scores, images.shape[2:], mode='bilinear', align_corners=True).double()
    assert logits.flatten()[:5].tolist() == pytest.approx(expected['eval_logits']['first5'], 1e-4)
    for measure, value in (
        ('norm', logits.norm()),
        ('abs_sum', logits.abs().sum()),
        ('sum', logits.sum()),
    ):
        assert value.item() == pytest.approx(expected['eval_logits'][measure], rel=1e-4)
    for site, found in zip(
        sites, expected.get('IN_covariances_(eval,visualize)', ()), strict=False
    ):
        covariance = channel_covariance(maps[site]).double()
        assert covariance.norm().item() == pytest.approx(found['norm'], rel=1e-4)
        assert covariance.sum().item() == pytest.approx(found['sum'], rel=1e-4)


def test_a_key_of_something_else_is_named():
    model = network('mobilenetv2')
    with pytest.raises(WeightsError, match=r'no keys of a network of BlindNet.*: fc\.weight'):
        from_release({**release_of(model), 'fc.weight': torch.zeros(1)})
