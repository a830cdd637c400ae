import io

import cv2
import numpy as np
import pytest
from PIL import Image

from rein.datasets.png import encode_labels, read_numbers


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
