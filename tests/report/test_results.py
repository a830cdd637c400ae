"""Results of several runs as numbers, as a table, and as a page."""

import json
import math

import pytest

from rein.report.page import write_page
from rein.report.plots import smooth
from rein.report.results import domains, markdown, score, spread
from rein.report.runs import Run, lengthened
from rein.runtime.settings import ConfigError

RESULTS = {
    'rows': {
        'rein': {
            'title': 'frozen + Rein',
            'trained': 123_456,
            'minutes': [1.0, 2.0],
            'metrics': [
                {'game/mIoU': 40.0, 'game/aAcc': 90.0, 'fog/mIoU': 20.0, 'mean_mIoU': 20.0},
                {'game/mIoU': 42.0, 'game/aAcc': 91.0, 'fog/mIoU': None, 'mean_mIoU': 26.0},
            ],
        },
        'frozen': {
            'title': 'frozen',
            'trained': 98_765,
            'minutes': [0.5],
            'metrics': [{'game/mIoU': 39.96, 'fog/mIoU': 19.0, 'mean_mIoU': 19.0}],
        },
    },
}


def test_a_table_has_means_and_sample_standard_deviations():
    text = markdown(RESULTS, {'game': 'game (source)', 'mean': 'unseen'})
    # The deviation of 40 and 42 about 41 is sqrt(2) with one degree of freedom.
    assert text.splitlines() == [
        '|  | trained | min | game (source) | unseen |',
        '|---|---|---|---|---|',
        '| frozen + Rein | 0.12 M | 1.5 | 41.0 ± 1.4 | 23.0 ± 4.2 |',
        '| frozen | 99 k | 0.5 | 40.0 | 19.0 |',
    ]


def test_one_seed_has_no_spread():
    assert spread([17.04]) == '17.0'
    assert spread([1.0, 1.0]) == '1.0 ± 0.0'


def test_a_row_with_a_gap_has_no_mean_there():
    assert spread([1.0, math.nan]) == spread([math.nan]) == '-'
    assert '| - |' in markdown(RESULTS, {'fog': 'fog'})


def test_domains_are_told_by_their_miou_alone():
    assert domains(RESULTS) == ['game', 'fog']


def test_what_was_not_measured_is_nan_and_not_zero():
    assert score(RESULTS['rows']['rein'], 'fog')[0] == 20.0
    assert math.isnan(score(RESULTS['rows']['rein'], 'fog')[1])
    assert math.isnan(score(RESULTS['rows']['frozen'], 'night')[0])


def test_smoothing_keeps_a_straight_line_and_the_number_of_points():
    line = [(k, 3.0 * k) for k in range(40)]
    smoothed = smooth(line)
    assert [place for place, _ in smoothed] == list(range(40))
    assert smoothed[20] == (20, 60.0)
    assert smooth([(1, 5.0)]) == [(1, 5.0)]


def test_a_page_holds_its_pictures_and_shows_what_it_is_told_as_text(tmp_path):
    picture = tmp_path / 'bars.png'
    picture.write_bytes(b'\x89PNG and so on')
    page = tmp_path / 'index.html'
    write_page(
        page, 'A & B', ['1 < 2'], '| a | b |\n|---|---|\n| x | <y> |', [('Bars', picture)], ['go']
    )
    picture.unlink()
    text = page.read_text()
    assert 'A &amp; B' in text
    assert '<p>1 &lt; 2</p>' in text
    assert '<tr><td>x</td><td>&lt;y&gt;</td></tr>' in text
    assert 'data:image/png;base64,iVBORyBhbmQgc28gb24=' in text
    assert 'src="http' not in text


CONFIG = 'train_cfg = dict(max_iters=40)\nmodel = dict(backbone=dict(weights=None))\n'


@pytest.fixture
def run(tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text(CONFIG)
    return Run(config, 3, tmp_path / 'w', test_sets=(('metrics', ''), ('camvid', 'other.py')))


def write_log(folder, name, lines):
    path = folder / name / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(json.dumps(line) for line in lines))


def test_the_commands_of_a_run_are_those_a_user_would_type(run, tmp_path):
    train, test, other = run.steps(tmp_path / 'tools')
    assert train.arguments[-2:] == ('--seed', '3')
    assert train.leaves == run.folder / 'iter_40.pth'
    assert test.arguments[2] == str(run.folder / 'iter_40.pth')
    assert '--test-sets' not in test.arguments
    assert other.arguments[-2:] == ('--test-sets', 'other.py')


def test_minutes_are_counted_once_over_a_resumption(run):
    write_log(run.folder, '1', [{'step': 10, 'loss': 2.0, 'time': 3.0},
                                {'step': 20, 'loss': 1.5, 'time': 3.0}])  # fmt: skip
    write_log(run.folder, '2', [{'step': 20, 'loss': 1.5, 'time': 6.0},
                                {'step': 20, 'mean_mIoU': 9.0},
                                {'step': 40, 'loss': 1.0, 'time': 6.0}])  # fmt: skip
    assert run.minutes() == pytest.approx((10 * 3 + 10 * 6 + 20 * 6) / 60)
    assert [line['step'] for line in run.log()] == [10, 20, 20, 40]


def test_the_last_validation_counts_and_no_earlier_one(run):
    checks = [{'step': 20, 'mean_mIoU': 9.0}, {'step': 40, 'loss': 1.0, 'time': 1.0}]
    write_log(run.folder, '1', checks)
    with pytest.raises(ConfigError, match='no validation of iteration 40'):
        run.final_check()
    write_log(run.folder, '2', [{'step': 40, 'mean_mIoU': 11.0}])
    assert run.final_check() == 11.0


def test_a_longer_training_keeps_the_shares_of_its_schedule(tmp_path):
    config = tmp_path / 'long.py'
    config.write_text(
        'train_cfg = dict(max_iters=100)\n'
        'param_scheduler = [dict(begin=0, end=10), dict(begin=10, end=100)]\n'
    )
    assert list(lengthened(config, 400).values()) == [400, 0, 40, 40, 400]
    assert list(lengthened(config, 16).values()) == [16, 0, 2, 2, 16]
    with pytest.raises(ConfigError, match='at least 16'):
        lengthened(config, 15)


def test_means_of_other_test_sets_do_not_replace_those_of_the_own(run):
    for name, metrics in (
        ('metrics', {'fog/mIoU': 1.0, 'mean_mIoU': 1.0}),
        ('camvid', {'camvid-day/mIoU': 5.0, 'mean_mIoU': 5.0}),
    ):
        path = run.folder / f'{name}.json'
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({'metrics': metrics}))
    assert run.scores() == {'fog/mIoU': 1.0, 'mean_mIoU': 1.0, 'camvid-day/mIoU': 5.0}


def test_a_folder_of_another_run_is_refused_and_says_what_differs(run):
    run.claim()
    run.claim()
    run.config.write_text(CONFIG.replace('40', '50'))
    with pytest.raises(ConfigError, match='another config'):
        Run(run.config, 3, run.folder).claim()
    run.config.write_text(CONFIG)
    with pytest.raises(ConfigError, match='another seed, data'):
        Run(run.config, 4, run.folder, data='other').claim()
