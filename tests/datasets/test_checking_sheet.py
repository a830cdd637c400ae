"""The contact sheets of a check, by the pixels in them."""

import numpy as np
import tiny_datasets as tiny
from mmengine.config import Config
from PIL import Image

from rein.datasets.checking import check, write_sheets
from rein.datasets.checking.readers import spread_over
from rein.datasets.checking.sheet import GAP, WIDTH, draw_sheet
from rein.hooks.pictures import DARK, ROW

LEFT, RIGHT = (200, 100, 50), (40, 80, 120)  # colours of the image


def write_pair(root, name):
    """An image of two halves; road on the left, no class on the right."""
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = LEFT, RIGHT
    labels = np.zeros((64, 64), np.uint8)
    labels[:, 32:] = 255
    for kind, content in (('images', pixels), ('masks', labels)):
        (root / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(content).save(root / f'{kind}/{name}.png')


def checked(**roots):
    loaders = {
        f'{role}_dataloader': dict(
            dataset=dict(
                type='SegmentationFolder', data_root=str(root), domain='two/halves', **more
            )
        )
        for role, (root, more) in roots.items()
    }
    return check(Config(loaders)).groups


def place(panel, right):
    """Middle of the left or right half of a panel of the first pair: x, y on the sheet."""
    x = GAP + panel * (WIDTH + GAP // 3) + WIDTH * (1 + 2 * right) // 4
    return x, ROW + GAP + ROW + WIDTH // 2


def test_the_overlay_is_half_image_half_colour_and_darkens_where_no_class_is(tmp_path):
    write_pair(tmp_path, 'a')
    (group,) = checked(train=(tmp_path, {}))
    sheet = draw_sheet(group, 12)
    assert sheet.getpixel(place(0, right=False)) == LEFT
    assert sheet.getpixel(place(0, right=True)) == RIGHT
    # road is 128, 64, 128
    assert sheet.getpixel(place(1, right=False)) == (164, 82, 89)
    assert sheet.getpixel(place(1, right=True)) == (20, 40, 60)


def test_the_legend_holds_the_classes_that_are_there_and_no_others(tmp_path):
    write_pair(tmp_path, 'a')
    (group,) = checked(train=(tmp_path, {}))
    foot = np.asarray(draw_sheet(group, 1))[-(ROW + GAP) : -GAP // 2]
    colours = {tuple(pixel) for pixel in foot.reshape(-1, 3).tolist()}
    assert (128, 64, 128) in colours and (0, 0, 0) in colours
    assert (244, 35, 232) not in colours  # sidewalk


def test_a_sheet_shows_pairs_from_the_first_to_the_last():
    assert spread_over(10, 3) == [0, 4, 9]
    assert spread_over(3, 12) == [0, 1, 2]
    assert spread_over(25_000, 1) == [0]


def test_sheets_are_named_by_role_and_domain_and_none_replaces_another(tmp_path):
    write_pair(tmp_path / 'a', 'a')
    write_pair(tmp_path / 'b', 'b')
    groups = checked(
        val=(tmp_path / 'a', {}), test=(tmp_path / 'a', {}), train=(tmp_path / 'b', {})
    )
    files = write_sheets([*groups, groups[0]], tmp_path / 'sheets', 4)
    assert [file.name for file in files] == [
        'train_two-halves.png',
        'val-test_two-halves.png',
        'train_two-halves_2.png',
    ]
    assert sorted(f.name for f in (tmp_path / 'sheets').iterdir()) == sorted(f.name for f in files)


def test_images_alone_are_drawn_without_overlay(tmp_path):
    write_pair(tmp_path, 'a')
    (group,) = checked(test=(tmp_path, dict(masks=None)))
    sheet = draw_sheet(group, 12)
    assert sheet.width == WIDTH + 2 * GAP
    assert sheet.getpixel(place(0, right=False)) == LEFT


def test_what_cannot_be_drawn_is_said_on_the_sheet_and_the_rest_is_drawn(tmp_path):
    for name in 'abc':
        write_pair(tmp_path, name)
    (tmp_path / 'images/b.png').write_bytes(b'')
    tiny.write_labels(tmp_path / 'masks/c.png', size=(64, 60))
    (group,) = checked(train=(tmp_path, {}))
    sheet = draw_sheet(group, 12)
    step = 2 * (WIDTH + GAP // 3) - GAP // 3 + GAP
    x, y = place(1, right=False)
    assert sheet.getpixel((x, y)) == (164, 82, 89)
    assert sheet.getpixel((x + step, y)) not in (DARK, (164, 82, 89))
    assert sheet.getpixel((x + 2 * step - WIDTH, y)) == LEFT
