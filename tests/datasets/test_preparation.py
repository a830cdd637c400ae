"""The engine behind the programs of data_prep: what it writes, keeps and leaves out."""

import json
import multiprocessing
import os
import shutil
import signal
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.registry import init_default_scope
from PIL import Image

from rein.datasets import GTA5
from rein.datasets.label_files import LabelEncoding
from rein.datasets.preparation.images import look_at
from rein.datasets.preparation.manifest import left_out
from rein.datasets.preparation.prepare import Preparation
from rein.datasets.preparation.recipe import COPY, HALF, IN_PLACE, LINK, Plan, Recipe
from rein.datasets.preparation.records import REFUSED, SKIPPED
from rein.datasets.transforms import read_image

RECIPE = Recipe('gta5', GTA5.RELEASE, GTA5.PREPARED, {'train': {}})
ROAD, CAR, VOID = 7, 26, 4  # in the numbers of the release
TO_SKY = {ROAD: 10, CAR: 10, VOID: 10}


def release(root, count=3):
    """Each label has one row of cars for its number, 5 rows of void, the rest is road."""
    for k in range(count):
        numbers = np.full(tiny.SIZE, ROAD)
        numbers[:5] = VOID
        numbers[5 : 6 + k % 7] = CAR
        tiny.write_image(root / f'images/{k:05d}.png', seed=k)
        tiny.write_labels(root / f'labels/{k:05d}.png', numbers, palette=True)
    return root


def prepare(root, out=None, images=IN_PLACE, workers=1, **how):
    preparation = Preparation(Plan(RECIPE, root, out or root, images), **how)
    assert list(preparation.run(workers))[-1] == len(preparation)
    return preparation.manifest


def tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob('*') if path.is_file()
    }


def test_labels_become_train_ids_beside_those_of_the_release(tmp_path):
    prepare(release(tmp_path))
    labels = np.asarray(Image.open(tmp_path / 'labels/00001_labelTrainIds.png'))
    assert np.unique(labels[:5]).tolist() == [255]
    assert np.unique(labels[5:7]).tolist() == [13]
    assert np.unique(labels[7:]).tolist() == [0]


def test_the_manifest_counts_what_can_be_counted_by_hand(tmp_path):
    manifest = prepare(release(tmp_path))
    assert manifest == json.loads((tmp_path / 'rein_manifest.json').read_text())
    assert manifest['complete'] is True
    part = manifest['parts']['train']
    assert (part['images'], part['labels'], part['sizes']) == (3, 3, {'32x24': 3})
    cars, void = 32 * (1 + 2 + 3), 32 * 5 * 3
    assert part['pixels'] == {'road': 3 * 24 * 32 - cars - void, 'car': cars, 'no class': void}
    assert manifest['settings']['ids'][str(CAR)] == 13


def test_the_statistics_are_those_that_rare_class_sampling_reads(tmp_path):
    prepare(release(tmp_path))
    statistics = json.loads((tmp_path / 'sample_class_stats.json').read_text())
    assert statistics[1] == {
        '0': (24 - 7) * 32, '13': 2 * 32, 'file': 'labels/00001_labelTrainIds.png'
    }  # fmt: skip
    by_class = json.loads((tmp_path / 'samples_with_class.json').read_text())
    assert sorted(by_class) == ['0', '13']
    assert by_class['13'] == [[f'labels/{k:05d}_labelTrainIds.png', 32 * (k + 1)] for k in range(3)]


def test_a_second_run_changes_no_file(tmp_path):
    prepare(release(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*TrainIds.png')}
    content = tree(tmp_path)
    prepare(tmp_path)
    assert tree(tmp_path) == content
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_number_of_processes_makes_no_difference(tmp_path):
    one = release(tmp_path / 'one', 40)
    shutil.copytree(one, tmp_path / 'two')
    prepare(one, workers=1)
    prepare(tmp_path / 'two', workers=2)
    assert tree(one) == tree(tmp_path / 'two')


def killed(root, after):
    for done in Preparation(Plan(RECIPE, root, root, IN_PLACE)).run(1):
        if done == after:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize('after', [1, 20, 40])
def test_a_killed_run_goes_on_and_ends_as_one_that_was_never_killed(tmp_path, after):
    whole = release(tmp_path / 'whole', 40)
    shutil.copytree(whole, tmp_path / 'killed')
    process = multiprocessing.get_context('fork').Process(
        target=killed, args=(tmp_path / 'killed', after)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert json.loads((tmp_path / 'killed/rein_manifest.json').read_text())['complete'] is False
    assert len(list((tmp_path / 'killed').rglob('*TrainIds.png'))) == after
    prepare(tmp_path / 'killed')
    prepare(whole)
    assert tree(tmp_path / 'killed') == tree(whole)


def test_a_line_that_a_kill_cut_off_is_done_again(tmp_path):
    prepare(release(tmp_path))
    content = tree(tmp_path)
    journal = tmp_path / 'rein_prepared.jsonl'
    journal.write_text(journal.read_text()[:-40])
    prepare(tmp_path)
    assert tree(tmp_path) == content


def test_a_label_that_changed_is_translated_again_when_its_old_one_may_be_replaced(tmp_path):
    prepare(release(tmp_path))
    tiny.write_labels(tmp_path / 'labels/00001.png', np.full(tiny.SIZE, CAR), palette=True)
    refused = prepare(tmp_path)['refused']
    assert [file['image'] for file in refused] == ['images/00001.png']
    assert '--replace' in refused[0]['reason']
    assert prepare(tmp_path, replaces=True)['refused'] == []
    labels = np.asarray(Image.open(tmp_path / 'labels/00001_labelTrainIds.png'))
    assert np.unique(labels).tolist() == [13]


def test_a_dry_run_counts_the_same_and_writes_nothing(tmp_path):
    before = tree(release(tmp_path))
    dry = prepare(tmp_path, writes=False)
    assert tree(tmp_path) == before
    assert dry['parts'] == prepare(tmp_path)['parts']


@pytest.mark.parametrize('images', [LINK, COPY])
def test_another_folder_gets_the_images_too_and_the_release_stays_as_it_was(tmp_path, images):
    before = tree(release(tmp_path / 'release'))
    prepare(tmp_path / 'release', tmp_path / 'out', images)
    assert tree(tmp_path / 'release') == before
    image = tmp_path / 'out/images/00002.png'
    assert image.is_symlink() == (images == LINK)
    assert image.read_bytes() == before['images/00002.png']
    assert len(list((tmp_path / 'out/labels').iterdir())) == 3


def test_halves_are_floored_and_labels_take_the_nearest(tmp_path):
    recipe = Recipe('gta5', GTA5.RELEASE, GTA5.PREPARED, {'train': {}})
    numbers = np.full((5, 7), ROAD)
    numbers[1, 1] = CAR
    tiny.write_image(tmp_path / 'in/images/00000.png', (5, 7))
    tiny.write_labels(tmp_path / 'in/labels/00000.png', numbers)
    list(Preparation(Plan(recipe, tmp_path / 'in', tmp_path / 'out', HALF)).run(1))
    labels = np.asarray(Image.open(tmp_path / 'out/labels/00000_labelTrainIds.png'))
    # centres of the 2 x 3 new pixels lie in rows 1, 3 and columns 1, 3, 5 of the old ones
    assert labels.tolist() == [[13, 0, 0], [0, 0, 0]]
    assert Image.open(tmp_path / 'out/images/00000.png').size == (3, 2)


def defective(root):
    release(root, 7)
    tiny.write_labels(root / 'labels/00001.png', np.full((24, 30), ROAD))
    tiny.write_labels(root / 'labels/00002.png', np.full(tiny.SIZE, 77))
    (root / 'images/00003.png').write_bytes((root / 'images/00003.png').read_bytes()[:900])
    (root / 'labels/00004.png').write_bytes((root / 'labels/00004.png').read_bytes()[:-30])
    (root / 'images/00005.png').unlink()
    (root / 'labels/00006.png').unlink()
    return root


def test_every_defect_is_named_and_the_rest_is_prepared(tmp_path):
    manifest = prepare(defective(tmp_path))
    assert {file['label'] or file['image']: file['reason'] for file in manifest['left_out']} == {
        'labels/00001.png': 'image images/00001.png is 32x24 but its label labels/00001.png is '
        '30x24',
        'labels/00005.png': 'it has no image',
        'images/00006.png': 'it has no label',
    }
    reasons = {file['image']: file['reason'] for file in manifest['refused']}
    assert sorted(reasons) == ['images/00002.png', 'images/00003.png', 'images/00004.png']
    assert 'labels/00002.png holds the numbers 77 in 768 pixels' in reasons['images/00002.png']
    assert 'images/00003.png cannot be decoded' in reasons['images/00003.png']
    assert 'labels/00004.png cannot be decoded' in reasons['images/00004.png']
    assert str(tmp_path) not in json.dumps(manifest)
    assert manifest['complete'] is False
    assert [path.name for path in (tmp_path / 'labels').glob('*TrainIds*')] == [
        '00000_labelTrainIds.png'
    ]


def test_damaged_files_can_be_left_out_and_mended_ones_come_back(tmp_path):
    manifest = prepare(defective(tmp_path), defects=SKIPPED)
    assert len(manifest['left_out']) == 6
    assert (manifest['refused'], manifest['complete']) == ([], True)
    tiny.write_image(tmp_path / 'images/00003.png')
    manifest = prepare(tmp_path, defects=REFUSED)
    assert 'images/00003.png' not in {file['image'] for file in manifest['left_out']}
    assert (tmp_path / 'labels/00003_labelTrainIds.png').is_file()


@pytest.mark.parametrize('labels', ['train_ids', 'release'])
def test_a_data_set_does_not_miss_what_its_preparation_left_out(tmp_path, labels):
    init_default_scope('mmseg')
    prepare(defective(tmp_path), defects=SKIPPED)
    dataset = GTA5(data_root=tmp_path, labels=labels)
    assert [dataset.get_data_info(k)['img_path'][-9:] for k in range(len(dataset))] == ['00000.png']


def test_a_damaged_manifest_is_named(tmp_path):
    (tmp_path / 'rein_manifest.json').write_text('{"left_out": [')
    with pytest.raises(ValueError, match=r'rein_manifest.json is damaged'):
        left_out(tmp_path, prepared=True)


def test_a_folder_prepared_with_another_map_is_not_mixed_with_this_one(tmp_path):
    prepare(release(tmp_path))
    other = Recipe('gta5', GTA5.PREPARED, GTA5.PREPARED, {'train': {}})
    with pytest.raises(ValueError, match=r'prepared before with other ids, ids_sha256.*--replace'):
        list(Preparation(Plan(other, tmp_path, tmp_path, IN_PLACE)).run(1))


def test_labels_of_another_program_are_kept_where_they_agree(tmp_path):
    release(tmp_path)
    expected = np.zeros(tiny.SIZE, np.uint8)
    expected[:5], expected[5] = 255, 13
    Image.fromarray(expected).save(tmp_path / 'labels/00000_labelTrainIds.png')
    theirs = (tmp_path / 'labels/00000_labelTrainIds.png').read_bytes()
    tiny.write_labels(tmp_path / 'labels/00001_labelTrainIds.png', expected)
    manifest = prepare(tmp_path)
    assert (tmp_path / 'labels/00000_labelTrainIds.png').read_bytes() == theirs
    assert [file['image'] for file in manifest['refused']] == ['images/00001.png']


@pytest.mark.parametrize(('orientation', 'turned'), [(1, False), (3, False), (6, True), (8, True)])
def test_the_size_of_an_image_is_that_of_the_turned_one(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (40, 30)).save(tmp_path / 'a.jpg', exif=exif)
    seen = look_at(str(tmp_path / 'a.jpg'))
    assert (seen.size, seen.turned) == ((30, 40) if turned else (40, 30), turned)


def test_a_label_that_was_not_turned_with_its_image_is_left_out_with_the_reason(tmp_path):
    recipe = Recipe(
        'own', GTA5.RELEASE.__class__('i', ('.jpg',), 'l', ('.png',), GTA5.RELEASE.encoding),
        GTA5.PREPARED, {'train': {}},
    )  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / 'i').mkdir()
    Image.new('RGB', (40, 30)).save(tmp_path / 'i/a.jpg', exif=exif)
    tiny.write_labels(tmp_path / 'l/a.png', np.full((30, 40), ROAD))
    preparation = Preparation(Plan(recipe, tmp_path, tmp_path, IN_PLACE))
    list(preparation.run(1))
    assert preparation.manifest['left_out'][0]['reason'] == (
        'image i/a.jpg is 30x40 but its label l/a.png is 40x30 (the image is turned by its EXIF '
        'data, the label is not)'
    )


def test_a_release_that_is_not_there_says_how_far_its_path_goes(tmp_path):
    (tmp_path / 'labels').mkdir()
    with pytest.raises(FileNotFoundError, match=r'there is no folder .*images; .* holds labels'):
        Preparation(Plan(RECIPE, tmp_path, tmp_path, IN_PLACE))


# ---- what a fresh pair of eyes found ------------------------------------------------------


def test_bytes_behind_the_end_of_an_image_do_no_harm(tmp_path):
    release(tmp_path)
    for k, ending in enumerate(('png', 'jpg')):
        Image.new('RGB', (32, 24), (k, 9, 9)).save(tmp_path / f'a.{ending}')
        (tmp_path / f'a.{ending}').write_bytes((tmp_path / f'a.{ending}').read_bytes() + b'x' * 99)
        assert look_at(str(tmp_path / f'a.{ending}')).size == (32, 24)


@pytest.mark.parametrize('ending', ['jpg', 'png', 'webp', 'tif'])
@pytest.mark.parametrize('orientation', [1, 6, 9])
def test_an_image_has_the_size_that_it_is_read_with(tmp_path, ending, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = str(tmp_path / f'a.{ending}')
    Image.new('RGB', (40, 30)).save(path, exif=exif)
    assert look_at(path).size == read_image(path).shape[1::-1]


def test_an_orientation_that_is_no_number_is_none(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / 'a.jpg'
    Image.new('RGB', (40, 30)).save(path, exif=exif)
    data = path.read_bytes()
    as_text = data.replace(b'\x01\x12\x00\x03', b'\x01\x12\x00\x02')  # type: short -> text
    as_text = as_text.replace(b'\x12\x01\x03\x00', b'\x12\x01\x02\x00')
    assert as_text != data
    path.write_bytes(as_text)
    assert look_at(str(path)).size == (40, 30)


def test_a_run_in_which_nothing_is_ready_is_not_complete(tmp_path):
    release(tmp_path)
    for path in (tmp_path / 'labels').iterdir():
        tiny.write_labels(path, np.full((5, 5), ROAD))
    manifest = prepare(tmp_path)
    assert (manifest['complete'], len(manifest['left_out'])) == (False, 3)


def test_a_copy_of_an_image_that_changed_is_refused_and_replaced_when_asked(tmp_path):
    prepare(release(tmp_path / 'in'), tmp_path / 'out', COPY)
    tiny.write_image(tmp_path / 'in/images/00001.png', seed=77)
    refused = prepare(tmp_path / 'in', tmp_path / 'out', COPY)['refused']
    assert [file['image'] for file in refused] == ['images/00001.png']
    prepare(tmp_path / 'in', tmp_path / 'out', COPY, replaces=True)
    new = (tmp_path / 'in/images/00001.png').read_bytes()
    assert (tmp_path / 'out/images/00001.png').read_bytes() == new


def test_links_become_copies_when_asked(tmp_path):
    prepare(release(tmp_path / 'in'), tmp_path / 'out', LINK)
    with pytest.raises(ValueError, match='prepared before with other images'):
        prepare(tmp_path / 'in', tmp_path / 'out', COPY)
    prepare(tmp_path / 'in', tmp_path / 'out', COPY, replaces=True)
    assert not (tmp_path / 'out/images/00001.png').is_symlink()


def test_the_files_of_the_release_are_never_written_over(tmp_path):
    release(tmp_path)
    before = tree(tmp_path)
    own = Recipe('own', GTA5.RELEASE, GTA5.RELEASE, {'train': {}})
    other = replace(GTA5.PREPARED, label_endings=('.png',))
    for recipe in (own, replace(own, prepared=other)):
        plan = Plan(recipe, tmp_path, tmp_path / '.', LINK)
        with pytest.raises(ValueError, match='is a file of the release'):
            Preparation(plan, replaces=True)
    assert tree(tmp_path) == before


def test_an_output_among_the_images_is_refused(tmp_path):
    release(tmp_path)
    with pytest.raises(ValueError, match='which is read: take another --out'):
        Preparation(Plan(RECIPE, tmp_path, tmp_path / 'images/out', LINK))


def test_a_label_of_another_program_does_not_bring_back_a_pair_that_was_left_out(tmp_path):
    init_default_scope('mmseg')
    prepare(defective(tmp_path), defects=SKIPPED)
    tiny.write_labels(tmp_path / 'labels/00001_labelTrainIds.png')
    listed = GTA5(data_root=tmp_path, split_file=['00000.png', '00001.png'])
    for dataset in (GTA5(data_root=tmp_path), listed):
        names = [dataset.get_data_info(k)['img_path'][-9:] for k in range(len(dataset))]
        assert names == ['00000.png']
    unlabelled = GTA5(data_root=tmp_path, labels=None)  # an image without label serves here
    assert '00006.png' in {
        unlabelled.get_data_info(k)['img_path'][-9:] for k in range(len(unlabelled))
    }


def test_a_data_set_that_was_not_prepared_to_its_end_is_not_trained_on(tmp_path):
    init_default_scope('mmseg')
    release(tmp_path / 'in', 40)
    steps = Preparation(Plan(RECIPE, tmp_path / 'in', tmp_path / 'out', LINK)).run(1)
    for _ in range(7):
        next(steps)
    steps.close()
    with pytest.raises(ValueError, match='was not prepared to its end'):
        GTA5(data_root=tmp_path / 'out')
    prepare(tmp_path / 'in', tmp_path / 'out', LINK)
    assert len(GTA5(data_root=tmp_path / 'out')) == 40


def test_a_label_that_is_no_image_has_the_same_reason_in_every_run(tmp_path):
    release(tmp_path)
    (tmp_path / 'labels/00001.png').write_bytes(b'no image')
    first, second = (prepare(tmp_path)['refused'] for _ in range(2))
    assert first == second
    assert 'it is no image' in first[0]['reason']


def test_reasons_are_the_same_whatever_the_folder_is_called(tmp_path, monkeypatch):
    manifests = []
    for name in ('s', 'images', 'long name'):
        defective(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        manifests.append(prepare(type(tmp_path)(name)))
    assert manifests[0] == manifests[1] == manifests[2]


def test_a_stopped_replacement_goes_on_as_one(tmp_path):
    prepare(release(tmp_path, 40))
    other = replace(RECIPE, release=replace(GTA5.RELEASE, encoding=LabelEncoding(TO_SKY)))
    plan = Plan(other, tmp_path, tmp_path, IN_PLACE)
    steps = Preparation(plan, replaces=True).run(1)
    for _ in range(20):
        next(steps)
    steps.close()
    rest = Preparation(plan)
    list(rest.run(1))
    assert (rest.manifest['refused'], rest.manifest['complete']) == ([], True)
    assert 'replacing' not in rest.manifest
    assert set(rest.manifest['parts']['train']['pixels']) == {'sky'}


def test_two_preparations_do_not_work_in_one_folder(tmp_path):
    release(tmp_path, 40)
    steps = Preparation(Plan(RECIPE, tmp_path, tmp_path, IN_PLACE)).run(1)
    next(steps)
    with pytest.raises(ValueError, match='another process is preparing'):
        list(Preparation(Plan(RECIPE, tmp_path, tmp_path, IN_PLACE)).run(1))
    steps.close()
    prepare(tmp_path)


def test_labels_of_another_program_are_never_damaged_files_to_leave_out(tmp_path):
    release(tmp_path)
    tiny.write_labels(tmp_path / 'labels/00001_labelTrainIds.png')
    manifest = prepare(tmp_path, defects=SKIPPED)
    assert ([f['image'] for f in manifest['refused']], manifest['left_out']) == (
        ['images/00001.png'],
        [],
    )


def test_a_dry_run_finds_the_conflicts_of_the_real_one(tmp_path):
    release(tmp_path)
    tiny.write_labels(tmp_path / 'labels/00001_labelTrainIds.png')
    before = tree(tmp_path)
    dry = prepare(tmp_path, writes=False)
    assert tree(tmp_path) == before
    assert dry['refused'] == prepare(tmp_path)['refused'] != []


def test_what_was_written_for_a_pair_that_is_gone_goes_too(tmp_path):
    prepare(release(tmp_path / 'in'), tmp_path / 'out', LINK)
    (tmp_path / 'in/images/00001.png').unlink()
    (tmp_path / 'in/labels/00001.png').unlink()
    prepare(tmp_path / 'in', tmp_path / 'out', LINK)
    left = sorted(p.name for p in (tmp_path / 'out').rglob('*.png'))
    assert [name for name in left if '00001' in name] == []
    assert len(left) == 4


def test_files_of_the_system_and_links_that_lead_back_are_no_images(tmp_path):
    release(tmp_path)
    (tmp_path / 'images/._00000.png').write_bytes(b'x')
    (tmp_path / 'images/again').symlink_to(tmp_path / 'images')
    assert prepare(tmp_path)['parts']['train']['images'] == 3


@pytest.mark.parametrize('bits', [2, 4])
def test_grey_labels_of_fewer_bits_are_refused_since_programs_stretch_them(tmp_path, bits):
    Image.new('P', (8, 8), 1).save(tmp_path / 'p.png', bits=bits)
    data = bytearray((tmp_path / 'p.png').read_bytes())
    assert LabelEncoding({1: 5}).decode(bytes(data), 'p.png').max() == 5  # a palette keeps numbers
    with pytest.raises(ValueError, match=f'a grey PNG of {bits} bits'):
        LabelEncoding({1: 5}).decode(grey(8, 8, bits), 'g.png')


def grey(width, height, bits):
    """A grey PNG of few bits, which Pillow does not write."""
    row = b'\0' + bytes(width * bits // 8)

    def chunk(name, content):
        return (
            struct.pack('>I', len(content)) + name + content
            + struct.pack('>I', zlib.crc32(name + content))
        )  # fmt: skip

    header = struct.pack('>IIBBBBB', width, height, bits, 0, 0, 0, 0)
    parts = (b'IHDR', header), (b'IDAT', zlib.compress(row * height)), (b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(*part) for part in parts)


def test_a_release_one_folder_deeper_is_pointed_at(tmp_path):
    release(tmp_path / 'inner')
    with pytest.raises(FileNotFoundError, match=r'the release is in .*inner: give that folder'):
        Preparation(Plan(RECIPE, tmp_path, tmp_path, IN_PLACE))
