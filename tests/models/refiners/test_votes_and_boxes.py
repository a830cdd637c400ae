import numpy as np
import pytest
import torch

from rein.models.refiners import BoxRefiner, MajorityVote
from rein.models.refiners.automatic import Grid, automatic_masks, grid_points, stability

IMAGE = np.zeros((8, 12, 3), np.uint8)


class Columns:
    """Masks of the three columns of four pixels that an image consists of, and of all of it."""

    def __init__(self):
        self.asked = []

    def encode(self, image):
        return image.shape[:2]

    def predict(self, encoded, points=None, low=None, boxes=None):
        self.asked.append(boxes if points is None else points)
        x = points[:, 0, 0] if boxes is None else (boxes[:, 0] + boxes[:, 2]) / 2
        masks = torch.zeros(len(x), 2, *encoded, dtype=torch.bool)
        for number, place in enumerate(x.long() // 4):
            masks[number, 0, :, 4 * place : 4 * place + 4] = True
            masks[number, 1] = True
        claims = torch.tensor([[0.9, 0.5]]).repeat(len(x), 1)
        return masks, claims, torch.where(masks, 5.0, -5.0)


def columns(*labels):
    return np.repeat(np.array([labels], np.uint8), 8, 0)


def test_a_grid_lies_half_a_step_inside():
    assert grid_points((4, 8), 2).tolist() == [[2, 1], [6, 1], [2, 3], [6, 3]]


def test_stability_is_the_overlap_of_two_cuts():
    logits = torch.tensor([[[2.0, 0.5, -0.5, -2.0]], [[3.0, 3.0, -3.0, -3.0]]])
    assert stability(logits).tolist() == pytest.approx([1 / 3, 1])


def test_every_object_is_found_once():
    masks = automatic_masks(Columns(), (8, 12), (8, 12), Grid(side=6, prompts=5))
    assert sorted(mask[0].nonzero().flatten().tolist() for mask in masks) == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
    ]
    assert len(automatic_masks(Columns(), (8, 12), (8, 12), Grid(side=2, claim=0.95))) == 0


def test_pixels_of_a_mask_get_the_label_that_most_of_them_have():
    labels = columns(1, 1, 1, 2, 5, 5, 5, 5, 7, 255, 255, 255)
    voted = MajorityVote(Columns(), grid=dict(side=6))(IMAGE, labels).labels().numpy()
    assert voted[0].tolist() == [1] * 4 + [5] * 4 + [7] * 4


def test_a_mask_that_does_not_agree_leaves_its_pixels():
    labels = columns(1, 1, 2, 2, 5, 5, 5, 6, 255, 255, 255, 255)
    voted = MajorityVote(Columns(), share=0.7, grid=dict(side=6))(IMAGE, labels).labels()
    assert voted[0].tolist() == [1, 1, 2, 2, 5, 5, 5, 5, 255, 255, 255, 255]


def test_of_two_masks_the_smaller_one_decides():
    masks = torch.zeros(2, 1, 6, dtype=torch.bool)
    masks[0, 0, 2:4] = True
    masks[1] = True
    labels = torch.tensor([[1, 1, 2, 2, 1, 3]], dtype=torch.uint8)
    assert MajorityVote(None).voted(labels, masks).tolist() == [[1, 1, 2, 2, 1, 1]]


def test_pixels_outside_of_masks_are_kept_or_ignored():
    masks = torch.zeros(1, 1, 4, dtype=torch.bool)
    masks[0, 0, :2] = True
    labels = torch.tensor([[1, 1, 2, 3]], dtype=torch.uint8)
    assert MajorityVote(None).voted(labels, masks).tolist() == [[1, 1, 2, 3]]
    ignoring = MajorityVote(None, outside='ignore')
    assert ignoring.voted(labels, masks).tolist() == [[1, 1, 255, 255]]


def test_things_become_what_is_in_their_boxes():
    labels = columns(0, 0, 13, 13, 13, 0, 0, 0, 2, 2, 2, 2)
    labels[4:, 2:5] = 0  # a car of 12 pixels, over the border of the second column
    refiner = BoxRefiner(Columns(), least=5)
    refined = refiner(IMAGE, labels).labels().numpy()
    assert refined[0].tolist() == [13, 13, 13, 13, 255, 0, 0, 0, 2, 2, 2, 2]
    assert refined[7].tolist() == [13, 13, 13, 13, 0, 0, 0, 0, 2, 2, 2, 2]
    assert refiner.model.asked[0].tolist() == [[2, 0, 5, 4]]


def test_small_things_and_stuff_stay_and_nothing_is_asked():
    labels = columns(0, 0, 13, 13, 13, 0, 0, 0, 2, 2, 2, 2)
    refiner = BoxRefiner(Columns(), least=100)
    assert np.array_equal(refiner(IMAGE, labels).labels(), labels)
    assert refiner.model.asked == []


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: MajorityVote(None, share=2), 'share from 0 to 1'),
        (lambda: MajorityVote(None, outside='drop'), "outside='drop'"),
        (lambda: MajorityVote(None, grid=dict(side=0)), 'grid: side=0'),
        (lambda: BoxRefiner(None, least=-1), 'BoxRefiner: least=-1'),
        (lambda: BoxRefiner(None, things=()), 'at least one class'),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize('refiner', [MajorityVote(None), BoxRefiner(None)])
def test_labels_of_another_size_than_the_image_are_refused(refiner):
    with pytest.raises(ValueError, match=r'the image is \(8, 12\) and its labels are \(2, 2\)'):
        refiner(IMAGE, np.zeros((2, 2), np.uint8))
