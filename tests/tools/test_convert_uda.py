"""Releases of DAFormer, HRDA and their heirs become checkpoints of this package."""

import copy

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from networks import HRDA, segformer_names

import rein  # noqa: F401
from rein.checkpoints.conversion import convert_uda
from rein.hooks.checkpoint_files import read_checkpoint
from rein.models.backbones.weights import WeightsError

DEEPLAB = dict(
    type='FoundationSegmentor',
    backbone=dict(type='StyleResNet', depth=18, base_channels=8, stem_channels=8, deep_stem=True),
    decode_head=dict(type='DeepLabV2Head', in_channels=64, num_classes=5),
    test_cfg=dict(mode='whole'),
)
NETWORKS = {'hrda': HRDA, 'deeplabv2': DEEPLAB}


@pytest.fixture(params=NETWORKS)
def network(request, tmp_path):
    """A config that trains by itself, the network inside, and a release of it."""
    init_default_scope('mmseg')
    torch.manual_seed(0)
    plain = copy.deepcopy(NETWORKS[request.param])
    plain['backbone']['weights'] = 'not/there.pth'
    wrapped = dict(type='SelfTraining', segmentor=dict(type='OneView', segmentor=plain))
    wrapped['passes'] = dict(type='SourceThenTarget')
    Config(dict(model=wrapped)).dump(tmp_path / 'config.py')
    inner = MODELS.build(ConfigDict(plain))
    theirs = {'model.' + name: value for name, value in their_names(inner.state_dict()).items()}
    theirs |= {name.replace('model.', 'ema_model.', 1): value * 0 for name, value in theirs.items()}
    theirs |= {f'imnet_model.{name}': torch.ones(1) for name in ('backbone.a', 'decode_head.b')}
    torch.save({'state_dict': theirs, 'meta': {'iter': 40000}}, tmp_path / 'release.pth')
    return tmp_path, inner


def their_names(state):
    """As the authors' code calls them."""
    body = {k.removeprefix('backbone.'): v for k, v in state.items() if k.startswith('backbone.')}
    if any(name.startswith('layers.') for name in body):
        body = {k: v for k, v in segformer_names(body).items() if not k.startswith('head.')}
    found = {f'backbone.{name}': value for name, value in body.items()}
    for name, value in state.items():
        if name.startswith('decode_head.convs.'):
            _, _, number, kind = name.split('.')
            name = f'decode_head.aspp_modules.{number}.conv.{kind}'
        if not name.startswith('backbone.'):
            found[name] = value
    return found


def test_a_release_becomes_a_checkpoint_of_the_student(network):
    folder, inner = network
    out = folder / 'out.pth'
    said = convert_uda(str(folder / 'config.py'), str(folder / 'release.pth'), str(out))
    assert 'tensors of the student' in said
    checkpoint = read_checkpoint(out)
    expected = inner.state_dict()
    assert checkpoint['state_dict'].keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(checkpoint['state_dict'][name], tensor), name
    whole = MODELS.build(Config.fromfile(folder / 'config.py').model)
    whole.adopt(checkpoint)
    whole.load_state_dict(checkpoint['state_dict'])  # strictly


def test_a_release_of_another_network_does_not_fit(network):
    folder, inner = network
    state = their_names(inner.state_dict())
    name = next(key for key in state if key.startswith('decode_head.'))
    del state[name]
    torch.save(state, folder / 'cut.pth')
    with pytest.raises(WeightsError, match=r'cut\.pth does not fit .*config\.py'):
        convert_uda(str(folder / 'config.py'), str(folder / 'cut.pth'), str(folder / 'out.pth'))
    assert not (folder / 'out.pth').exists()


def test_another_file_is_refused(tmp_path):
    torch.save({'a.b': torch.ones(1)}, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match='is no release of DAFormer'):
        convert_uda('config.py', str(tmp_path / 'other.pth'), 'out.pth')
