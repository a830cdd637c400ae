import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

import rein.datasets  # noqa: F401
from rein.datasets.streetscenes.write import Settings, pair_files, write_style
from rein.datasets.transforms import read_image
from rein.models.refiners import ScriptedSam


@pytest.fixture(scope='module')
def scene(tmp_path_factory):
    """Image, labels and config of a data set of one scene."""
    out = tmp_path_factory.mktemp('streets')
    list(write_style(out, Settings('fog', 1, 0, (96, 48), 0), 1))
    image, labels = pair_files(out / 'fog', 'train', 0)
    import cv2

    return (
        np.ascontiguousarray(read_image(str(image))[..., ::-1]),
        cv2.imread(str(labels), cv2.IMREAD_UNCHANGED),
        dict(type='Cityscapes', data_root=str(out / 'fog')),
    )


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def in_road(labels):
    rows, columns = np.nonzero(labels == 0)
    middle = len(rows) // 2
    return torch.tensor([[[columns[middle], rows[middle]]]]).float()


def test_without_noise_it_answers_with_the_true_object(scene):
    image, labels, config = scene
    sam = ScriptedSam([config], noise=0, confusion=0)
    masks, claims, low = sam.predict(sam.encode(image), in_road(labels))
    assert masks.shape == (1, 3, 48, 96)
    assert claims.argmax(1).item() == 0
    assert set(np.unique(labels[masks[0, 0].numpy()])) == {0}
    assert low.shape == (1, 3, 12, 24)


def test_a_mirrored_image_is_known_too(scene):
    image, labels, config = scene
    sam = ScriptedSam([config], noise=0, confusion=0)
    masks, _, _ = sam.predict(sam.encode(image[:, ::-1]), in_road(labels[:, ::-1]))
    assert set(np.unique(labels[:, ::-1][masks[0, 0].numpy()])) == {0}


def test_it_answers_the_same_every_time_and_a_little_wrong(scene):
    image, labels, config = scene
    first, second = (ScriptedSam([config]) for _ in range(2))
    answers = [sam.predict(sam.encode(image), in_road(labels)) for sam in (first, second)]
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))
    true = ScriptedSam([config], noise=0)
    exact, _, _ = true.predict(true.encode(image), in_road(labels))
    differ = (exact[0, 0] ^ answers[0][0][0, 0]).float().mean()
    assert 0 <= differ < 0.1


def test_a_box_finds_what_is_in_its_middle(scene):
    image, labels, config = scene
    sam = ScriptedSam([config], noise=0, confusion=0)
    x, y = in_road(labels)[0, 0].tolist()
    masks, _, _ = sam.predict(sam.encode(image), boxes=torch.tensor([[x - 1, y - 1, x + 1, y + 1]]))
    assert masks[0, 0, int(y), int(x)]


def test_an_image_it_does_not_know_is_refused(scene):
    _, _, config = scene
    sam = ScriptedSam([config])
    with pytest.raises(ValueError, match='ScriptedSam knows the images of'):
        sam.encode(np.zeros((48, 96, 3), np.uint8))
    with pytest.raises(ValueError, match='numbers of 0 or more'):
        ScriptedSam([config], noise=-1)
