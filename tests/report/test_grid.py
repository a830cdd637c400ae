"""The picture of predictions: what stands where."""

import numpy as np
from PIL import Image

from rein.datasets.classes import CLASSES, PALETTE
from rein.report.grid import CELL, FOOT, LEFT, TOP, Example, draw_grid

WIDTH, HEIGHT = CELL


def pixel(picture, column, line, x=10, y=10):
    return picture.getpixel((LEFT + column * WIDTH + x, TOP + line * HEIGHT + y))


def test_each_line_has_image_label_and_predictions_in_their_colours(tmp_path):
    road, sky, car = (CLASSES.index(name) for name in ('road', 'sky', 'car'))
    examples = []
    for number, grey in enumerate((40, 200)):
        Image.new('RGB', (64, 32), (grey, grey, 0)).save(tmp_path / f'{number}.png')
        labels = np.full((32, 64), road, np.uint8)
        labels[:16] = 255
        examples.append(Example(f'style {number}', tmp_path / f'{number}.png', labels))
    maps = [np.full((32, 64), sky, np.uint8), np.full((32, 64), car, np.uint8)]
    draw_grid(examples, [('mine', maps)], tmp_path / 'grid.png')
    with Image.open(tmp_path / 'grid.png') as picture:
        assert picture.size == (LEFT + 3 * WIDTH, TOP + 2 * HEIGHT + FOOT)
        assert pixel(picture, 0, 0) == (40, 40, 0)
        assert pixel(picture, 0, 1) == (200, 200, 0)
        assert pixel(picture, 1, 0) == (0, 0, 0)  # ignored
        assert pixel(picture, 1, 0, y=HEIGHT - 10) == PALETTE[road]
        assert pixel(picture, 2, 0) == PALETTE[sky]
        assert pixel(picture, 2, 1) == PALETTE[car]


def test_a_taller_image_is_cut_about_its_middle_as_its_labels_are(tmp_path):
    image = np.zeros((64, 64, 3), np.uint8)
    image[32:] = 255
    Image.fromarray(image).save(tmp_path / 'tall.png')
    labels = np.repeat([[0], [10]], 32, axis=0).astype(np.uint8).repeat(64, 1)
    draw_grid([Example('tall', tmp_path / 'tall.png', labels)], [], tmp_path / 'grid.png')
    with Image.open(tmp_path / 'grid.png') as picture:
        middle = HEIGHT // 2
        for y, grey, label in ((middle - 8, 0, 0), (middle + 8, 255, 10)):
            assert pixel(picture, 0, 0, y=y) == (grey,) * 3
            assert pixel(picture, 1, 0, y=y) == PALETTE[label]
