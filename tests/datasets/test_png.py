import io
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from rein.datasets.png import encode_labels, read_numbers, unpacked


def packed(image, **how):
    buffer = io.BytesIO()
    image.save(buffer, 'PNG', **how)
    return buffer.getvalue()


LABELS = np.random.RandomState(0).randint(0, 256, (7, 5), np.uint8).repeat(9, 0).repeat(11, 1)


def test_what_is_packed_is_read_by_every_library_as_it_was():
    data = encode_labels(LABELS)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), LABELS)
    assert np.array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), -1), LABELS)
    assert np.array_equal(read_numbers(data), LABELS)


def test_runs_of_equal_numbers_take_little_room():
    assert len(encode_labels(np.full((1000, 1000), 7, np.uint8))) < 6000  # of 1,000,000 pixels


def test_a_map_of_one_pixel_is_packed():
    assert read_numbers(encode_labels(np.full((1, 1), 255, np.uint8))).tolist() == [[255]]


@pytest.mark.parametrize(
    ('shape', 'kind'), [((2, 2), np.int64), ((2, 2, 3), np.uint8), ((0, 2), np.uint8)]
)
def test_only_maps_of_small_numbers_are_packed(shape, kind):
    with pytest.raises(ValueError, match='one uint8 number a pixel'):
        encode_labels(np.zeros(shape, kind))


def test_a_palette_file_gives_its_numbers_not_its_colours():
    image = Image.fromarray(LABELS)
    image = Image.frombytes('P', image.size, image.tobytes())
    image.putpalette(list(range(255, -1, -1)) * 3)
    assert np.array_equal(read_numbers(packed(image)), LABELS)


@pytest.mark.parametrize('mode', ['RGB', 'I;16', '1'])
def test_other_kinds_of_pixels_are_left_to_an_image_library(mode):
    assert read_numbers(packed(Image.new(mode, (9, 9)))) is None


def test_filtered_rows_are_left_to_an_image_library():
    rows = np.arange(64, dtype=np.uint8).repeat(64).reshape(64, 64)
    data = cv2.imencode('.png', rows, [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP])[1]
    assert read_numbers(data.tobytes()) is None


def test_a_damaged_file_is_left_to_an_image_library():
    data = encode_labels(LABELS)
    middle = len(data) // 2
    changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    cuts = [data[:k] for k in (0, 4, 20, middle, len(data) - 12, len(data) - 1)]
    assert [read_numbers(each) for each in (changed, *cuts)] == [None] * 7


NOISE = np.random.RandomState(1).randint(0, 256, (70, 90, 4), np.uint8)
NOISE[20:50] = NOISE[20]


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return packed(Image.fromarray(NOISE[..., :3]), exif=exif, dpi=(72, 72))


def see_through():
    image = Image.fromarray(NOISE[..., 0]).convert('P')
    return packed(image, transparency=3)


def deep(channels):
    return cv2.imencode('.png', NOISE[..., :channels].astype(np.uint16) * 257)[1].tobytes()


@pytest.mark.parametrize('flags', [cv2.IMREAD_COLOR, cv2.IMREAD_UNCHANGED])
@pytest.mark.parametrize(
    'data',
    [
        packed(Image.fromarray(NOISE[..., :3])),
        packed(Image.fromarray(NOISE)),
        packed(Image.fromarray(NOISE[..., 0])),
        packed(Image.fromarray(NOISE[..., :2], 'LA')),
        packed(Image.new('RGB', (300, 301), 'red')),  # more than a block, and rows across two
        packed(Image.new('RGB', (1, 1))),
        deep(3),
        deep(1),
        turned(),
        see_through(),
    ],
    ids=['RGB', 'RGBA', 'L', 'LA', 'large', 'pixel', '16 bit', '16 bit grey', 'turned', 'P'],
)
def test_an_unpacked_image_is_read_as_the_same_pixels(data, flags):
    opened = unpacked(data)
    assert opened is not data
    read = [cv2.imdecode(np.frombuffer(each, np.uint8), flags) for each in (data, opened)]
    assert read[0].dtype == read[1].dtype
    assert np.array_equal(*read)


def test_an_unpacked_image_is_whole_to_other_libraries_too():
    opened = Image.open(io.BytesIO(unpacked(turned())))
    opened.load()
    assert np.array_equal(np.asarray(opened), NOISE[..., :3])
    assert opened.getexif()[0x0112] == 6


def with_header(data, place, value):
    """The file with other bytes in its header, and a checksum that agrees."""
    data = data[:place] + value + data[place + len(value) :]
    return data[:29] + zlib.crc32(data[12:29]).to_bytes(4) + data[33:]


def test_what_cannot_be_unpacked_is_left_as_it_is():
    whole = packed(Image.fromarray(NOISE))
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    cuts = [whole[:k] for k in (0, 4, 20, middle, len(whole) - 12, len(whole) - 1)]
    headers = [
        with_header(whole, 19, b'\x5b'),
        with_header(whole, 28, b'\x01'),
    ]  # wider, interlaced
    others = [b'\xff\xd8 a JPEG', packed(Image.new('1', (9, 9)))]
    for data in (changed, *cuts, *headers, *others):
        assert unpacked(data) is data
