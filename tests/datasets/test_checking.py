"""The check of a config's data sets: every planted defect is found, and nothing else."""

import json
import shutil

import cv2
import numpy as np
import pytest
import tiny_datasets as tiny
from PIL import Image
from tiny_check import config, cut, folder, kinds, write_set

from rein.datasets.checking import as_json, check, listed, tables
from rein.datasets.checking.kinds import ERRORS, WARNINGS
from rein.datasets.checking.table import percent


def test_a_sound_config_has_no_problems_and_the_shares_worked_by_hand(tmp_path):
    write_set(tmp_path / 'a', [1, 2])
    half = np.repeat([0, 1], 12)[:, None] * np.ones(32, int)
    almost = np.ones(tiny.SIZE, int)
    almost[0] = 255
    tiny.write_labels(tmp_path / 'a/masks/1.png', half)  # 384 of road, 384 of sidewalk
    tiny.write_labels(tmp_path / 'a/masks/2.png', almost)  # 736 of sidewalk, 32 of nothing
    report = check(config(train=folder(tmp_path / 'a', 'a')))
    (group,) = report.groups
    assert report.problems == []
    assert group.shares()[:3] == pytest.approx([100 * 384 / 1504, 100 * 1120 / 1504, 0])
    assert group.ignored() == pytest.approx(100 * 32 / 1536)
    text = tables(report)
    for cell in ('2.08', 'road 25.53', '74.47', '17 of 19', '32x24', ' - '):
        assert cell in text, cell


def defect_size(root):
    tiny.write_labels(root / 'masks/2.png', size=(24, 30))


def defect_number(root):
    tiny.write_labels(root / 'masks/2.png', np.full(tiny.SIZE, 33))


def defect_colours(root):
    tiny.write_image(root / 'masks/2.png')


def defect_image(root):
    cut(root / 'images/2.png')


def defect_jpeg(root):
    (root / 'images/2.png').unlink()
    tiny.write_image(root / 'images/2.jpg', seed=2)
    cut(root / 'images/2.jpg')


def defect_label(root):
    cut(root / 'masks/2.png')


def defect_giant(root):
    """The head of a bitmap claims 100,000 x 100,000 pixels."""
    Image.fromarray(np.zeros(tiny.SIZE, np.uint8)).save(root / 'masks/2.png', 'BMP')
    data = bytearray((root / 'masks/2.png').read_bytes())
    data[18:26] = np.array([100_000, 100_000], '<i4').tobytes()
    (root / 'masks/2.png').write_bytes(data)


def defect_no_class(root):
    tiny.write_labels(root / 'masks/2.png', np.full(tiny.SIZE, 255))


def defect_one_colour(root):
    Image.new('RGB', tiny.SIZE[::-1], (9, 8, 7)).save(root / 'images/2.png')


@pytest.mark.parametrize(
    ('plant', 'kind', 'told', 'labelled'),
    [
        (defect_size, 'size', '32x24 but its label .*2.png is 30x24', 3),
        (defect_number, 'numbers', 'the numbers 33 in 768 pixels', 2),
        (defect_colours, 'numbers', 'a picture of mode RGB', 2),
        (defect_image, 'image', '2.png cannot be decoded', 3),
        (defect_jpeg, 'image', '2.jpg cannot be decoded', 3),
        (defect_label, 'label', '2.png cannot be decoded', 2),
        (defect_giant, 'label', r'2.png cannot be decoded \(Image size', 2),
        (defect_no_class, 'no-class', 'no class in any of its 768 pixels', 3),
    ],
)
def test_a_planted_defect_is_the_one_error_and_the_other_pairs_are_counted(
    tmp_path, plant, kind, told, labelled
):
    write_set(tmp_path, [1, 2, 3])
    plant(tmp_path)
    report = check(config(train=folder(tmp_path, 'a')))
    (problem,) = report.problems
    assert (problem.kind, report.errors, report.groups[0].errors) == (kind, 1, 1)
    assert report.groups[0].labelled == labelled
    with pytest.raises(ValueError, match=told):
        raise ValueError(problem.message)


def test_an_image_of_one_colour_is_a_warning_since_releases_have_some(tmp_path):
    write_set(tmp_path, [1, 2, 3])
    defect_one_colour(tmp_path)
    report = check(config(train=folder(tmp_path, 'a')))
    (problem,) = report.problems
    assert (problem.kind, report.errors, report.warnings) == ('one-colour', 0, 1)
    assert 'the colour (9, 8, 7) in all of its pixels' in problem.message


def test_black_frames_of_training_and_test_are_not_taken_for_copies(tmp_path):
    for name in 'ab':
        write_set(tmp_path / name, [1, 2, 3] if name == 'a' else [4, 5, 6])
        Image.new('RGB', tiny.SIZE[::-1]).save(next((tmp_path / name / 'images').iterdir()))
    sets = dict(train=folder(tmp_path / 'a', 'x'), test=folder(tmp_path / 'b', 'y'))
    assert kinds(check(config(**sets))) == ['one-colour', 'one-colour']


def test_classes_beyond_the_models_are_an_error_by_name_of_the_file(tmp_path):
    write_set(tmp_path, [1, 2])
    tiny.write_labels(tmp_path / 'masks/1.png', np.full(tiny.SIZE, 10))
    head = dict(decode_head=dict(type='Any', num_classes=11))
    report = check(config(val=folder(tmp_path, 'a'), model=dict(type='Outer', segmentor=head)))
    assert kinds(report) == ['num-classes', 'class']
    message = report.problems[1].message
    # numbers from 0 to 18 in turn over 768 pixels: 40 of each from 11 to 18
    assert '2.png has the classes 11, 12, 13, 14, 15, 16, 17, 18 in 320 pixels' in message
    assert '0 to 10' in message
    assert (report.errors, report.warnings) == (1, 1)


def test_an_image_in_training_and_test_is_an_error_whatever_its_files_name_and_format(tmp_path):
    write_set(tmp_path / 'a', [1, 2])
    write_set(tmp_path / 'b', [2, 3], ending='.bmp')
    sets = dict(train=folder(tmp_path / 'a', 'day'), test=folder(tmp_path / 'b', 'dusk'))
    report = check(config(**sets))
    (problem,) = report.problems
    assert problem.kind == 'leak'
    assert problem.files == (str(tmp_path / 'a/images/2.png'), str(tmp_path / 'b/images/2.bmp'))
    assert [group.errors for group in report.groups] == [0, 1]


def test_the_same_bytes_in_another_shape_are_another_image(tmp_path):
    write_set(tmp_path / 'a', [1])
    write_set(tmp_path / 'b', [1])
    pixels = cv2.imread(str(tmp_path / 'a/images/1.png')).reshape(32, 24, 3)
    cv2.imwrite(str(tmp_path / 'b/images/1.png'), pixels)
    tiny.write_labels(tmp_path / 'b/masks/1.png', size=(32, 24))
    sets = dict(train=folder(tmp_path / 'a', 'a'), val=folder(tmp_path / 'b', 'b'))
    assert check(config(**sets)).problems == []


def test_an_image_twice_in_one_data_set_is_a_warning_for_each_copy(tmp_path):
    write_set(tmp_path, [1, 2])
    for name in ('3', '4'):
        shutil.copy(tmp_path / 'images/1.png', tmp_path / f'images/{name}.png')
        shutil.copy(tmp_path / 'masks/1.png', tmp_path / f'masks/{name}.png')
    report = check(config(train=folder(tmp_path, 'a')))
    assert kinds(report) == ['twice', 'twice']
    assert (report.errors, report.warnings, report.groups[0].warnings) == (0, 2, 2)
    assert [problem.files[1][-5:] for problem in report.problems] == ['3.png', '4.png']


def test_the_report_does_not_depend_on_the_number_of_workers(tmp_path):
    write_set(tmp_path / 'a', range(20))
    write_set(tmp_path / 'b', [5, 30])
    defect_size(tmp_path / 'a')
    cut(tmp_path / 'a/images/11.png')
    sets = config(train=folder(tmp_path / 'a', 'a'), val=folder(tmp_path / 'b', 'b'))
    one, two = (as_json(check(sets, workers), 'c') for workers in (1, 2))
    assert one == two
    found = json.loads(one)
    assert [p['kind'] for p in found['problems']] == ['image', 'size', 'leak']  # 11 before 2
    assert found['data_sets'][0]['pixels']['road'] == 19 * 41 + 38  # 24 x 30 = 37 x 19 + 17


def test_the_list_names_the_first_of_each_kind_and_counts_the_rest(tmp_path):
    write_set(tmp_path, range(4))
    for k in range(4):
        tiny.write_labels(tmp_path / f'masks/{k}.png', np.full(tiny.SIZE, 255))
    lines = listed(check(config(train=folder(tmp_path, 'a'))), limit=1).splitlines()
    assert lines[0] == 'error: labels without any class: 4'
    assert '0.png' in lines[1] and lines[2].strip().startswith('... and 3 more')
    assert len(lines) == 3


def test_what_is_there_is_never_shown_as_nothing():
    assert [percent(v) for v in (0, 0.004, 0.01, 12.345)] == ['-', '<0.01', '0.01', '12.35']


def test_no_kind_is_both_an_error_and_a_warning():
    assert set(ERRORS).isdisjoint(WARNINGS)
