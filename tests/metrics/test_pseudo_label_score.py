import numpy as np
import pytest

from rein.metrics.pseudo_labels import PseudoLabelScore


def test_pixels_without_a_label_count_as_wrong_or_not_at_all():
    score = PseudoLabelScore(2)
    truth = np.array([[0, 0, 0, 0, 1, 1, 255, 255]], np.uint8)
    made = np.array([[0, 0, 255, 1, 1, 255, 0, 255]], np.uint8)
    score.add(made, truth)
    found = score.numbers()
    assert found['labelled'] == pytest.approx(100 * 4 / 6)
    assert found['IoU'] == pytest.approx([100 * 2 / 4, 100 * 1 / 3])
    assert found['mIoU'] == pytest.approx((50 + 100 / 3) / 2)
    assert found['mIoU_labelled'] == pytest.approx((200 / 3 + 50) / 2)


def test_images_are_counted_together():
    score = PseudoLabelScore(2)
    for made in (0, 255):
        score.add(np.full((1, 2), made, np.uint8), np.zeros((1, 2), np.uint8))
    assert score.numbers()['labelled'] == 50
    assert score.numbers()['IoU'][0] == 50


def test_labels_of_another_size_are_refused():
    with pytest.raises(ValueError, match='has shape'):
        PseudoLabelScore(2).add(np.zeros((1, 2), np.uint8), np.zeros((2, 2), np.uint8))
