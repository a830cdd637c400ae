"""The converter on releases of BlindNet, and exports of what a wrapper trained."""

import importlib.util
from pathlib import Path

import pytest
import torch
from recipes import filled

from rein.checkpoints.conversion import convert_network, export
from rein.checkpoints.summary import summarize
from rein.models.backbones.weight_files import WeightsError, open_weights

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
custom_imports = dict(imports=['rein'])
default_scope = 'mmseg'
segmentor = dict(
    type='FoundationSegmentor',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(type='StyleMobileNetV2', width=0.25, norms=dict(stem=dict(type='IN'))),
    decode_head=dict(type='DeepLabV3PlusHead', num_classes=19, channels=16),
    auxiliary_head=dict(type='DeepSupervisionHead', num_classes=19, channels=8),
    test_cfg=dict(mode='whole'),
)
"""
TWO = """
model = dict(type='TwoView', segmentor=segmentor, losses=dict(contrast=dict(
    type='PixelContrast', sites={'decode_head.fusion': 16}, dims=8,
    terms=dict(cwcl=dict(type='ClassContrast')))))
del segmentor
"""
ISW = """
model = dict(type='OneView', segmentor=segmentor, losses=dict(
    isw=dict(type='SelectiveInstanceWhitening', clusters=2)))
del segmentor
"""
PLAIN = """
model = segmentor
del segmentor
"""


def their_names():
    """Names in a release from the test of whole networks, which checks them against numbers."""
    path = ROOT / 'tests/methods/test_blindnet_reference.py'
    spec = importlib.util.spec_from_file_location('reference', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.their_name


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Configs of three kinds, and a release of the network, as DDP saved it."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    folder = tmp_path_factory.mktemp('blindnet')
    for name, text in (('two', TWO), ('isw', ISW), ('plain', PLAIN)):
        (folder / f'{name}.py').write_text(CONFIG + text)
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(folder / 'two.py').model)
    name = their_names()
    state = {f'module.{name(k)}': filled(name(k), v) for k, v in model.state_dict().items()}
    torch.save({'state_dict': state, 'epoch': 25, 'mean_iu': 0.4}, folder / 'release.pth')
    return folder


@pytest.mark.parametrize('kind', ['two', 'isw', 'plain'])
def test_a_release_becomes_a_checkpoint_of_any_config_of_the_network(folder, kind):
    out = folder / f'{kind}.pth'
    said = convert_network(str(folder / f'{kind}.py'), str(folder / 'release.pth'), str(out))
    tensors = open_weights(out).tensors
    release = open_weights(folder / 'release.pth').tensors
    key = 'decode_head.fusion.1.conv.weight'
    key = key if kind == 'plain' else f'segmentor.{key}'
    assert torch.equal(tensors[key], release['final1.3.weight'])
    assert ('projection heads left out' in said) == (kind != 'two')
    assert 'losses.contrast.projections.0.2.bias' in tensors or kind != 'two'


def test_a_release_of_another_size_is_refused(folder, tmp_path):
    text = (folder / 'two.py').read_text().replace('channels=16)', 'channels=24)')
    (tmp_path / 'large.py').write_text(
        text.replace("'decode_head.fusion': 16", "'decode_head.fusion': 24")
    )
    with pytest.raises(WeightsError, match=r'release\.pth does not fit .*large\.py'):
        convert_network(
            str(tmp_path / 'large.py'), str(folder / 'release.pth'), str(tmp_path / 'out.pth')
        )
    assert not (tmp_path / 'out.pth').exists()


def test_another_file_is_told(folder, tmp_path):
    torch.save({'fc.weight': torch.zeros(2)}, tmp_path / 'other.pth')
    with pytest.raises(WeightsError, match=r'no release of BlindNet or RobustNet.*fc\.weight'):
        convert_network(
            str(folder / 'two.py'), str(tmp_path / 'other.pth'), str(tmp_path / 'o.pth')
        )


def test_a_network_without_a_frozen_body_is_exported_as_it_is(folder, tmp_path):
    source = folder / 'exported_from.pth'
    convert_network(str(folder / 'two.py'), str(folder / 'release.pth'), str(source))
    export(str(source), str(tmp_path / 'out.safetensors'))
    written = open_weights(tmp_path / 'out.safetensors').tensors
    assert written.keys() == open_weights(source).tensors.keys()


def test_show_says_what_the_files_are(folder):
    assert 'a release of BlindNet or RobustNet' in summarize(str(folder / 'release.pth'))


def test_the_body_of_a_wrapped_adapter_is_left_out_and_found(tmp_path):
    state = {
        'segmentor.backbone.body.blocks.0.attn.qkv.weight': torch.ones(3, 1),
        'segmentor.backbone.adapter.scale': torch.tensor(1.0),
        'segmentor.decode_head.conv_seg.bias': torch.zeros(2),
    }
    body = {'model': 'vit', 'fingerprint': 'f'}
    torch.save({'state_dict': state, 'body': body, 'meta': {}}, tmp_path / 'full.pth')
    export(str(tmp_path / 'full.pth'), str(tmp_path / 'a.safetensors'), adapter_only=True)
    kept = open_weights(tmp_path / 'a.safetensors').tensors
    assert set(kept) == set(state) - {'segmentor.backbone.body.blocks.0.attn.qkv.weight'}
    with pytest.raises(WeightsError, match='holds no body'):
        export(str(tmp_path / 'a.safetensors'), str(tmp_path / 'b.safetensors'))
