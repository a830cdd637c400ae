"""The programs of data_prep, on releases as their owners ship them."""

import importlib.util
import json
import re
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_datasets as tiny
import yaml
from mmengine.registry import init_default_scope
from PIL import Image

from rein.datasets import ACDC, CamVid, CityscapesC, Mapillary, SegmentationFolder
from rein.datasets.classes import CLASSES, CORRUPTIONS
from rein.datasets.mapillary_classes import MAPILLARY_LABELS, V2_GROUPS, V2_VOID
from rein.datasets.preparation.command import main
from rein.datasets.preparation.corruptions import corrupt_image
from rein.datasets.preparation.mapillary import mapillary_ids

ROOT = Path(__file__).resolve().parents[2]
SYNTHETIC = ROOT / '../shared/data/format_synthetic'
SAMPLES = ROOT / '../shared/data/format_samples'

needs_samples = pytest.mark.skipif(
    not SYNTHETIC.is_dir(), reason='../shared/data/format_synthetic is not here'
)


def program(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f'data_prep/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name, *argv):
    module = program(name)
    return main(module.ARGUMENTS, module.plan, [*map(str, argv), '--workers', '1'])


def labels(path):
    with Image.open(path) as file:
        return np.asarray(file)


def manifest(root):
    return json.loads((root / 'rein_manifest.json').read_text())


def reasons(root):
    return {file['image'] or file['label']: file['reason'] for file in manifest(root)['left_out']}


# where the labels are after preparation: {name of the expected file} is filled in
WRITTEN = {
    'gta5': 'labels/{}_labelTrainIds.png',
    'synthia': 'GT/LABELS/{}_labelTrainIds.png',
    'urbansyn': 'ss/ss_{}_labelTrainIds.png',
    'cityscapes': 'gtFine/*/*/{}_gtFine_labelTrainIds.png',
    'bdd100k': 'labels/sem_seg/masks/*/{}.png',
    'dark_zurich': 'gt/val/night/*/{}_gt_labelTrainIds.png',
}


@needs_samples
@pytest.mark.parametrize('name', WRITTEN)
def test_every_expected_map_is_written_exactly(tmp_path, name):
    shutil.copytree(SYNTHETIC / name, tmp_path / name)
    assert run(name, tmp_path / name) == 0
    left = ' '.join(reasons(tmp_path / name))
    checked = []
    for path in sorted((SYNTHETIC / name / 'expected').glob('*.npy')):
        written = list((tmp_path / name).glob(WRITTEN[name].format(path.stem)))
        assert len(written) == (path.stem not in left), path.stem
        for each in written:
            assert np.array_equal(labels(each), np.load(path))
            checked.append(np.load(path))
    assert len(checked) == {'dark_zurich': 1}.get(name, 2)
    counted = sum(
        (Counter(p['pixels']) for p in manifest(tmp_path / name)['parts'].values()), Counter()
    )
    names = [*CLASSES, *['no class'] * 237]
    assert counted == Counter(names[k] for each in checked for k in each.ravel())


@needs_samples
def test_acdc_is_checked_by_condition_and_keeps_its_twins_apart(tmp_path):
    shutil.copytree(SYNTHETIC / 'acdc', tmp_path / 'acdc')
    assert run('acdc', tmp_path / 'acdc') == 0
    parts = manifest(tmp_path / 'acdc')['parts']
    assert {name: (part['images'], part['labels']) for name, part in parts.items()} == {
        f'{split}{ref}/{condition}': (1, 0 if ref else 1)
        for split in ('train', 'val')
        for ref in ('', '_ref')
        for condition in ('fog', 'night', 'rain', 'snow')
    }
    init_default_scope('mmseg')
    for path in sorted((SYNTHETIC / 'acdc/expected').glob('*.npy')):
        condition, split, frame = path.stem.split('_', 2)
        dataset = ACDC(data_root=tmp_path / 'acdc', split=split, conditions=[condition])
        assert [Path(dataset.get_data_info(0)['img_path']).name] == [f'{frame}_rgb_anon.png']
        label = dataset.get_data_info(0)['seg_map_path']
        assert np.array_equal(labels(label), np.load(path))
    twins = ACDC(data_root=tmp_path / 'acdc', split='val_ref', labels=None)
    assert [twins.get_data_info(k)['img_path'].endswith('_rgb_ref_anon.png') for k in range(4)] == [
        True
    ] * 4


@needs_samples
def test_mapillary_is_mapped_by_name_in_full_and_half_size(tmp_path):
    shutil.copytree(SYNTHETIC / 'mapillary', tmp_path / 'map')
    assert run('mapillary', tmp_path / 'map', '--size', 'full') == 0
    assert run('mapillary', tmp_path / 'map') == 0
    for split, folder, stem in (
        ('train', 'training', '__CRyFzoDOXn6unQ6a3DnQ'),
        ('val', 'validation', '_1Gn_xkw7sa_i9GU4mkxxQ'),
    ):
        expected = np.load(SYNTHETIC / f'mapillary/expected/{stem}.npy')
        assert np.array_equal(labels(tmp_path / f'map/{folder}/train_ids/{stem}.png'), expected)
        half = labels(tmp_path / f'map/half/{split}_label/{stem}.png')
        assert np.array_equal(half, expected[1::2, 1::2])  # sizes are even: the nearest is a pick
        image = Image.open(tmp_path / f'map/half/{split}_img/{stem}.jpg')
        assert image.size == half.shape[::-1]
    init_default_scope('mmseg')
    for size in ('half', 'full'):
        assert len(Mapillary(data_root=tmp_path / 'map', split='val', size=size)) == 1


@needs_samples
def test_the_defects_of_the_samples_are_reported_by_name(tmp_path, capsys):
    for name in ('gta5', 'bdd100k'):
        shutil.copytree(SYNTHETIC / name, tmp_path / name)
        run(name, tmp_path / name)
    assert reasons(tmp_path / 'gta5') == {
        'images/00003.png': 'image images/00003.png is 191x105 but its label labels/00003.png is '
        '128x72'
    }
    assert manifest(tmp_path / 'gta5')['parts']['train']['sizes'] == {'191x104': 1, '191x105': 1}
    assert reasons(tmp_path / 'bdd100k') == {
        'images/10k/train/3d581db5-2564fb7e.jpg': 'it has no label',
        'labels/sem_seg/masks/train/fee92217-63b3f87f.png': 'it has no image',
    }
    shown = capsys.readouterr().out
    for name in ('images/00003.png', '3d581db5-2564fb7e.jpg', 'fee92217-63b3f87f.png'):
        assert name in shown


@needs_samples
def test_a_real_cityscapes_frame_becomes_the_train_ids_that_came_with_it_but_for_borders(tmp_path):
    shutil.copytree(SAMPLES / 'cityscapes', tmp_path / 'city')
    (theirs,) = (tmp_path / 'city').rglob('*_labelTrainIds.png')
    expected = labels(theirs)
    theirs.unlink()
    assert run('cityscapes', tmp_path / 'city') == 0
    # The sample's two label files were shrunk one by one: 77 of their 32,768 pixels disagree.
    assert (labels(theirs) != expected).sum() == 77


def test_lane_markings_of_synthia_are_void_or_road_as_asked(tmp_path):
    tiny.write_image(tmp_path / 'RGB/0000000.png')
    tiny.write_red_channel(tmp_path / 'GT/LABELS/0000000.png', np.full(tiny.SIZE, 22))
    written = tmp_path / 'GT/LABELS/0000000_labelTrainIds.png'
    assert run('synthia', tmp_path) == 0
    assert np.unique(labels(written)).tolist() == [255]
    assert run('synthia', tmp_path, '--lane-marking', 'road') == 2  # another map: never mixed
    assert run('synthia', tmp_path, '--lane-marking', 'road', '--replace') == 0
    assert np.unique(labels(written)).tolist() == [0]


def test_a_synthia_label_cut_to_eight_bits_is_refused(tmp_path, capsys):
    tiny.write_image(tmp_path / 'RGB/0000000.png')
    tiny.write_image(tmp_path / 'GT/LABELS/0000000.png')
    assert run('synthia', tmp_path) == 1
    assert 'GT/LABELS/0000000.png is uint8' in capsys.readouterr().out


def test_the_older_release_of_bdd100k_is_linked_into_the_newer_folders(tmp_path, capsys):
    tiny.write_image(tmp_path / 'old/seg/images/val/a.jpg')
    tiny.write_labels(tmp_path / 'old/seg/labels/val/a_train_id.png')
    assert run('bdd100k', tmp_path / 'old') == 2
    assert 'the older release of BDD100K (seg/images): give --out' in capsys.readouterr().err
    assert run('bdd100k', tmp_path / 'old', '--out', tmp_path / 'new') == 0
    assert (tmp_path / 'new/images/10k/val/a.jpg').is_symlink()
    assert (tmp_path / 'new/labels/sem_seg/masks/val/a.png').is_symlink()


def vistas(root, version, names, number):
    config = {'labels': [{'name': name} for name in names]}
    (root / f'config_v{version}.json').write_text(json.dumps(config))
    tiny.write_image(root / 'validation/images/a.jpg')
    numbers = np.full(tiny.SIZE, number)
    tiny.write_labels(root / f'validation/v{version}/labels/a.png', numbers, palette=True)


def test_the_numbers_of_mapillary_v2_are_those_of_its_own_config(tmp_path):
    names = ['void--ground', 'object--traffic-light--cyclists', *MAPILLARY_LABELS]
    vistas(tmp_path, '2.0', names, 1)
    assert run('mapillary', tmp_path, '--size', 'full', '--version', '2.0') == 0
    assert np.unique(labels(tmp_path / 'validation/train_ids/a.png')).tolist() == [6]


def test_a_mapillary_config_of_another_version_is_refused(tmp_path, capsys):
    vistas(tmp_path, '1.2', ['void--ground', *MAPILLARY_LABELS], 1)
    assert run('mapillary', tmp_path) == 2
    assert 'void--ground (1 in all), which v1.2 does not have' in capsys.readouterr().err


def test_all_124_names_of_mapillary_v2_are_known():
    new = {name for names in V2_GROUPS.values() for name in names} | set(V2_VOID)
    gone = {  # names of v1.2 that v2.0 has divided or renamed
        'human--person', 'marking--crosswalk-zebra', 'marking--general', 'object--billboard',
        'object--traffic-light',
    }  # fmt: skip
    assert not new & set(MAPILLARY_LABELS)
    assert gone < set(MAPILLARY_LABELS)
    assert len((set(MAPILLARY_LABELS) - gone) | (new - {'object--ramp'})) == 124


def test_robustnet_groups_version_one_only(tmp_path):
    vistas(tmp_path, '1.2', MAPILLARY_LABELS, 0)
    config = tmp_path / 'config_v1.2.json'
    ids = mapillary_ids(config, '1.2', 'robustnet')
    assert sorted(k for k, c in ids.items() if c == 0) == [13, 24, 41]
    assert ids[8] == ids[49] == 255
    with pytest.raises(ValueError, match=r'for v2\.0 take rein'):
        mapillary_ids(config, '2.0', 'robustnet')


def test_the_dusk_of_camvid_is_divided_by_frame_and_the_day_as_published(tmp_path):
    for part, key in (
        ('train', '0001TP_007560'), ('train', '0001TP_007590'), ('train', '0016E5_00390'),
        ('val', '0016E5_07959'), ('test', 'Seq05VD_f00030'),
    ):  # fmt: skip
        tiny.write_image(tmp_path / f'in/{part}/{key}.png')
        tiny.write_labels(tmp_path / f'in/{part}annot/{key}.png', np.full(tiny.SIZE, 8))
    out = tmp_path / 'out'
    assert run('camvid', tmp_path / 'in') == 2
    assert run('camvid', tmp_path / 'in', '--out', out) == 0
    found = {str(path.relative_to(out)) for path in out.rglob('*_leftImg8bit.png')}
    assert found == {
        'dusk/leftImg8bit/train/0001TP/0001TP_007560_leftImg8bit.png',
        'dusk/leftImg8bit/val/0001TP/0001TP_007590_leftImg8bit.png',
        'day/leftImg8bit/train/0016E5/0016E5_000390_leftImg8bit.png',
        'day/leftImg8bit/val/0016E5/0016E5_007959_leftImg8bit.png',
        'day/leftImg8bit/test/Seq05VD/Seq05VD_000030_leftImg8bit.png',
    }
    init_default_scope('mmseg')
    dataset = CamVid(data_root=out / 'dusk', split='val')
    assert np.unique(labels(dataset.get_data_info(0)['seg_map_path'])).tolist() == [13]


BINARY = {
    'classes': {'background': [0, 0, 0], 'crack': [220, 20, 60]},
    'numbers': {0: 'background', 128: None, 255: 'crack'},
}


def own(root, content, mask):
    root.mkdir()
    (root / 'map.yaml').write_text(yaml.safe_dump(content))
    tiny.write_image(root / 'in/images/a/1.jpg', mask.shape[:2])
    (root / 'in/masks/a').mkdir(parents=True)
    Image.fromarray(mask).save(root / 'in/masks/a/1.png')
    return root / 'in', '--map', root / 'map.yaml', '--out', root / 'out'


def test_a_binary_task_with_255_as_its_class(tmp_path, capsys):
    mask = np.zeros((4, 6), np.uint8)
    mask[1], mask[2] = 255, 128
    assert run('folder', *own(tmp_path / 'x', BINARY, mask)) == 0
    init_default_scope('mmseg')
    printed = capsys.readouterr().err.splitlines()[0].removeprefix('in a config: ')
    settings = eval(printed, {'dict': dict})
    assert settings.pop('type') == 'SegmentationFolder'
    dataset = SegmentationFolder(
        **settings, pipeline=[dict(type='LoadImage'), dict(type='LoadLabels')]
    )
    assert dataset.metainfo['classes'] == ('background', 'crack')
    assert dataset[0]['gt_seg_map'][:, 0].tolist() == [0, 1, 255, 0]
    assert dataset[0]['img'].shape == (4, 6, 3)


def test_masks_in_colours_become_numbers(tmp_path):
    content = {**BINARY, 'colours': {'background': [0, 0, 0], 'crack': [[255, 0, 0], [254, 0, 0]]}}
    del content['numbers']
    mask = np.zeros((4, 6, 3), np.uint8)
    mask[1], mask[2] = (255, 0, 0), (254, 0, 0)
    assert run('folder', *own(tmp_path / 'x', content, mask)) == 0
    assert labels(tmp_path / 'x/out/masks/a/1.png')[:, 0].tolist() == [0, 1, 1, 0]
    mask[3, 3] = (255, 0, 1)
    assert run('folder', *own(tmp_path / 'y', content, mask)) == 1
    refused = manifest(tmp_path / 'y/out')['refused']
    assert 'masks/a/1.png holds colours such as (255, 0, 1) in 1 pixels' in refused[0]['reason']


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'numbers': {0: 'sky'}}, "maps to 'sky', which is not among its classes"),
        ({'classes': ['a', 'b']}, 'has no `classes`: a name and a colour'),
        ({'classes': {'a': [1, 2]}}, r'\[1, 2\] is not a colour'),
        ({'colours': {'crack': [1, 2, 3]}}, 'must have either `numbers` or `colours`'),
        ({'number': {}}, r"unknown keys \['number'\]"),
        ({'numbers': {}}, '`numbers` is empty'),
        ({'numbers': {'x': 'crack'}}, "'x' in `numbers` is not a number"),
        ({'classes': {'a': [1, 2, 300]}}, r'\[1, 2, 300\] is not a colour'),
    ],
)
def test_a_wrong_class_map_is_an_error_that_names_it(tmp_path, capsys, change, message):
    arguments = own(tmp_path / 'x', {**BINARY, **change}, np.zeros((4, 6), np.uint8))
    assert run('folder', *arguments) == 2
    error = capsys.readouterr().err
    assert 'map.yaml' in error
    assert re.search(message, error)


def test_a_class_map_that_says_a_thing_twice_is_refused(tmp_path, capsys):
    for number, (rest, message) in enumerate(
        (
            ('numbers: {0: a, 0: b}', "['0'] stand there twice"),
            ('colours: {a: [1, 1, 1], b: [1, 1, 1]}', 'the colour (1, 1, 1) to two classes'),
        )
    ):
        arguments = own(tmp_path / str(number), BINARY, np.zeros((4, 6), np.uint8))
        arguments[2].write_text(f'classes: {{a: [0, 0, 0], b: [9, 9, 9]}}\n{rest}\n')
        assert run('folder', *arguments) == 2
        assert message in capsys.readouterr().err


def test_another_colour_map_is_not_mixed_with_the_first(tmp_path, capsys):
    colours = {'background': [0, 0, 0], 'crack': [255, 0, 0]}
    content = {'classes': BINARY['classes'], 'colours': colours}
    arguments = own(tmp_path / 'x', content, np.zeros((4, 6, 3), np.uint8))
    assert run('folder', *arguments) == 0
    swapped = {'background': [255, 0, 0], 'crack': [0, 0, 0]}
    arguments[2].write_text(yaml.safe_dump({**content, 'colours': swapped}))
    assert run('folder', *arguments) == 2
    assert 'prepared before with other ids' in capsys.readouterr().err


def test_an_early_archive_of_mapillary_is_read_too(tmp_path):
    config = {'labels': [{'name': name} for name in MAPILLARY_LABELS]}
    (tmp_path / 'config.json').write_text(json.dumps(config))
    tiny.write_image(tmp_path / 'validation/images/a.jpg')
    tiny.write_labels(tmp_path / 'validation/labels/a.png', np.full(tiny.SIZE, 27), palette=True)
    assert run('mapillary', tmp_path, '--size', 'full') == 0
    assert np.unique(labels(tmp_path / 'validation/train_ids/a.png')).tolist() == [10]


def test_only_the_training_frames_of_camvid_are_counted_for_sampling(tmp_path):
    for key in ('0001TP_007560', '0001TP_007590'):
        tiny.write_image(tmp_path / f'in/train/{key}.png')
        tiny.write_labels(tmp_path / f'in/trainannot/{key}.png', np.full(tiny.SIZE, 8))
    assert run('camvid', tmp_path / 'in', '--out', tmp_path / 'out') == 0
    counted = json.loads((tmp_path / 'out/sample_class_stats.json').read_text())
    assert [each['file'] for each in counted] == [
        'dusk/gtFine/train/0001TP/0001TP_007560_gtFine_labelTrainIds.png'
    ]


def test_a_dry_run_does_not_unpack(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run('gta5', tmp_path, '--dry-run', '--unpack', tmp_path / 'x.zip')
    assert 'leave --unpack out' in capsys.readouterr().err


def test_archives_are_unpacked_first_and_only_once(tmp_path, capsys):
    tiny.gta5(tmp_path / 'in', ending='.png')
    archive = tmp_path / 'gta.zip'
    with zipfile.ZipFile(archive, 'w') as file:
        for path in sorted((tmp_path / 'in').rglob('*.png')):
            file.write(path, path.relative_to(tmp_path / 'in'))
    stamps = []
    for _ in range(2):
        assert run('gta5', tmp_path / 'out', '--unpack', archive) == 0
        stamps.append((tmp_path / 'out/images/00000.png').stat().st_mtime_ns)
    assert stamps[0] == stamps[1]
    archive.write_bytes(archive.read_bytes()[:-50])
    assert run('gta5', tmp_path / 'out', '--unpack', archive) == 2
    assert 'gta.zip is not a whole ZIP archive' in capsys.readouterr().err


def test_an_archive_cannot_write_outside_of_its_folder(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / 'bad.zip', 'w') as file:
        file.writestr('../evil.png', b'x')
    assert run('gta5', tmp_path / 'out', '--unpack', tmp_path / 'bad.zip') == 2
    assert '../evil.png, which would lie outside' in capsys.readouterr().err
    assert not (tmp_path / 'evil.png').exists()


def cityscapes_c(*argv):
    return program('cityscapes_c').main([*map(str, argv), '--workers', '1'])


def test_cityscapes_c_has_every_image_at_every_level_and_goes_on_where_it_stopped(tmp_path):
    pytest.importorskip('imagecorruptions', reason='the extra "corruptions" is not installed')
    tiny.cityscapes(tmp_path / 'city')
    for path in (tmp_path / 'city').rglob('*_leftImg8bit.png'):
        tiny.write_image(path, (48, 64))  # corruptions need 32 pixels
    out = tmp_path / 'c'
    some = ('--corruptions', 'fog', 'impulse_noise', '--levels', '1', '5')
    assert cityscapes_c(tmp_path / 'city', '--out', out, *some) == 0
    images = sorted(out.rglob('*_leftImg8bit.png'))
    assert len(images) == 2 * 2 * 2
    content = images[3].read_bytes()
    images[3].unlink()
    stamps = [path.stat().st_mtime_ns for path in images if path != images[3]]
    assert cityscapes_c(tmp_path / 'city', '--out', out, *some) == 0
    assert images[3].read_bytes() == content
    assert [path.stat().st_mtime_ns for path in images if path != images[3]] == stamps
    made = json.loads((out / 'corruptions.json').read_text())
    assert made['images'] == {f'{c}/{k}': 2 for c in ('fog', 'impulse_noise') for k in (1, 5)}
    init_default_scope('mmseg')
    dataset = CityscapesC(
        data_root=out, split='val', corruptions=['impulse_noise', 'fog'], levels=[5]
    )
    domains = [dataset.get_data_info(k)['domain'] for k in range(len(dataset))]
    assert sorted(domains) == ['cityscapes-c/fog-5'] * 2 + ['cityscapes-c/impulse_noise-5'] * 2


def test_cityscapes_c_wants_prepared_labels(tmp_path, capsys):
    tiny.cityscapes(tmp_path / 'city')
    for path in (tmp_path / 'city').rglob('*TrainIds.png'):
        path.unlink()
    pytest.importorskip('imagecorruptions', reason='the extra "corruptions" is not installed')
    assert cityscapes_c(tmp_path / 'city', '--out', tmp_path / 'c') == 2
    assert 'make them with python data_prep/cityscapes.py' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('name', CORRUPTIONS)
def test_a_corruption_is_the_same_for_the_same_seed_and_stronger_at_a_higher_level(name):
    pytest.importorskip('imagecorruptions', reason='the extra "corruptions" is not installed')
    image = cv2.resize(np.random.RandomState(0).randint(0, 256, (12, 16, 3), np.uint8), (128, 96))
    first, again = (corrupt_image(image, name, 3, seed=5) for _ in range(2))
    assert np.array_equal(first, again)
    change = {
        level: np.mean(
            [np.abs(corrupt_image(image, name, level, s) - image.astype(float)) for s in range(3)]
        )
        for level in (1, 5)
    }
    assert change[1] > 0
    # Frost lays a picture over the image: at level 5 another part of it, not a stronger one.
    assert change[5] > change[1] or name == 'frost'
