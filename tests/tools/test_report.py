"""The program that makes a report, called as a function."""

import json
import runpy
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / 'tools/report.py'
DAY = {
    'confusion': [[3, 1], [0, 4]],
    'IoU': [75.0, 80.0],
    'Acc': [75.0, 100.0],
    'images': [{'image': 'a.png', 'mIoU': 77.5, 'aAcc': 87.5}],
}
RESULT = {
    'metrics': {'day/mIoU': 77.5, 'day/mAcc': 87.5, 'day/aAcc': 87.5, 'mean_mIoU': 77.5},
    'config': 'mine.py',
    'test_sets': 'mine.py',
    'selection': 'last',
    'checkpoint_sha256': 'f00',
    'details': {
        'classes': ['sky', 'car'],
        'data_classes': ['sky', 'car'],
        'groups': None,
        'palette': [],
        'also': {},
        'means': {'': ['day']},
        'domains': {'day': DAY},
    },
}


@pytest.fixture(scope='module')
def main():
    return runpy.run_path(str(PROGRAM))['main']


def test_results_become_a_page_with_its_title(tmp_path, main, capsys):
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(RESULT))
    assert main([str(path), '--out', str(tmp_path / 'out'), '--title', 'Fog & night']) == 0
    assert capsys.readouterr().out == f'page: {tmp_path / "out/index.html"}\n'
    page = (tmp_path / 'out/index.html').read_text()
    assert '<h1>Fog &amp; night</h1>' in page and '<td>77.5</td>' in page
    assert (
        (tmp_path / 'out/report.md').read_text().startswith('# Fog & night'.replace('&', '&amp;'))
    )


def test_a_file_that_is_no_result_is_one_message(tmp_path, main, capsys):
    path = tmp_path / 'a.json'
    path.write_text('no')
    assert main([str(path), '--out', str(tmp_path / 'out')]) == 2
    printed = capsys.readouterr().err
    assert f'error: {path} is not JSON' in printed and 'Traceback' not in printed
    assert not (tmp_path / 'out').exists()
