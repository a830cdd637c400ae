from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_datasets as tiny
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import TRANSFORMS
from PIL import Image
from torch.utils.data import DataLoader

from rein.datasets import (
    BDD100K,
    GTA5,
    LoadImage,
    LoadLabels,
    MarkMargins,
    PackInputs,
    SeededDataset,
)
from rein.datasets.classes import TRAIN_IDS
from rein.datasets.label_files import LabelEncoding, RedChannelEncoding
from rein.datasets.transforms import read_image

PLAIN = LabelEncoding(TRAIN_IDS, 'Mend it so.')


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def test_an_image_is_read_in_the_order_blue_green_red(tmp_path):
    pixels = tiny.write_image(tmp_path / 'a.png')
    results = LoadImage()(dict(img_path=str(tmp_path / 'a.png')))
    assert np.array_equal(results['img'], pixels[..., ::-1])
    assert results['img_shape'] == results['ori_shape'] == tiny.SIZE


def test_a_grey_or_transparent_image_is_read_as_three_channels(tmp_path):
    for mode in ('L', 'RGBA'):
        Image.new(mode, (4, 3)).save(tmp_path / f'{mode}.png')
        assert read_image(str(tmp_path / f'{mode}.png')).shape == (3, 4, 3)


def test_an_image_is_turned_upright_as_the_camera_noted(tmp_path):
    image = Image.new('RGB', (32, 16), 'black')
    image.paste('white', (0, 0, 8, 16))  # the left edge is the top of the upright image
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    image.save(tmp_path / 'a.jpg', exif=exif, quality=95)
    upright = read_image(str(tmp_path / 'a.jpg'))
    assert upright.shape == (32, 16, 3)
    assert upright[2].mean() > 200 > 50 > upright[-2].mean()


@pytest.mark.parametrize('ending', ['png', 'jpg'])
@pytest.mark.parametrize('share', [0.6, 0.95])
def test_a_cut_off_image_is_an_error_that_names_it(tmp_path, ending, share):
    path = tmp_path / f'cut.{ending}'
    tiny.write_image(path, (64, 64))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=rf'image {path} cannot be decoded .*copy it again'):
        read_image(str(path))


def test_a_cut_off_image_is_found_whatever_opencv_does_about_it(tmp_path, monkeypatch):
    path = tmp_path / 'cut.jpg'
    tiny.write_image(path, (64, 64))
    path.write_bytes(path.read_bytes()[:-300])
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(ValueError, match='truncated'):
        read_image(str(path))


def test_bytes_after_the_end_of_an_image_do_no_harm(tmp_path):
    path = tmp_path / 'a.jpg'
    tiny.write_image(path)
    whole = read_image(str(path))
    path.write_bytes(path.read_bytes() + b'made by a phone')
    assert np.array_equal(read_image(str(path)), whole)


@pytest.mark.parametrize('content', [b'', b'<html>not found</html>'])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    path = tmp_path / 'a.png'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'image {path} cannot be decoded'):
        read_image(str(path))
    with pytest.raises(ValueError, match=rf'label {path} cannot be decoded'):
        PLAIN.read(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf'there is no image {tmp_path}/a\.png'):
        read_image(str(tmp_path / 'a.png'))


def test_labels_are_compared_with_the_image_as_it_was_before_resizing(tmp_path):
    tiny.write_labels(tmp_path / 'a.png')
    results = dict(
        img_path='x.png',
        seg_map_path=str(tmp_path / 'a.png'),
        label_encoding=PLAIN,
        ori_shape=tiny.SIZE,
        img_shape=(12, 16),
    )
    assert LoadLabels()(dict(results))['gt_seg_map'].shape == tiny.SIZE
    with pytest.raises(ValueError, match=r'image x\.png is 16x12 but its label .*a\.png is 32x24'):
        LoadLabels()({**results, 'ori_shape': (12, 16)})


def test_numbers_outside_the_classes_are_named_with_the_allowed_ones(tmp_path):
    tiny.write_labels(tmp_path / 'a.png', [[0, 18, 255, 19, 34, 34]])
    message = r'a\.png holds the numbers 19, 34 in 3 pixels; allowed are 0-18, 255\. Mend it so'
    with pytest.raises(ValueError, match=message):
        PLAIN.read(str(tmp_path / 'a.png'))


def test_the_numbers_of_a_release_read_as_train_ids_say_what_to_set(tmp_path):
    tiny.gta5(tmp_path)
    tiny.write_labels(tmp_path / 'labels/00000_labelTrainIds.png', np.full(tiny.SIZE, 26))
    dataset = GTA5(data_root=tmp_path, pipeline=[dict(type='LoadImage'), dict(type='LoadLabels')])
    with pytest.raises(ValueError, match="labels='release'"):
        dataset[0]


def test_a_palette_label_is_read_by_its_numbers_not_its_colours(tmp_path):
    numbers = np.arange(24 * 32).reshape(24, 32) % 19
    tiny.write_labels(tmp_path / 'a.png', numbers, palette=True)
    assert cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED).ndim == 3  # the trap
    assert np.array_equal(PLAIN.read(str(tmp_path / 'a.png')), numbers)


def test_sixteen_bits_of_grey_are_read_whole(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array([[0, 7, 300]], np.uint16))
    assert LabelEncoding({0: 255, 7: 1, 300: 2}).read(str(tmp_path / 'a.png')).tolist() == [
        [255, 1, 2]
    ]


def test_a_colour_picture_is_not_taken_for_labels(tmp_path):
    tiny.write_image(tmp_path / 'a.png')
    with pytest.raises(ValueError, match=r'a\.png is a picture of mode RGB'):
        PLAIN.read(str(tmp_path / 'a.png'))


def test_the_class_in_the_red_channel_is_read_with_all_its_bits(tmp_path):
    path = str(tmp_path / 'a.png')
    tiny.write_red_channel(path, [[0, 3, 22]])
    assert np.asarray(Image.open(path))[..., 0].max() == 0  # the trap: Pillow drops the low byte
    encoding = RedChannelEncoding({0: 255, 3: 0, 22: 255})
    assert encoding.read(path).tolist() == [[255, 0, 255]]
    Image.open(path).save(path)
    with pytest.raises(ValueError, match='not a 16-bit colour PNG'):
        encoding.read(path)


def test_ids_that_are_no_classes_are_refused():
    with pytest.raises(ValueError, match=r'ids \{3: 254\}'):
        LabelEncoding({3: 254})


def test_some_of_the_classes_can_be_kept(tmp_path):
    tiny.gta5(tmp_path, count=1)
    tiny.write_labels(tmp_path / 'labels/00000_labelTrainIds.png', [[0, 13, 5, 255]], (1, 4))
    tiny.write_image(tmp_path / 'images/00000.png', (1, 4))
    dataset = GTA5(
        data_root=tmp_path,
        metainfo=dict(classes=('car', 'road')),
        pipeline=[dict(type='LoadImage'), dict(type='LoadLabels')],
    )
    assert dataset[0]['gt_seg_map'].tolist() == [[1, 0, 255, 255]]


def test_a_packed_sample_keeps_its_domain(tmp_path):
    tiny.gta5(tmp_path)
    pipeline = [dict(type='LoadImage'), dict(type='LoadLabels'), dict(type='PackInputs')]
    sample = GTA5(data_root=tmp_path, pipeline=pipeline)[0]['data_samples']
    assert sample.domain == 'gta5'
    assert sample.gt_sem_seg.data.shape == (1, *tiny.SIZE)
    assert 'sample_idx' in PackInputs(more_keys=['sample_idx']).meta_keys


def test_an_error_in_a_worker_process_keeps_its_message(tmp_path):
    tiny.bdd100k(tmp_path)
    dataset = SeededDataset(
        BDD100K(data_root=tmp_path, split='val', pipeline=[dict(type='LoadImage')])
    )
    Path(tmp_path, 'images/10k/val/00000001.jpg').unlink()
    loader = DataLoader(dataset, num_workers=1, sampler=[(1, 0)], collate_fn=list)
    iterator = iter(loader)
    with pytest.raises(FileNotFoundError, match=r'there is no image .*00000001\.jpg'):
        next(iterator)
    iterator._shutdown_workers()  # else a later test waits for them


def test_margins_go_along_with_the_image_and_end_in_the_sample():
    image = np.zeros((20, 40, 3), np.uint8)
    results = MarkMargins(top=2, bottom=8, right=10)(dict(img=image, img_shape=(20, 40)))
    for step in (
        dict(type='Resize', scale=(80, 40)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='RandomCrop', crop_size=(40, 60)),
    ):
        results = TRANSFORMS.build(step)(results)
    packed = PackInputs()(results)
    margins = packed['data_samples'].margins.data
    assert margins.dtype == torch.bool
    assert margins.shape == (1, 40, 60)
    assert margins[0, :4].all()
    assert margins[0, 24:].all()
    assert not margins[0, 4:24, 20:].any()
    assert margins[0, :, 0].all() == bool(margins[0, 10, 0])  # the right border, flipped


def test_margins_larger_than_the_image_are_all_of_it():
    assert MarkMargins(top=30)(dict(img=np.zeros((8, 8, 3), np.uint8)))['margins'].all()


@pytest.mark.parametrize('sides', [dict(top=-1), dict()])
def test_margins_that_mean_nothing_are_refused(sides):
    with pytest.raises(ValueError, match='MarkMargins: top='):
        MarkMargins(**sides)
