"""The tool that labels a folder: its command line, and one model from end to end."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from PIL import Image

from rein.datasets.png import read_numbers

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
custom_imports = dict(imports=['rein'])
default_scope = 'mmseg'
default_hooks = dict(checkpoint=dict(type='AdapterCheckpointHook'))
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3),
    backbone=dict(type='ResNet', depth=18, base_channels=4, out_indices=(0,),
                  norm_cfg=dict(type='BN')),
    decode_head=dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=0,
                     concat_input=False, num_classes=3, norm_cfg=None),
    test_cfg=dict(mode='whole'))
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools/pseudo_label.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A config, a checkpoint, and images with true labels."""
    folder = tmp_path_factory.mktemp('label')
    (folder / 'plain.py').write_text(CONFIG)
    init_default_scope('mmseg')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(folder / 'plain.py').model)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, folder / 'plain.pth')
    draw = np.random.RandomState(0)
    for kind in ('images/town', 'truth/town'):
        (folder / kind).mkdir(parents=True)
    for number in range(4):
        pixels = draw.randint(0, 256, (32, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f'images/town/{number}_img.png')
        truth = np.full((32, 40), number % 3, np.uint8)
        Image.fromarray(truth).save(folder / f'truth/town/{number}_truth.png')
    return folder


def call(tool, folder, *more):
    words = [folder / 'plain.py', folder / 'plain.pth', folder / 'images', '--workers', '0', *more]
    return tool.main([str(word) for word in words])


def test_a_folder_is_labelled_scored_and_shown(tool, folder, capsys):
    truth = ['--truth', folder / 'truth', '--truth-name', '_img=_truth']
    score = folder / 'score.json'
    shown = ['--show', folder / 'shown', '--show-limit', '2', '--score', score]
    assert call(tool, folder, *truth, *shown) == 0
    out = folder / 'pseudo_labels'
    assert read_numbers((out / 'labels/town/2_img.png').read_bytes()).shape == (32, 40)
    assert read_numbers((out / 'confidence/town/2_img.png').read_bytes()).max() > 80
    assert len(list((folder / 'shown/town').glob('*.jpg'))) == 2
    found = json.loads(score.read_text())
    assert found['teacher']['labelled'] == 100
    assert found['refined'] == found['teacher']  # the config has no refiner
    assert '| teacher | 100.0 %' in capsys.readouterr().out


def test_two_shards_are_the_whole_and_what_is_there_stays(tool, folder, capsys):
    out = folder / 'shards'
    for part in ('0/2', '1/2'):
        assert call(tool, folder, '--out', out, '--shard', part) == 0
    assert len(list((out / 'labels/town').iterdir())) == 4
    assert call(tool, folder, '--out', out) == 0
    assert '4 of 4 images have labels already' in capsys.readouterr().err


def test_other_settings_do_not_go_into_the_same_folder(tool, folder, capsys):
    out = folder / 'seeds'
    assert call(tool, folder, '--out', out) == 0
    assert call(tool, folder, '--out', out, '--seed', '1') == 2
    assert 'seed is 0 there and 1 here' in capsys.readouterr().err


def test_a_pattern_chooses_images_and_an_empty_choice_is_named(tool, folder, capsys):
    out = folder / 'some'
    assert call(tool, folder, '--out', out, '--like', '*/1_*') == 0
    assert [p.name for p in (out / 'labels/town').iterdir()] == ['1_img.png']
    assert call(tool, folder, '--out', out, '--like', '*.jpg') == 2
    assert 'none of the 4 images below' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--shard', '2/2'], 'write 0/4 for the first of four parts'),
        (['--score', 'a.json'], '--score needs --truth'),
        (['--truth-name', 'abc'], 'write OLD=NEW'),
    ],
)
def test_slips_of_the_command_line_are_named(tool, folder, words, message, capsys):
    with pytest.raises(SystemExit):
        call(tool, folder, *words)
    assert message in capsys.readouterr().err


def test_a_missing_label_or_checkpoint_is_named(tool, folder, capsys):
    assert call(tool, folder, '--out', folder / 'a', '--truth', folder / 'truth') == 2
    assert '0_img.png' in capsys.readouterr().err
    words = [folder / 'plain.py', folder / 'none.pth', folder / 'images']
    assert tool.main([str(word) for word in words]) == 2
    assert 'there is no file' in capsys.readouterr().err
