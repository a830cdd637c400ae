"""Writing a data set: its layout, stopping and going on, and what is refused."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from rein.datasets.streetscenes import render
from rein.datasets.streetscenes.write import Settings, pair_files, write_style

PROGRAM = Path(__file__).resolve().parents[3] / 'data_prep' / 'streetscenes.py'
SIZE = (64, 32)


def settings(style='game', train=5, val=3, seed=0):
    return Settings(style, train, val, SIZE, seed)


def write(out, plan, workers=1):
    return list(write_style(out, plan, workers))


def tree(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def program():
    spec = importlib.util.spec_from_file_location('prepare_streetscenes', PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_lie_as_in_cityscapes_and_hold_the_scene(tmp_path):
    assert write(tmp_path, settings()) == list(range(1, 9))
    root = tmp_path / 'game'
    image, labels = pair_files(root, 'val', 2)
    assert str(image.relative_to(root)) == (
        'leftImg8bit/val/streets/streets_000002_leftImg8bit.png'
    )
    assert str(labels.relative_to(root)) == (
        'gtFine/val/streets/streets_000002_gtFine_labelTrainIds.png'
    )
    expected = render(1_000_002, 'game', SIZE)
    np.testing.assert_array_equal(cv2.imread(str(image))[..., ::-1], expected[0])
    np.testing.assert_array_equal(cv2.imread(str(labels), cv2.IMREAD_UNCHANGED), expected[1])
    assert len(tree(root)) == 2 * 8 + 1


def test_the_data_set_class_reads_what_is_written(tmp_path):
    from rein.datasets import Cityscapes

    write(tmp_path, settings())
    data = Cityscapes(data_root=str(tmp_path / 'game'), split='val', pipeline=[])
    assert len(data) == 3


def test_a_stopped_run_ends_in_the_tree_of_one_that_ran_through(tmp_path):
    write(tmp_path / 'whole', settings())
    steps = write_style(tmp_path / 'stopped', settings(), 1)
    for _ in range(3):
        next(steps)
    steps.close()
    root = tmp_path / 'stopped' / 'game'
    assert json.loads((root / 'manifest.json').read_text())['complete'] is False
    # The kill also hit a pair between its labels and its image.
    image, _ = pair_files(root, 'train', 1)
    image.rename(image.with_name(image.name + '.part'))
    write(tmp_path / 'stopped', settings())
    assert tree(root) == tree(tmp_path / 'whole' / 'game')


def test_any_number_of_workers_writes_the_same(tmp_path):
    plan = settings(train=14, val=4)
    write(tmp_path / 'one', plan, workers=1)
    write(tmp_path / 'two', plan, workers=2)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')


def test_a_complete_data_set_is_left_as_it_is(tmp_path):
    write(tmp_path, settings())
    image, _ = pair_files(tmp_path / 'game', 'train', 0)
    before = image.stat().st_mtime_ns
    write(tmp_path, settings())
    assert image.stat().st_mtime_ns == before


def test_lost_files_are_drawn_again_and_changed_labels_are_refused(tmp_path):
    write(tmp_path, settings())
    before = tree(tmp_path)
    image, labels = pair_files(tmp_path / 'game', 'val', 1)
    image.unlink()
    write(tmp_path, settings())
    assert tree(tmp_path) == before
    cv2.imwrite(str(labels), np.zeros(SIZE[::-1], np.uint8))
    with pytest.raises(ValueError, match='not those that were written'):
        write(tmp_path, settings())


def test_styles_share_their_labels_and_splits_share_no_scene(tmp_path):
    digests = []
    for style in ('game', 'fog'):
        write(tmp_path, settings(style))
        manifest = json.loads((tmp_path / style / 'manifest.json').read_text())
        digests.append(manifest['labels_sha256'])
        assert manifest['settings']['val'] == 3
    assert digests[0] == digests[1]
    scenes = [s for seed in (0, 1) for _, _, s in settings(seed=seed).scenes()]
    assert len(set(scenes)) == len(scenes) == 16


def test_a_folder_of_another_data_set_is_refused_and_says_what_differs(tmp_path):
    write(tmp_path, settings())
    with pytest.raises(ValueError, match='val is 3 there and 4 here'):
        write(tmp_path, settings(val=4))


@pytest.mark.parametrize('content', ['', '[]', '{"images": 3}'])
def test_a_manifest_of_another_kind_is_refused(content, tmp_path):
    (tmp_path / 'game').mkdir()
    (tmp_path / 'game' / 'manifest.json').write_text(content)
    with pytest.raises(ValueError, match='no manifest of street scenes'):
        write(tmp_path, settings())


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / 'game').mkdir()
    (tmp_path / 'game' / 'thesis.txt').write_text('mine')
    with pytest.raises(ValueError, match=r'holds no manifest\.json'):
        write(tmp_path, settings())


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--style', 'sepia'], "style is 'sepia'; use one of game"),
        (['--size', '8x8'], 'at least 16'),
        (['--val', '-1'], 'val is -1'),
        (['--seed', '-2'], 'seed is'),
    ],
)
def test_the_program_says_what_it_cannot_do_and_writes_nothing(
    arguments, message, tmp_path, capsys
):
    assert program().main([str(tmp_path / 'out'), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_the_program_refuses_a_size_it_cannot_read(tmp_path, capsys):
    with pytest.raises(SystemExit):
        program().main([str(tmp_path), '--size', '256'])
    assert 'write it as 256x128' in capsys.readouterr().err


def test_the_program_writes_the_styles_asked_for_and_shows_the_time_left(tmp_path, capsys):
    arguments = ['--style', 'game', 'fog', '--train', '2', '--val', '1', '--size', '64x32']
    assert program().main([str(tmp_path), *arguments, '--workers', '1']) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ['fog', 'game']
    error = capsys.readouterr().err
    assert '3/3' in error
    assert 'ETA 00:00' in error


@pytest.mark.slow
def test_a_killed_program_leaves_no_worker_and_goes_on_when_run_again(tmp_path):
    arguments = ['--style', 'game', '--train', '300', '--val', '40', '--size', '64x32']
    command = [sys.executable, str(PROGRAM), str(tmp_path / 'killed'), *arguments]
    environment = dict(os.environ, PYTHONPATH=str(PROGRAM.parents[1]))
    process = subprocess.Popen([*command, '--workers', '2'], env=environment)
    images = tmp_path / 'killed' / 'game' / 'leftImg8bit'
    deadline = time.monotonic() + 120
    while len(list(images.rglob('*.png'))) < 40 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1)
    count = len(list(images.rglob('*.png')))
    time.sleep(1)
    assert 40 <= count < 340
    assert len(list(images.rglob('*.png'))) == count
    subprocess.run([*command, '--workers', '2'], env=environment, check=True)
    write(tmp_path / 'whole', settings(train=300, val=40))
    assert tree(tmp_path / 'killed') == tree(tmp_path / 'whole')
