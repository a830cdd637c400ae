"""What stands beside the numbers of a test."""

import hashlib
import json
import math

import pytest
from mmengine.config import Config

from rein.runtime import record

CITY = dict(type='Cityscapes', data_root='data/city', split='val', pipeline=[])
WILD = dict(type='DrawnScenes', style='wild', first=7)


def config(validated, tested):
    concat = dict(type='ConcatDataset', datasets=tested)
    loaders = dict(val_dataloader=dict(dataset=validated), test_dataloader=dict(dataset=concat))
    return Config(loaders)


def described(tmp_path, name, meta, settings):
    path = tmp_path / name
    path.write_bytes(b'weights')
    return record.describe_run({'meta': meta}, str(path), settings)


LENGTH = 'a = 1\ntrain_cfg = dict(dynamic_intervals=[(30, 1)], max_iters=40, type="Loop")\n'


@pytest.mark.parametrize(
    ('name', 'meta', 'expected'),
    [
        ('iter_40.pth', {'cfg': LENGTH}, 'last'),
        ('iter_40.pth', {}, 'last'),
        ('iter_20.pth', {'cfg': LENGTH}, 'iteration 20 of 40'),
        ('best_mean_mIoU_iter_20.pth', {'cfg': LENGTH}, 'best on the test domains (oracle)'),
        ('mine.pth', {'selection': {'metric': 'mIoU'}}, 'best on the test domains (oracle)'),
        ('released.pth', {}, 'given'),
    ],
)
def test_a_checkpoint_says_how_it_was_chosen(tmp_path, name, meta, expected):
    # Validated at another size: the labels are those of the test all the same.
    settings = config({**CITY, 'pipeline': [dict(type='Resize')], 'domain': 'x'}, [CITY, WILD])
    assert described(tmp_path, name, meta, settings)['selection'] == expected


def test_a_best_checkpoint_is_no_oracle_where_validation_is_on_other_data(tmp_path):
    found = described(tmp_path, 'best_mIoU_iter_2.pth', {}, config(WILD, [CITY]))
    assert found['selection'] == 'best on validation data'
    found = described(tmp_path, 'best_mIoU_iter_2.pth', {}, config(WILD, [{**WILD, 'first': 8}]))
    assert found['selection'] == 'best on validation data'
    found = described(tmp_path, 'best_mIoU_iter_2.pth', {}, config(WILD, [CITY, WILD]))
    assert found['selection'] == 'best on the test domains (oracle)'


@pytest.mark.parametrize(
    'change',
    [
        dict(data_root='/mnt/city'),
        dict(data_root='./data/city/'),
        dict(type='CityscapesC', data_root='data/city_c'),
    ],
)
def test_a_data_set_that_was_moved_or_corrupted_is_still_the_one_of_validation(tmp_path, change):
    settings = config(CITY, [{**CITY, **change}])
    found = described(tmp_path, 'best_mIoU_iter_2.pth', {}, settings)
    assert found['selection'] == 'best on the test domains (oracle)'


@pytest.mark.parametrize('key', ['split_file', 'images', 'data_prefix'])
def test_other_files_of_one_folder_are_not_those_of_validation(tmp_path, key):
    settings = config({**CITY, key: 'held'}, [{**CITY, key: 'tested'}])
    found = described(tmp_path, 'best_mIoU_iter_2.pth', {}, settings)
    assert found['selection'] == 'best on validation data'


def test_a_run_is_described_by_its_file_and_what_the_file_says(tmp_path):
    found = described(tmp_path, 'iter_40.pth', {'seed': 3, 'cfg': LENGTH}, config(WILD, [CITY]))
    assert found['checkpoint_sha256'] == hashlib.sha256(b'weights').hexdigest()
    assert (found['seed'], found['iteration'], found['iterations']) == (3, 40, 40)
    bare = described(tmp_path, 'released.pth', {}, config(WILD, [CITY]))
    assert (bare['seed'], bare['iteration'], bare['iterations']) == (None, None, None)


def test_a_record_has_null_for_nan_and_paths_from_its_own_folder(tmp_path):
    path = tmp_path / 'out' / 'n.json'
    maps = {'prediction_map': str(tmp_path / 'out/n_worst/a.png'), 'label_map': str(tmp_path / 'b')}
    details = {'domains': {'day': {'IoU': [math.nan, 3.0]}}}
    written = {'metrics': {'a': math.nan, 'b': 1.5}, 'details': details, 'worst': {'day': [maps]}}
    record.write_record(path, written)
    text = path.read_text()
    found = json.loads(text)
    assert found['metrics'] == {'a': None, 'b': 1.5}
    assert found['details']['domains']['day']['IoU'] == [None, 3.0]
    assert found['worst']['day'][0] == {'prediction_map': 'n_worst/a.png', 'label_map': '../b'}
    assert 'NaN' not in text and '"details": {"domains"' in text.splitlines()[-2]


def test_the_command_line_can_be_typed_again(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/test.py', 'a b.py'])
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    assert record.command_line(None) == "python tools/test.py 'a b.py'"
    monkeypatch.setenv('WORLD_SIZE', '2')
    shown = record.command_line(['c.py', '--launcher', 'pytorch'])
    assert shown == 'torchrun --nproc-per-node 2 tools/test.py c.py --launcher pytorch'
