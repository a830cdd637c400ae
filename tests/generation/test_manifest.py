"""Manifests and journals: nothing is lost, doubled, or taken for something else."""

import json
from dataclasses import replace

import pytest

from rein.generation.manifest import (
    JOB,
    NAME,
    Job,
    Made,
    compare,
    digest,
    read_manifest,
)
from rein.runtime.files import sha256

SETTINGS = {'steps': 3, 'prompts': {'number': 2}}


def made(job, number, **changes):
    path = job.folder / f'images/im_{number}_p0.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'x' * (number + 1))
    return Made(
        number=number,
        file=f'images/{path.name}',
        prompt='a car',
        classes=('car',),
        seed=number,
        model='m',
        revision='r',
        settings=job.digest,
        sha256=sha256(path),
        size=number + 1,
        **changes,
    )


@pytest.fixture
def folder(tmp_path):
    """A finished set of three."""
    job = Job(tmp_path, SETTINGS, 3)
    for number in (2, 0, 1):
        job.add(made(job, number))
    assert job.finish({'torch': '2'}) == 0
    return tmp_path


def test_the_manifest_has_a_line_for_each_image_in_order(folder):
    manifest = read_manifest(folder)
    assert [line.number for line in manifest.lines] == [0, 1, 2]
    assert manifest.settings == SETTINGS
    assert manifest.made_with == {'torch': '2'}
    assert {line.settings for line in manifest.lines} == {digest(SETTINGS)}
    assert not (folder / JOB).exists()
    assert compare(folder, manifest, hashes=True) == []


def test_processes_with_journals_of_their_own_make_one_manifest(tmp_path):
    first, second = Job(tmp_path, SETTINGS, 4), Job(tmp_path, SETTINGS, 4)
    for number in range(4):
        job = (first, second)[number % 2]
        job.add(made(job, number))
    assert first.finish({}) == 0
    assert second.finish({}) == 0
    assert len(read_manifest(tmp_path).lines) == 4


def test_what_is_missing_is_counted_and_no_manifest_is_written(tmp_path):
    job = Job(tmp_path, SETTINGS, 3)
    job.add(made(job, 1))
    assert job.finish({}) == 2
    with pytest.raises(FileNotFoundError, match='not all made yet; the same command'):
        read_manifest(tmp_path)


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path):
    job = Job(tmp_path, SETTINGS, 2)
    job.add(made(job, 0))
    job.add(made(job, 1))
    (journal,) = (tmp_path / JOB).glob('*.jsonl')
    journal.write_bytes(journal.read_bytes()[:-30])
    assert set(Job(tmp_path, SETTINGS, 2).done) == {0}


def test_an_image_that_was_lost_or_cut_off_is_to_be_made_again(tmp_path):
    job = Job(tmp_path, SETTINGS, 3)
    for number in range(3):
        job.add(made(job, number))
    (tmp_path / 'images/im_0_p0.png').unlink()
    (tmp_path / 'images/im_2_p0.png').write_bytes(b'x')
    assert set(Job(tmp_path, SETTINGS, 3).done) == {1}


def test_a_finished_set_can_grow(folder):
    job = Job(folder, SETTINGS, 5)
    assert set(job.done) == {0, 1, 2}
    for number in (3, 4):
        job.add(made(job, number))
    assert job.finish({}) == 0
    assert len(read_manifest(folder).images) == 5


@pytest.mark.parametrize('finished', [True, False])
def test_other_settings_are_refused_and_named(folder, tmp_path, finished):
    if not finished:
        folder = tmp_path / 'under_way'
        job = Job(folder, SETTINGS, 4)
        job.add(made(job, 0))
    with pytest.raises(ValueError, match='steps is 3 there and 4 here; take another --out'):
        Job(folder, {**SETTINGS, 'steps': 4}, 3)


def test_a_job_that_failed_before_its_first_image_leaves_no_mark(tmp_path):
    Job(tmp_path, SETTINGS, 3)
    job = Job(tmp_path, {**SETTINGS, 'steps': 4}, 3)
    job.add(made(job, 0))
    with pytest.raises(ValueError, match='steps is 4 there and 3 here'):
        Job(tmp_path, SETTINGS, 3)


@pytest.mark.parametrize('count', [0, -3])
def test_a_set_of_no_images_is_refused(tmp_path, count):
    with pytest.raises(ValueError, match=f'count is {count}'):
        Job(tmp_path, SETTINGS, count)


def test_every_kind_of_mismatch_is_told(folder):
    (folder / 'images/im_0_p0.png').unlink()
    (folder / 'images/im_1_p0.png').write_bytes(b'yy')
    (folder / 'images/im_2_p0.png').write_bytes(b'x')
    (folder / 'images/other.png').write_bytes(b'x')
    (folder / 'images/.hidden').write_bytes(b'x')
    told = compare(folder, read_manifest(folder), hashes=True)
    assert told == [
        '1 missing: images/im_0_p0.png',
        '1 not in the manifest: images/other.png',
        '1 of another size: images/im_2_p0.png',
        '2 of other content: images/im_1_p0.png, images/im_2_p0.png',
    ]


def test_a_label_that_is_gone_or_changed_is_told(tmp_path):
    job = Job(tmp_path, SETTINGS, 1)
    (tmp_path / 'labels').mkdir()
    label = tmp_path / 'labels/im_0_p0_labelTrainIds.png'
    label.write_bytes(b'a')
    about = {'label': f'labels/{label.name}', 'label_sha256': sha256(label)}
    job.add(made(job, 0, **about))
    job.finish({})
    label.write_bytes(b'b')
    assert compare(tmp_path, read_manifest(tmp_path), hashes=True) == [
        f'1 of other content: labels/{label.name}'
    ]
    label.unlink()
    assert compare(tmp_path, read_manifest(tmp_path), hashes=False) == [
        f'1 missing: labels/{label.name}'
    ]


def test_refused_images_have_a_line_and_no_file(tmp_path):
    job = Job(tmp_path, SETTINGS, 2)
    job.add(made(job, 0))
    refused = replace(made(job, 1), file='', sha256='', size=0, refused='black')
    (tmp_path / 'images/im_1_p0.png').unlink()
    job.add(refused)
    assert job.finish({}) == 0
    manifest = read_manifest(tmp_path)
    assert [line.number for line in manifest.images] == [0]
    assert manifest.lines[1].refused == 'black'
    assert set(Job(tmp_path, SETTINGS, 2).done) == {0, 1}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda lines: lines[:-1], 'cut off: it has 2 lines of the 3 images'),
        (lambda lines: [*lines[:-1], lines[-1][:40]], 'is damaged'),
        (lambda lines: lines[1:], 'is damaged'),
        (lambda lines: [], 'is damaged'),
        (lambda lines: [json.dumps({**json.loads(lines[0]), 'format': 9})], 'of format 9'),
    ],
)
def test_a_damaged_manifest_is_refused(folder, change, said):
    lines = (folder / NAME).read_text().splitlines()
    (folder / NAME).write_text('\n'.join(change(lines)))
    with pytest.raises(ValueError, match=said):
        read_manifest(folder)


def test_a_folder_of_something_else_is_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match='was not written by'):
        read_manifest(tmp_path)
