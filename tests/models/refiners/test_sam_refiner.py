import numpy as np
import pytest
import torch
from test_components import RECORDED, map_of

from rein.models.refiners import EraseClassOverlaps, EraseOverlaps, SamRefiner, SmallestWins
from rein.models.refiners.overlaps import unite
from rein.models.refiners.refined import Refined

DISCS = (40, 80, 120)


class Discs:
    """The stand-in of the recorded numbers: discs around the mean of the points."""

    def encode(self, image):
        return image.shape[:2]

    def predict(self, encoded, points, low=None):
        rows, columns = torch.meshgrid(*map(torch.arange, encoded), indexing='ij')
        large = points.double() * (1024 / 768)  # as in SAM's frame
        x, y = (large.mean(1) * 768 / 1024).T
        distance = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2
        grown = 0 if low is None else 10
        masks = torch.stack([distance <= (radius + grown) ** 2 for radius in DISCS], 1)
        claims = [0.5 + 0.4 * (x / 50).cos(), 0.5 + 0.4 * (y / 70).sin(), 0 * x + 0.55]
        return masks, torch.stack(claims, 1).float(), torch.zeros(len(x), 3, 8, 8)


def bools(rows):
    return torch.tensor(rows, dtype=torch.bool)


@pytest.mark.parametrize('case', RECORDED['refined'], ids=lambda c: c['map'])
def test_prompts_choice_and_classes_are_the_authors(case):
    refiner = SamRefiner(Discs(), passes=2 if case['refinement'] else 1)
    labels = map_of(case['map'])
    _, points = refiner.prompts(labels, np.random.RandomState(case['seed']))
    _, claims, _ = Discs().predict(labels.shape, torch.from_numpy(points))
    np.testing.assert_allclose(claims.numpy(), case['iou'], atol=1e-6)
    assert claims.argmax(1).tolist() == case['best']
    image = np.zeros((*labels.shape, 3), np.uint8)
    refined = refiner(image, labels, np.random.RandomState(case['seed']))
    assert refined.classes == case['target_labels']
    assert refined.masks.flatten(1).sum(1).tolist() == case['target_areas']
    found = refined.labels()
    assert sorted(set(found.unique().tolist()) - {255}) == case['target_labels']


@pytest.mark.parametrize('name', RECORDED['overlaps'])
def test_erased_overlaps_are_the_authors(name):
    case = RECORDED['overlaps'][name]
    classes = [int(label) for label, count in case['counts'].items() for _ in range(count)]
    kinds, united = unite(EraseOverlaps()(bools(case['in']), classes), classes)
    assert kinds == case['labels']
    assert torch.equal(united, bools(case['masks']))


def test_within_a_class_overlaps_may_stay():
    masks = bools([[[1, 1, 0, 0]], [[0, 1, 1, 0]], [[0, 0, 1, 1]]])
    kept = EraseClassOverlaps()(masks, [4, 4, 7])
    assert kept.int().tolist() == [[[1, 1, 0, 0]], [[0, 1, 0, 0]], [[0, 0, 0, 1]]]


def test_the_smallest_mask_has_the_pixel():
    masks = bools([[[1, 1, 1, 1]], [[0, 1, 1, 0]], [[0, 0, 1, 0]]])
    kept = SmallestWins()(masks, [0, 5, 6])
    assert kept.int().tolist() == [[[1, 0, 0, 1]], [[0, 1, 0, 0]], [[0, 0, 1, 0]]]


def test_a_class_that_lost_every_pixel_is_kept_or_dropped():
    labels = np.zeros((60, 100), np.uint8)
    labels[:, 50:] = 1

    class Everything(Discs):
        def predict(self, encoded, points, low=None):
            masks = torch.ones(len(points), 1, *encoded, dtype=torch.bool)
            return masks, torch.ones(len(points), 1), torch.zeros(len(points), 1, 4, 4)

    image = np.zeros((60, 100, 3), np.uint8)
    kept = SamRefiner(Everything(), least=100)(image, labels)
    assert (kept.classes, kept.masks.sum().item()) == ([0, 1], 0)
    dropped = SamRefiner(Everything(), least=100, empty='drop')(image, labels)
    assert (dropped.classes, tuple(dropped.masks.shape)) == ([], (0, 60, 100))
    assert (dropped.labels() == 255).all()


def test_without_a_large_region_labels_are_passed_on_and_nothing_is_asked():
    labels = np.full((6, 6), 255, np.uint8)
    labels[:3] = 2
    labels[3, 3] = 9
    refined = SamRefiner(None, least=5000)(np.zeros((6, 6, 3), np.uint8), labels)
    assert refined.classes == [2, 9]
    assert torch.equal(refined.labels(), torch.from_numpy(labels))


def test_masks_that_overlap_make_no_labels():
    refined = Refined([0, 1], torch.ones(2, 3, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r'masks of different classes overlap'):
        refined.labels()


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(empty='lose'), r"SamRefiner\.empty is 'lose'"),
        (dict(points=0), 'points is 1 or more'),
        (dict(passes=3), 'passes 1 or 2'),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SamRefiner(None, **settings)


def test_labels_of_another_size_than_the_image_are_refused():
    with pytest.raises(ValueError, match=r'the image is \(4, 4\) and its labels are \(2, 2\)'):
        SamRefiner(None)(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2), np.uint8))
