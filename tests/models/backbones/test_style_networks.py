"""Parts of the networks of BlindNet and RobustNet; whole ones are in tests/methods."""

import pytest
import torch
import torchvision
from torch import nn

from rein.models.backbones import StyleMobileNetV2, StyleResNet, StyleShuffleNetV2
from rein.models.backbones.weight_files import WeightsError

NORM = dict(type='IN')


def small(**kwargs):
    return StyleResNet(18, stem_channels=8, base_channels=8, **kwargs)


def same_maps(ours, theirs):
    for found, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_without_norms_at_stride_32_it_is_torchvisions_resnet(tmp_path):
    theirs = torchvision.models.resnet50(num_classes=3)
    torch.save(theirs.state_dict(), tmp_path / 'resnet50.pth')
    ours = StyleResNet(50, output_stride=32, weights=str(tmp_path / 'resnet50.pth'))
    ours.init_weights()
    ours.eval()
    theirs.eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        out = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(images))))
        expected = [out := getattr(theirs, f'layer{i}')(out) for i in range(1, 5)]
        same_maps(ours(images), expected)
    assert ours.channels == (256, 512, 1024, 2048)
    assert ours.strides == (4, 8, 16, 32)


@pytest.mark.parametrize('stride', [8, 16, 32])
def test_the_last_map_has_the_stride_that_was_asked_for(stride):
    network = small(output_stride=stride)
    maps = network(torch.randn(2, 3, 64, 96))
    assert [64 // level.shape[2] for level in maps] == list(network.strides)
    assert network.strides[-1] == stride


def test_a_norm_in_the_stem_takes_the_place_of_bn1_and_one_behind_a_stage_is_added():
    network = small(norms=dict(stem=NORM, stage2=dict(type='IN', affine=True), stage1=None))
    keys = set(network.state_dict())
    assert not any(key.startswith('bn1') for key in keys)
    assert {key for key in keys if key.startswith('norms')} == {
        'norms.stage2.weight',
        'norms.stage2.bias',
    }
    assert network.style_sites == {'norms.stem': 8, 'norms.stage2': 16}


@pytest.mark.parametrize(
    'network',
    [
        small(norms=dict(stem=NORM, stage1=NORM)),
        small(norms=dict(stem1=NORM, stem3=NORM, stage1=NORM), deep_stem=True),
        StyleShuffleNetV2(0.5, norms=dict(stem=NORM, stage2=NORM)),
        StyleMobileNetV2(0.25, norms=dict(stem=NORM, stage1=NORM)),
    ],
    ids=['resnet', 'deep stem', 'shufflenet', 'mobilenet'],
)
def test_what_a_norm_put_out_is_not_overwritten_by_the_layer_behind_it(network):
    kept = {}
    for name, layer in network.norms.items():
        layer.register_forward_hook(lambda m, a, out, name=name: kept.update({name: out}))
    network(torch.randn(2, 3, 64, 64))
    for found in kept.values():
        assert found.min() < -0.5
        torch.testing.assert_close(
            found.mean((2, 3)), torch.zeros(found.shape[:2]), atol=1e-4, rtol=0
        )


def test_the_deep_stem_takes_the_weights_of_its_authors_layout(tmp_path):
    names = {'stem.0': 'conv1', 'stem.1': 'bn1', 'stem.3': 'conv2', 'stem.4': 'bn2'}
    names |= {'stem.6': 'conv3', 'stem.7': 'bn3'}
    source = small(deep_stem=True)
    state = {}
    for key, value in source.state_dict().items():
        part = '.'.join(key.split('.')[:2])
        state[key.replace(part, names.get(part, part), 1)] = value
    torch.save(state, tmp_path / 'deep.pth')
    network = small(deep_stem=True, weights=str(tmp_path / 'deep.pth'), norms=dict(stem2=NORM))
    network.init_weights()
    torch.testing.assert_close(network.stem[6].weight, source.stem[6].weight, rtol=0, atol=0)
    assert not any(key.startswith('stem.4') for key in network.state_dict())


@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        (StyleShuffleNetV2, torchvision.models.shufflenet_v2_x1_0),
        (StyleMobileNetV2, torchvision.models.mobilenet_v2),
    ],
)
def test_the_small_networks_take_torchvisions_weights(ours, theirs, tmp_path):
    model = theirs(num_classes=4)
    torch.save(model.state_dict(), tmp_path / 'weights.pth')
    network = ours(
        norms=dict(stem=dict(type='IN', affine=True)), weights=str(tmp_path / 'weights.pth')
    )
    network.init_weights()
    expected = model.state_dict()
    loaded = {k: v for k, v in network.state_dict().items() if not k.startswith('norms.')}
    assert all(torch.equal(value, expected[key]) for key, value in loaded.items())


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(torchvision.models.resnet18(num_classes=2).state_dict(), tmp_path / 'r18.pth')
    network = StyleResNet(50, weights=str(tmp_path / 'r18.pth'))
    before = network.conv1.weight.clone()
    with pytest.raises(WeightsError, match=r'r18\.pth does not fit StyleResNet'):
        network.init_weights()
    torch.testing.assert_close(network.conv1.weight, before, rtol=0, atol=0)


def test_a_name_that_is_none_and_a_download_that_fails_are_told_apart(monkeypatch):
    with pytest.raises(WeightsError, match='there is no file resnet50_best'):
        StyleResNet(50, weights='resnet50_best').init_weights()

    def fail(*args, **kwargs):
        raise OSError('no network')

    monkeypatch.setattr(torchvision.models._api, 'load_state_dict_from_url', fail)
    with pytest.raises(WeightsError, match=r'could not be downloaded from https://.*no network'):
        StyleResNet(50, weights='ResNet50_Weights.IMAGENET1K_V1').init_weights()


def test_weights_by_name_are_torchvisions_and_checked(monkeypatch):
    asked = {}

    def fetch(url, *args, **kwargs):
        asked.update(url=url, **kwargs)
        return torchvision.models.resnet50().state_dict()

    monkeypatch.setattr(torchvision.models._api, 'load_state_dict_from_url', fetch)
    StyleResNet(50, weights='ResNet50_Weights.IMAGENET1K_V1').init_weights()
    assert asked['url'].endswith('resnet50-0676ba61.pth')
    assert asked['check_hash']


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (
            lambda: small(norms=dict(layer1=NORM)),
            r"backbone\.norms names \['layer1'\], but the places",
        ),
        (lambda: small(output_stride=4), r'output_stride is 4; use one of \[8, 16, 32\]'),
        (lambda: StyleShuffleNetV2(2.0), r'backbone\.width is 2\.0; use one of'),
    ],
)
def test_what_there_is_not_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_recomputed_blocks_give_the_same_gradients():
    torch.manual_seed(0)
    plain = small(norms=dict(stage1=NORM))
    again = small(norms=dict(stage1=NORM), with_cp=True)
    again.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 64, 64)
    gradients = []
    for network in (plain, again):
        sum(level.square().mean() for level in network(images)).backward()
        gradients.append(network.conv1.weight.grad)
    torch.testing.assert_close(*gradients)


def test_only_the_layers_that_had_stride_two_are_dilated():
    network = StyleMobileNetV2()
    dilated = [
        name
        for name, m in network.named_modules()
        if isinstance(m, nn.Conv2d) and m.dilation[0] > 1
    ]
    assert dilated == ['features.14.conv.1.0']
    network = StyleShuffleNetV2()
    dilated = [
        name
        for name, m in network.named_modules()
        if isinstance(m, nn.Conv2d) and m.dilation[0] > 1
    ]
    assert dilated == ['stage4.0.branch1.0', 'stage4.0.branch2.3']
