"""The converter on the recorded tiny release: import, export, show, and what it refuses."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from safetensors import safe_open

from rein.checkpoints import conversion, writing
from rein.checkpoints.summary import group_of
from rein.hooks import AdapterCheckpointHook
from rein.models.backbones.weight_files import WeightsError

ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / 'tests' / 'reference' / 'rein_reference_tiny.pt'
MODEL = """
custom_imports = dict(imports=['rein'])
default_scope = 'mmseg'
model = dict(
    type='FoundationSegmentor',
    backbone=dict(
        type='FoundationBackbone',
        model='vit_small_patch14_dinov2.lvd142m',
        model_args=dict(img_size=64, patch_size=16, embed_dim=32, depth=4, num_heads=2),
        out_indices=[0, 1, 2, 3],
        weights=dict(source='{body}', resample='bicubic'),
        adapter=dict(
            type='ReinAdapter', token_length={tokens}, rank=4,
            queries=dict(type='TokenQueries', dims=16)),
    ),
    decode_head=dict(
        type='PlainMask2FormerHead', num_classes={classes}, queries='external',
        num_queries={tokens}, feat_channels=16, out_channels=16,
        pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=24, norm_groups=4),
        transformer_decoder=dict(num_layers=2, num_heads=2, ffn_channels=24),
    ),
    test_cfg=dict(mode='slide', crop_size=(64, 64), stride=(43, 43), window_batch=3),
)
"""


@pytest.fixture(scope='module')
def recorded() -> dict:
    return torch.load(FIXTURE, weights_only=True)


@pytest.fixture(scope='module')
def folder(recorded, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('release')
    torch.save(recorded['backbone'], path / 'B.pth')
    torch.save({'meta': {}, 'state_dict': recorded['rein_and_head']}, path / 'R.pth')
    written = MODEL.format(body='nowhere.pth', tokens=10, classes=19)
    (path / 'config.py').write_text(written)
    (path / 'trained.py').write_text(written.replace('nowhere.pth', str(path / 'B.pth')))
    return path


@pytest.fixture(scope='module')
def main():
    spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools' / 'convert_checkpoint.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope='module')
def converted(folder, main) -> Path:
    command = ['rein', str(folder / 'config.py'), '--backbone', str(folder / 'B.pth')]
    out = folder / 'full.pth'
    assert main([*command, '--rein-and-head', str(folder / 'R.pth'), '--out', str(out)]) == 0
    return out


@pytest.fixture(scope='module')
def adapter_only(converted, folder, main) -> Path:
    out = folder / 'adapter.pth'
    assert main(['export', str(converted), str(out), '--adapter-only']) == 0
    return out


def read(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def same(left: dict, right: dict) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_converted_release_predicts_what_the_authors_network_does(converted, folder, recorded):
    config = Config.fromfile(folder / 'config.py').model
    config.backbone.weights = None  # the file has everything
    model = MODELS.build(config).eval()
    model.load_state_dict(read(converted)['state_dict'], strict=True)
    with torch.no_grad():
        maps = model.backbone(recorded['img'])
    for ours, theirs in zip(maps, recorded['feats'], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('file', ['converted', 'adapter_only'])
def test_file_is_taken_by_the_strict_loading_of_training_and_test(file, folder, request):
    stored = read(request.getfixturevalue(file))
    model = MODELS.build(Config.fromfile(folder / 'trained.py').model)
    runner = SimpleNamespace(model=model, logger=None)
    AdapterCheckpointHook().after_load_checkpoint(runner, stored)
    assert stored['state_dict'].keys() == model.state_dict().keys()


def test_converted_file_says_where_it_comes_from(converted, folder):
    stored = read(converted)
    origin = stored['meta']['converted_from']['rein_and_head']
    assert origin == {'file': 'R.pth', 'sha256': writing.sha256(folder / 'R.pth')}
    assert stored['body']['model'] == 'vit_small_patch14_dinov2.lvd142m'
    assert 'FoundationSegmentor' in stored['meta']['cfg']


def test_full_export_is_the_checkpoint_and_comes_back(converted, tmp_path, main):
    assert main(['export', str(converted), str(tmp_path / 'e.safetensors')]) == 0
    assert main(['export', str(tmp_path / 'e.safetensors'), str(tmp_path / 'e.pth')]) == 0
    before, after = read(converted), read(tmp_path / 'e.pth')
    assert same(before['state_dict'], after['state_dict'])
    assert before['meta'] == after['meta']
    assert before['body'] == after['body']


def test_adapter_only_export_leaves_out_the_body_and_names_it(converted, tmp_path, main):
    out = tmp_path / 'e.safetensors'
    assert main(['export', str(converted), str(out), '--adapter-only']) == 0
    with safe_open(out, 'pt') as file:
        keys, notes = set(file.keys()), json.loads(file.metadata()['rein'])
    whole = set(read(converted)['state_dict'])
    assert whole - keys == {key for key in whole if key.startswith('backbone.body.')}
    assert notes['body']['fingerprint'] == read(converted)['body']['fingerprint']


def test_body_is_filled_in_from_the_config(converted, adapter_only, folder, tmp_path, main):
    command = ['export', str(adapter_only), str(tmp_path / 'f.pth')]
    assert main([*command, '--config', str(folder / 'trained.py')]) == 0
    assert same(read(converted)['state_dict'], read(tmp_path / 'f.pth')['state_dict'])


def test_another_body_is_not_filled_in(adapter_only, folder, recorded, tmp_path, main, capsys):
    other = {key: value + 1 for key, value in recorded['backbone'].items()}
    torch.save(other, tmp_path / 'other.pth')
    text = (folder / 'trained.py').read_text()
    config = tmp_path / 'other.py'
    config.write_text(text.replace(str(folder / 'B.pth'), str(tmp_path / 'other.pth')))
    command = ['export', str(adapter_only), str(tmp_path / 'f.pth'), '--config', str(config)]
    assert main(command) == 2
    assert 'was trained on another body' in capsys.readouterr().err
    assert not (tmp_path / 'f.pth').exists()


def test_full_export_without_a_body_says_what_to_give(adapter_only, tmp_path, main, capsys):
    assert main(['export', str(adapter_only), str(tmp_path / 'f.pth')]) == 2
    assert 'give --config CONFIG to fill it in, or --adapter-only' in capsys.readouterr().err


def test_body_that_may_have_been_trained_is_not_left_out(converted, tmp_path, main, capsys):
    stored = read(converted)
    torch.save({'state_dict': stored['state_dict']}, tmp_path / 'w.pth')
    out = tmp_path / 'f.safetensors'
    assert main(['export', str(tmp_path / 'w.pth'), str(out), '--adapter-only']) == 2
    assert 'leave --adapter-only out' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'tokens': 12}, r'backbone.adapter.tokens_a (4, 10, 4) in the file, (4, 12, 4) here'),
        ({'classes': 5}, r'decode_head.cls_embed.weight (20, 16) in the file, (6, 16) here'),
    ],
)
def test_release_of_another_size_is_named_in_both_sizes(
    change, said, folder, tmp_path, main, capsys
):
    sizes = {'body': 'nowhere.pth', 'tokens': 10, 'classes': 19, **change}
    (tmp_path / 'other.py').write_text(MODEL.format(**sizes))
    command = ['rein', str(tmp_path / 'other.py'), '--backbone', str(folder / 'B.pth')]
    out = tmp_path / 'out.pth'
    assert main([*command, '--rein-and-head', str(folder / 'R.pth'), '--out', str(out)]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert 'trained with 4 adapted blocks of width 32, token_length=10, rank=4' in message
    assert not out.exists()


def test_two_files_in_the_wrong_order_are_told(folder, tmp_path, main, capsys):
    command = ['rein', str(folder / 'config.py'), '--backbone', str(folder / 'R.pth')]
    assert main([*command, '--rein-and-head', str(folder / 'B.pth'), '--out', 'x.pth']) == 2
    assert 'is no Rein release' in capsys.readouterr().err
    command[-1] = str(folder / 'R.pth')
    assert main([*command, '--rein-and-head', str(folder / 'R.pth'), '--out', 'x.pth']) == 2
    assert 'but no body' in capsys.readouterr().err


def test_input_is_never_overwritten(converted, main, capsys):
    before = converted.read_bytes()
    assert main(['export', str(converted), str(converted)]) == 2
    assert 'is the file to read' in capsys.readouterr().err
    assert converted.read_bytes() == before


def test_failed_write_leaves_the_old_file_and_no_partial_one(tmp_path, monkeypatch):
    out = tmp_path / 'out.pth'
    out.write_bytes(b'old')

    def fail(stored: dict, path: Path) -> None:
        path.write_bytes(b'half')
        raise RuntimeError('PytorchStreamWriter failed writing file')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(WeightsError, match=r'cannot write .* MB free'):
        writing.write_checkpoint(out, {'a': torch.ones(1)}, {})
    assert out.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [out]


def test_the_same_content_makes_the_same_file(tmp_path):
    state = {'b': torch.ones(2), 'a': torch.zeros(3)}
    for number in range(8):
        writing.write_checkpoint(
            tmp_path / f'{number}.safetensors', state, {'meta': {'says': '"ä"'}}
        )
    files = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == 1
    with safe_open(tmp_path / '0.safetensors', 'pt') as file:
        assert file.get_tensor('b').tolist() == [1, 1]
        assert json.loads(file.metadata()['rein'])['meta'] == {'says': '"ä"'}


def test_show_counts_the_groups_of_a_checkpoint(converted, main, capsys):
    assert main(['show', str(converted)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'a checkpoint of this package, with its body: 4 adapted blocks' in lines[0]
    # 4 tokens x 10 x 4 and x 4 x 32, two linears of 32, transform 32 -> 16, merge 48 -> 16, scale
    count = 4 * 10 * 4 + 4 * 4 * 32 + 2 * (32 * 32 + 32) + 33 * 16 + 49 * 16 + 1
    row = next(line for line in lines if line.startswith('backbone.adapter')).split()
    assert row[1:4] == ['11', f'{count:,}', 'float32']
    assert float(row[4]) == round(4 * count / 1e6, 2)
    assert any(line.startswith('trained on vit_small_patch14_dinov2') for line in lines)


def test_show_names_the_layout_of_a_body(folder, main, capsys):
    assert main(['show', str(folder / 'B.pth')]) == 0
    assert 'layout DINOv2 (Meta, or converted by Rein) (torch)' in capsys.readouterr().out


def test_show_of_a_missing_file_is_one_line(tmp_path, main, capsys):
    assert main(['show', str(tmp_path / 'no.pth')]) == 2
    assert 'there is no file' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('key', 'group'),
    [
        ('cls_token', 'cls_token'),
        ('blocks.3.norm1.weight', 'blocks'),
        ('norm.weight', 'norm'),
        ('backbone.body.blocks.3.norm1.weight', 'backbone.body'),
        ('decode_head.pixel_decoder.encoder.layers.0.x', 'decode_head.pixel_decoder'),
    ],
)
def test_group_of_a_key(key, group):
    assert group_of(key) == group


def test_a_trained_body_is_written_for_other_models_in_half_precision(tmp_path):
    state = {
        'backbone.body.pos_embed': torch.tensor([1.0, 1 / 3]),
        'decode_head.conv_seg.bias': torch.zeros(3),
    }
    torch.save({'state_dict': state}, tmp_path / 'whole.pth')
    out = tmp_path / 'body.safetensors'
    said = conversion.export_body(tmp_path / 'whole.pth', out, {'command': 'by hand'})
    assert '2 parameters' in said
    with safe_open(out, 'pt') as file:
        assert list(file.keys()) == ['pos_embed']
        assert file.get_tensor('pos_embed').tolist() == [1.0, 0.333251953125]
        assert json.loads(file.metadata()['rein'])['meta'] == {'command': 'by hand'}


def test_a_checkpoint_of_a_frozen_body_has_none_to_write(tmp_path):
    torch.save({'state_dict': {'decode_head.x': torch.zeros(1)}}, tmp_path / 'head.pth')
    with pytest.raises(WeightsError, match=r"train it with backbone\.train='all'"):
        conversion.export_body(tmp_path / 'head.pth', tmp_path / 'b.safetensors', {})
