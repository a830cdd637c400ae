"""tools/check_dataset.py as a user calls it: exit codes, what is printed, what is written."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
CAMVID = ROOT / '../shared/data/camvid'
CONFIG = """
train_dataloader = dict(dataset=dict(type='SeededDataset', dataset=dict(
    type='SegmentationFolder', data_root={root!r}, classes=('low', 'high'), domain='mine')))
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('check_tool', ROOT / 'tools/check_dataset.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder, broken=0):
    """A config with four pairs; the labels of the first ``broken`` hold a number too many."""
    for kind in ('images', 'masks'):
        (folder / kind).mkdir()
    for k in range(4):
        pixels = np.random.default_rng(k).integers(0, 256, (16, 16, 3)).astype(np.uint8)
        labels = np.zeros((16, 16), np.uint8)
        labels[:4] = 1
        labels[0, 0] = 7 if k < broken else 1
        Image.fromarray(pixels).save(folder / f'images/{k}.png')
        Image.fromarray(labels).save(folder / f'masks/{k}.png')
    config = folder / 'mine.py'
    config.write_text(CONFIG.format(root=str(folder)))
    return config


def test_a_sound_config_exits_0_and_prints_its_shares(tmp_path, tool, capsys):
    assert tool.main([str(write(tmp_path))]) == 0
    printed = capsys.readouterr().out
    assert '25.00' in printed and '75.00' in printed
    assert '0 errors, 0 warnings in 4 images' in printed


@pytest.mark.parametrize('option', ['--report', '--show'])
def test_a_place_that_cannot_be_written_is_refused_before_the_walk(tmp_path, tool, capsys, option):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SystemExit) as stopped:
        tool.main([str(write(tmp_path)), option, str(tmp_path / 'file/below/x')])
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert f'{option}: ' in printed.err
    assert printed.out == ''


def test_errors_exit_1_and_all_of_them_are_in_the_report(tmp_path, tool, capsys):
    config, report = write(tmp_path, broken=3), tmp_path / 'out/report.json'
    arguments = [str(config), '--limit', '1', '--report', str(report), '--workers', '2']
    assert tool.main(arguments) == 1
    printed = capsys.readouterr().out
    assert '... and 2 more' in printed and '2.png' not in printed
    found = json.loads(report.read_text())
    assert [p['files'][1][-5:] for p in found['problems']] == ['0.png', '1.png', '2.png']
    assert (found['errors'], found['data_sets'][0]['pixels']) == (3, {'low': 192, 'high': 64})
    assert [f.name for f in report.parent.iterdir()] == ['report.json']


def test_sheets_are_written_where_show_says(tmp_path, tool, capsys):
    assert tool.main([str(write(tmp_path)), '--show', str(tmp_path / 's'), '--samples', '2']) == 0
    assert f'sheet: {tmp_path}/s/train_mine.png' in capsys.readouterr().out
    assert Image.open(tmp_path / 's/train_mine.png').format == 'PNG'


def test_options_change_the_config_as_they_do_for_training(tmp_path, tool, capsys):
    option = 'train_dataloader.dataset.dataset.domain=other'
    assert tool.main([str(write(tmp_path)), '--cfg-options', option]) == 0
    assert 'other' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('option', 'told'),
    [
        ('train_dataloader.dataset.dataset.type=SegmentationFoldr', 'SegmentationFoldr'),
        ('train_dataloader.dataset.dataset.split_fil=x', 'split_fil'),
        ('nonsense=1', 'nonsense'),
    ],
)
def test_a_wrong_config_exits_2_and_says_what_is_wrong(tmp_path, tool, capsys, option, told):
    assert tool.main([str(write(tmp_path)), '--cfg-options', option]) == 2
    captured = capsys.readouterr()
    assert told in captured.err and captured.out == ''


def test_a_config_that_is_not_there_exits_2(tmp_path, tool, capsys):
    assert tool.main([str(tmp_path / 'none.py')]) == 2
    assert 'none.py' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['--workers', '0'], '--workers is 0'),
        (['--limit', '-1'], '--limit is -1'),
        (['--samples', '0'], '--samples is 0'),
        (['--report', '.'], 'name a file'),
        (['--show', __file__], 'name a folder'),
    ],
)
def test_arguments_that_cannot_be_carried_out_exit_2_before_any_work(
    tmp_path, tool, capsys, arguments, told
):
    with pytest.raises(SystemExit) as exit_:
        tool.main([str(tmp_path / 'never_read.py'), *arguments])
    assert exit_.value.code == 2 and told in capsys.readouterr().err


@pytest.mark.skipif(not CAMVID.is_dir(), reason='../shared/data/camvid is not there')
def test_camvid_by_day_and_at_dusk_is_sound_and_has_11_of_the_19_classes(
    tmp_path, tool, capsys, monkeypatch
):
    monkeypatch.setenv('CAMVID_ROOT', str(CAMVID))
    report = tmp_path / 'report.json'
    config = str(ROOT / 'configs/rein/camvid_day2dusk.py')
    assert tool.main([config, '--report', str(report)]) == 0
    sets = json.loads(report.read_text())['data_sets']
    assert [(s['domain'], s['images']) for s in sets] == [
        ('camvid-day', 305),
        ('camvid-day', 101),
        ('camvid-dusk', 32),
    ]
    pixels = sets[2]['pixels']
    assert sum(count > 0 for count in pixels.values()) == 11
    # ../shared/data/camvid/MANIFEST.json: 19.763 % of all pixels at dusk are road, 5.188 % void
    assert pixels['road'] / (32 * 480 * 360) == pytest.approx(0.19763, abs=5e-6)
    assert sets[2]['pixels_ignored'] / (32 * 480 * 360) == pytest.approx(0.05188, abs=5e-6)
