import numpy as np
import pytest

from rein.datasets.scored_size import ScoreAtThisSize, ShortSide, SquareView


def sample(labels):
    """An image whose blue is its label, so that both can be compared."""
    labels = np.asarray(labels, np.uint8)
    image = np.zeros((*labels.shape, 3), np.uint8)
    image[..., 0] = labels
    return dict(
        img=image, gt_seg_map=labels, img_path='a.png', ori_shape=labels.shape, img_shape=None
    )


def test_scores_are_taken_at_the_size_that_the_labels_have_been_brought_to():
    results = ScoreAtThisSize()(ShortSide(size=2)(sample(np.zeros((4, 6)))))
    assert results['ori_shape'] == results['gt_seg_map'].shape == (2, 3)


def test_labels_that_are_not_there_or_were_not_resized_are_named():
    results = ShortSide(size=2)(dict(img=np.zeros((4, 6, 3), np.uint8), img_path='a.png'))
    with pytest.raises(ValueError, match=r'a\.png has no labels; put LoadLabels before it'):
        ScoreAtThisSize()(results)
    results['gt_seg_map'] = np.zeros((4, 6), np.uint8)
    with pytest.raises(ValueError, match=r'a\.png is 3x2 now but its labels 6x4'):
        ScoreAtThisSize()(results)


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        ((1024, 2048), (1024, 2048)),
        ((720, 1280), (1024, 1820)),
        ((1080, 1920), (1024, 1820)),
        ((2448, 3264), (1024, 1365)),
        ((600, 800), (1024, 1365)),
        ((4032, 3024), (1365, 1024)),
    ],
)
def test_the_short_side_gives_the_sizes_measured_on_the_code_of_clouds(size, expected):
    results = ShortSide(size=1024)(dict(img=np.zeros((*size, 3), np.uint8)))
    assert results['img'].shape[:2] == results['img_shape'] == expected


def test_labels_keep_their_numbers_when_the_image_is_averaged():
    results = ShortSide(size=1)(sample([[0, 18], [18, 18]]))
    assert results['gt_seg_map'].tolist() in ([[0]], [[18]])
    # A triangle two pixels wide over two pixels: all four count equally, (0 + 3 * 18) / 4 = 13.5.
    assert results['img'][0, 0, 0] in (13, 14)


def test_a_wide_image_loses_its_left_and_right_columns():
    results = SquareView(size=2)(sample([[1, 2, 3, 4, 5, 6]] * 2))
    assert results['gt_seg_map'].tolist() == [[3, 4], [3, 4]]
    assert results['img'][..., 0].tolist() == [[3, 4], [3, 4]]
    assert results['img_shape'] == (2, 2)


def test_an_upright_image_is_kept_whole_between_bars_of_no_class():
    # The released code keeps 25 of these 30 columns and labels 15 of 40 "road".
    results = SquareView(size=40)(sample(np.full((40, 30), 5)))
    columns = results['gt_seg_map'][0].tolist()
    assert columns == [255] * 5 + [5] * 30 + [255] * 5
    assert results['img'][0, :, 0].tolist() == [0] * 5 + [5] * 30 + [0] * 5


def test_the_height_is_what_becomes_the_size_of_the_square():
    tall = sample(np.repeat(np.arange(8)[:, None], 4, axis=1))
    results = SquareView(size=4)(tall)  # 4 wide, 8 high: 2 wide, 4 high
    assert [row[1] for row in results['gt_seg_map'].tolist()] in ([0, 2, 4, 6], [1, 3, 5, 7])
    assert results['gt_seg_map'][:, 0].tolist() == [255] * 4


def test_a_view_without_labels_is_only_an_image():
    results = SquareView(size=2)(dict(img=np.ones((4, 8, 3), np.uint8)))
    assert set(results) == {'img', 'img_shape', 'scale_factor'}
    assert results['img'].shape == (2, 2, 3)


def test_a_size_that_is_no_number_of_pixels_is_refused():
    for step in (ShortSide, SquareView):
        with pytest.raises(ValueError, match=r'size=0 is not a positive number'):
            step(size=0)
