"""Numbers of a report on tests, worked by hand from planted confusion matrices."""

import math

import numpy as np
import pytest
from planted import DAY, NIGHT, WORSE, plant

from rein.datasets.classes import CLASSES as NINETEEN
from rein.report.comparison import warnings
from rein.report.evaluation_tables import (
    class_table,
    condition_table,
    corruption_table,
    run_table,
    summary,
)
from rein.report.evaluations import read_results
from rein.report.rows import tables
from rein.runtime.settings import ConfigError

ORACLE = 'best on the test domains (oracle)'
CITYSCAPES_C = {
    f'cityscapes-c/{corruption}-{level}': matrix
    for corruption, matrix in (('fog', NIGHT), ('snow', WORSE))
    for level in (1, 2)
}


def table_of(*paths):
    (table,) = tables(read_results(paths))
    return table


def texts(grid):
    return [[cell.text for cell in row] for row in grid.rows]


def best(grid):
    """Text of the best cell of each column; '' where none is."""
    rows = [row for row in grid.rows if len(row) > 1]
    return [
        ' | '.join(cell.text for cell in column if cell.best) for column in zip(*rows, strict=True)
    ]


def test_mean_and_deviation_over_seeds_worked_by_hand(tmp_path):
    first = plant(tmp_path / 'a.json', {'night': NIGHT, 'day': DAY}, seed=1)
    second = plant(tmp_path / 'b.json', {'night': WORSE, 'day': DAY}, seed=2)
    grid = summary(table_of(first, second))
    assert grid.head == ['', 'seeds', 'day', 'night', 'mean']
    # 62.5 and 41.67: mean 52.08, sample deviation 20.83 / sqrt 2; with the day's 100: 81.25, 70.83.
    assert texts(grid)[1] == ['mine', '2', '100.0 ± 0.0', '52.1 ± 14.7', '76.0 ± 7.4']
    assert texts(summary(table_of(first)))[1] == ['mine', '1', '100.0', '62.5', '81.2']


def test_classes_of_each_domain_are_coloured_by_their_iou(tmp_path):
    absent = [[5, 0], [0, 0]]
    table = table_of(plant(tmp_path / 'a.json', {'night': NIGHT, 'plain': absent}))
    grid = class_table(table.rows[0], table.views)
    assert grid.head == ['class', 'night', 'plain']
    assert texts(grid) == [
        ['road', '75.0', '100.0'],
        ['sky', '50.0', '-'],
        ['mIoU', '62.5', '100.0'],
        ['mean accuracy', '87.5', '100.0'],
        ['pixel accuracy', '80.0', '100.0'],
    ]
    assert [row[1].share for row in grid.rows[:2]] == [0.75, 0.5]
    assert grid.rows[1][2].share is None


def test_the_best_of_a_column_is_marked_and_oracles_are_not_ranked(tmp_path):
    paths = [
        plant(tmp_path / 'a.json', {'night': NIGHT, 'day': DAY}, config='a.py'),
        plant(tmp_path / 'b.json', {'night': WORSE, 'day': DAY}, config='b.py'),
        plant(tmp_path / 'c.json', {'night': DAY, 'day': DAY}, config='c.py', selection=ORACLE),
        plant(tmp_path / 'd.json', {'night': DAY, 'day': DAY}, config='d.py', selection=ORACLE),
    ]
    grid = summary(table_of(*paths))
    assert best(grid) == ['', '', '100.0 | 100.0', '62.5', '81.2']
    assert [row[0] for row in texts(grid)] == [
        'last checkpoint of the training',
        'a',
        'b',
        'oracle: chosen by its score on the test domains themselves; not ranked',
        'c',
        'd',
    ]


def test_corruptions_and_levels_are_a_table_and_one_column_of_the_summary(tmp_path):
    missing = 'cityscapes-c/snow-2'
    some = {name: matrix for name, matrix in CITYSCAPES_C.items() if name != missing}
    table = table_of(plant(tmp_path / 'a.json', {**some, 'day': DAY}))
    assert summary(table).head == ['', 'seeds', 'cityscapes-c, mean of all', 'day', 'mean']
    # Three domains: (62.5 + 62.5 + 41.67) / 3.
    assert texts(summary(table))[1][2:] == ['55.6', '100.0', '66.7']
    ((name, places),) = table.families.items()
    grid = corruption_table(table.rows[0], name, places)
    assert grid.head == ['corruption', 'level 1', 'level 2', 'mean']
    assert texts(grid) == [
        ['fog', '62.5', '62.5', '62.5'],
        ['snow', '41.7', '-', '41.7'],
        ['mean', '52.1', '62.5', '55.6'],
    ]
    assert [view.title for view in table.views] == ['cityscapes-c/fog', 'cityscapes-c/snow', 'day']


def test_acdc_is_shown_by_condition_with_all_pixels_in_one_matrix(tmp_path):
    table = table_of(plant(tmp_path / 'a.json', {'acdc-fog': NIGHT, 'acdc-snow': DAY}))
    grid = condition_table(table.rows[0])
    # Together [[11, 2], [0, 7]]: road 11 / 13, sky 7 / 9; recalls 11 / 13 and 1.
    assert texts(grid) == [
        ['fog', '1', '62.5', '87.5', '80.0'],
        ['snow', '1', '100.0', '100.0', '100.0'],
        ['mean of the conditions', '2', '81.2', '93.8', '90.0'],
        ['all pixels in one matrix', '2', '81.2', '92.3', '90.0'],
    ]
    alone = table_of(plant(tmp_path / 'b.json', {'acdc-fog': NIGHT, 'day': DAY}))
    assert condition_table(alone.rows[0]) is None


def test_sixteen_classes_have_a_table_of_their_own(tmp_path):
    counts = np.zeros((19, 19), int)
    counts[0, 0] = counts[NINETEEN.index('train'), 0] = 1  # road 1 of 2, train 0 of 1
    path = plant(tmp_path / 'a.json', {'day': counts}, NINETEEN, metric={'also': ['synthia16']})
    table = table_of(path)
    assert texts(summary(table))[1][2:] == ['25.0', '25.0']
    grid = summary(table, 'synthia16')
    assert texts(grid)[1][2:] == ['50.0', '50.0']
    assert 'over 16 classes (synthia16; without terrain, truck, train)' in grid.caption


def test_further_means_are_columns(tmp_path):
    means = {'dark': ['n*']}
    path = plant(tmp_path / 'a.json', {'night': NIGHT, 'day': DAY}, metric={'means': means})
    grid = summary(table_of(path))
    assert (grid.head[-1], texts(grid)[1][-1]) == ('mean: dark', '62.5')


def test_rows_tested_at_other_sizes_are_named_and_not_ranked(tmp_path):
    both = {'night': NIGHT, 'day': DAY}
    one = plant(tmp_path / 'a.json', both, config='a.py')
    other = plant(tmp_path / 'b.json', both, config='b.py', size=(128, 64))
    table = table_of(one, other)
    assert best(summary(table)) == [''] * 5
    said = ' '.join(warnings([table]))
    assert 'Not to be compared on day, night: tested at different sizes: 64x32 (a); 128x64' in said


def test_what_else_differs_is_said(tmp_path):
    one = plant(tmp_path / 'a.json', {'night': NIGHT}, config='a.py')
    other = plant(
        tmp_path / 'b.json',
        {'night': NIGHT},
        config='b.py',
        precision='bfloat16',
        versions={'torch': '2.12'},
    )
    assert warnings([table_of(one)]) == []
    said = warnings([table_of(one, other)])
    assert said == [
        'Different precision: float32 (a); bfloat16 (b).',
        'Different versions of torch: 2.11 (a); 2.12 (b).',
    ]


def test_seeds_of_one_row_that_do_not_belong_together_are_named(tmp_path):
    one = plant(tmp_path / 'a.json', {'night': NIGHT}, body={'fingerprint': 'f1'})
    other = plant(tmp_path / 'b.json', {'night': NIGHT}, iteration=20, body={'fingerprint': 'f2'})
    assert warnings([table_of(one, other)]) == [
        'mine: its checkpoints do not all have seeds of their own (0, 0).',
        'mine: not the same iteration in all of its results: 40, 20.',
        'mine: not the same frozen weights in all of its results: f1, f2.',
    ]


def test_other_classes_and_other_domains_stand_apart(tmp_path):
    paths = [
        plant(tmp_path / 'a.json', {'night': NIGHT}, config='a.py'),
        plant(tmp_path / 'b.json', {'night': [[5]]}, ('road',), config='b.py'),
        plant(tmp_path / 'c.json', {'day': NIGHT}, config='c.py'),
    ]
    found = tables(read_results(paths))
    assert [table.rows[0].title for table in found] == ['a', 'b', 'c']
    assert warnings(found) == [
        'Different classes are scored, so the tables do not compare: 2 in a; 1 in b; 2 in c.',
        'Rows that were tested on other domains stand in a table of their own.',
    ]


def test_options_make_a_row_and_the_seed_among_them_does_not(tmp_path):
    paths = [
        plant(tmp_path / f'{k}.json', {'night': NIGHT}, seed=k, options=options)
        for k, options in enumerate(
            [{}, {'randomness.seed': '1'}, {'model.neck.scale': '2'}, {'model.neck.scale': '3'}]
        )
    ]
    rows = table_of(*paths).rows
    assert [(row.title, len(row.results)) for row in rows] == [
        ('mine', 2),
        ('mine, model.neck.scale=2', 1),
        ('mine, model.neck.scale=3', 1),
    ]


def test_a_number_that_a_test_did_not_find_is_a_dash(tmp_path):
    table = table_of(plant(tmp_path / 'a.json', {'empty': [[0, 0], [0, 0]], 'night': NIGHT}))
    assert texts(summary(table))[1][2:] == ['-', '62.5', '62.5']
    assert math.isnan(table.rows[0].metric('empty/mIoU')[0])


def test_a_run_shows_its_facts(tmp_path):
    table = table_of(plant(tmp_path / 'a.json', {'night': NIGHT}, seed=7))
    grid = run_table(table.rows[0])
    facts = dict(texts(grid))
    assert grid.head == ['', 'seed 7']
    assert (facts['tested at'], facts['versions'], facts['options']) == ('64x32', 'torch 2.11', '-')


def test_files_that_are_no_results_are_refused_by_name(tmp_path):
    bad = tmp_path / 'bad.json'
    with pytest.raises(ConfigError, match='there is no file'):
        read_results([bad])
    for text, match in (
        ('{', 'is not JSON'),
        ('[1]', 'has no metrics'),
        ('{"a": 1}', 'no metrics'),
    ):
        bad.write_text(text)
        with pytest.raises(ConfigError, match=match):
            read_results([bad])
    bad.write_text('{"metrics": {}, "config": "a.py", "test_sets": "a.py"}')
    with pytest.raises(ConfigError, match=r'no details, selection.*older version.*test .* again'):
        read_results([bad])


def test_a_checkpoint_counts_once(tmp_path):
    one = plant(tmp_path / 'a.json', {'night': NIGHT}, checkpoint_sha256='same')
    two = plant(tmp_path / 'b.json', {'night': NIGHT}, checkpoint_sha256='same')
    with pytest.raises(ConfigError, match='tests of the same checkpoint; a seed counts once'):
        read_results([one, two])


def test_results_of_one_row_with_other_classes_are_refused(tmp_path):
    one = plant(tmp_path / 'a.json', {'night': NIGHT})
    two = plant(tmp_path / 'b.json', {'night': [[5]]}, ('road',))
    with pytest.raises(ConfigError, match=r"their classes differ: \['road', 'sky'\], \['road'\]"):
        tables(read_results([one, two]))
