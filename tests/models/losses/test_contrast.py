import math

import numpy as np
import pytest
import torch
from recipes import backwards, cells, in_order, normal, recorded, unit

from rein.models.losses.contrast import (
    ClassContrast,
    DisentanglementContrast,
    choose_by_class,
    choose_confused,
    class_contrast,
    disentanglement_contrast,
)
from rein.models.losses.pixels import Pixels, take

RECORDED = recorded('contrast')
SHIPPED = {'all': 'as_shipped_uint8', 'other_classes': 'intended_bool'}


def one_hot(predicted, classes=19):
    return torch.nn.functional.one_hot(predicted, classes).permute(0, 3, 1, 2).float()


def pixels(labels, original, restyled=None, classes=19):
    restyled = original if restyled is None else restyled
    size = tuple(original.shape[-2:])
    return Pixels.at(size, labels, one_hot(original, classes), one_hot(restyled, classes))


def class_case(labels=None):
    """Labels, predictions and maps of the recorded cases of the class-wise contrast."""
    if labels is None:
        labels = cells(61, 2, 96, 96, 6, 16)
    swap = torch.from_numpy(np.random.RandomState(63).rand(2, 24, 24) < 0.4)
    seen = cells(61, 2, 96, 96, 6, 16)[:, ::4, ::4]
    predicted = torch.where(swap, cells(62, 2, 24, 24, 6, 4), seen)
    return pixels(labels, predicted), *vectors(51, (2, 32, 24, 24))


def vectors(seed, shape):
    """Maps of the two views before they are brought to length 1; only the first has a gradient."""
    queries = normal(seed, *shape).requires_grad_()
    keys = (0.6 * queries.detach() + 0.8 * normal(seed + 1, *shape)).requires_grad_()
    return queries, keys


def confused_case(name):
    if name == 'more_than_1000_anchors':
        labels = torch.zeros(1, 160, 160, dtype=torch.long)
        labels[:, :, 80:] = 1
        predicted = labels[:, ::4, ::4]
        swapped = 1 - predicted
    else:
        whole = cells(81, 2, 96, 96, 5, 16)
        labels = whole.clone()
        labels[:, :16, :16] = 255
        draw = np.random.RandomState(83)
        first, second = (torch.from_numpy(draw.rand(2, 24, 24) < p) for p in (0.2, 0.3))
        predicted = torch.where(first, cells(82, 2, 24, 24, 7, 2), whole[:, ::4, ::4])
        swapped = torch.where(second, cells(84, 2, 24, 24, 7, 2), predicted)
    shape = (len(labels), 32, *predicted.shape[1:])
    return pixels(labels, predicted, swapped), *vectors(71, shape)


def value_of(term, scene, queries, keys):
    choice = term.choose(scene)
    return term(choice, take(unit(queries), choice.queries), take(unit(keys), choice.keys))


@pytest.mark.parametrize('negatives', SHIPPED)
def test_class_contrast_agrees_with_the_authors(negatives):
    raw = normal(41, 2, 3, 4, 8).requires_grad_()
    queries = unit(raw, -1).flatten(1, 2)
    keys = unit(normal(42, 2, 3, 4, 8), -1).flatten(1, 2)
    found = class_contrast(queries, keys, 4, 0.07, negatives)
    found.mean().backward()
    want = RECORDED['cwcl']['contrastive_only']['result'][SHIPPED[negatives]]
    assert found.mean().item() == pytest.approx(want['loss_mean'], rel=1e-5)
    first = torch.tensor(want['loss_vector']['first5'])
    torch.testing.assert_close(found.detach().flatten()[:5], first, rtol=1e-5, atol=1e-5)
    assert raw.grad.norm().item() == pytest.approx(want['grad_norm_q_before_l2norm'], rel=1e-4)


@pytest.mark.parametrize('negatives', SHIPPED)
@pytest.mark.parametrize(
    ('name', 'order'),
    [
        ('few_classes_fill_identity', in_order),
        ('few_classes_fill_reverse', backwards),
        ('more_classes_than_max_identity', in_order),
    ],
)
def test_chosen_by_class_it_agrees_with_the_authors(monkeypatch, negatives, name, order):
    monkeypatch.setattr(torch, 'randperm', order)
    case = RECORDED['cwcl'][name]
    term = ClassContrast(classes=case['max_classes'], samples=10, negatives=negatives)
    scene, queries, keys = class_case()
    found = value_of(term, scene, queries, keys)
    found.backward()
    want = case['result'][SHIPPED[negatives]]
    assert found.item() == pytest.approx(want['loss_mean'], rel=1e-5)
    assert queries.grad.norm().item() == pytest.approx(want['grad_norm_q'], rel=1e-4)
    assert keys.grad is None


@pytest.mark.parametrize('name', RECORDED['sdcl']['cases'])
def test_disentanglement_agrees_with_the_authors(monkeypatch, name):
    want = RECORDED['sdcl']['cases'][name]
    monkeypatch.setattr(torch, 'randperm', backwards if want['perm'] == 'reverse' else in_order)
    scene, queries, keys = confused_case(name)
    term = DisentanglementContrast(patches=want['num_patch'])
    assert len(term.choose(scene).keys) == want['n_anchors']
    found = value_of(term, scene, queries, keys)
    found.backward()
    assert found.item() == pytest.approx(want['loss_mean'], rel=1e-5)
    assert queries.grad.norm().item() == pytest.approx(want['grad_norm_q'], rel=1e-4)
    assert keys.grad is None


def test_without_any_class_the_loss_is_zero_and_so_is_its_gradient():
    nothing = torch.full((2, 96, 96), 255)
    scene, queries, keys = class_case(nothing)
    found = value_of(ClassContrast(classes=8, samples=10), scene, queries, keys)
    found.backward()
    assert found.item() == 0
    assert queries.grad.abs().max().item() == 0


def test_without_any_confusion_the_loss_is_zero_and_has_a_gradient_for_every_process():
    same = torch.zeros(1, 24, 24, dtype=torch.long)
    queries = normal(1, 1, 4, 24, 24).requires_grad_()
    found = value_of(DisentanglementContrast(), pixels(same, same), queries, queries)
    assert found.item() == 0
    assert found.requires_grad


def test_of_equal_vectors_every_key_is_as_likely():
    ones = torch.nn.functional.normalize(torch.ones(1, 6, 4), dim=-1)
    found = class_contrast(ones, ones, 2, 0.07, 'all')
    torch.testing.assert_close(found, torch.full((1, 6), math.log(7)))
    found = class_contrast(ones, ones, 2, 0.07, 'other_classes')
    torch.testing.assert_close(found, torch.full((1, 6), math.log(5)))


@pytest.mark.parametrize(
    ('wrong', 'right', 'expected'),
    [(30, 30, (3, 4)), (30, 2, (5, 2)), (2, 30, (2, 5)), (4, 3, None), (4, 4, (3, 4))],
)
def test_half_are_drawn_from_the_wrong_ones_as_far_as_there_are(wrong, right, expected):
    labels = torch.full((1, 1, 64), 255)
    labels[..., : wrong + right] = 0
    predicted = torch.ones(1, 1, 64, dtype=torch.long)
    predicted[..., wrong : wrong + right] = 0
    chosen, any_class = choose_by_class(pixels(labels, predicted), 2, 7, 'other_classes')
    assert any_class.item() is (expected is not None)
    if expected is None:
        return
    mine = chosen[0, :7]
    count = int((mine < wrong).sum())
    assert (count, 7 - count) == expected
    assert (mine[:count] < wrong).all()
    assert len(chosen[0].unique()) == 14
    assert ((mine >= 0) & (mine < wrong + right)).all()


def test_the_lowest_classes_with_enough_pixels_take_part_in_every_image_by_itself():
    labels = torch.full((2, 4, 12), 255)
    labels[0, 0], labels[0, 1], labels[0, 2], labels[0, 3, :5] = 7, 3, 9, 1
    labels[1, :2] = 4
    scene = pixels(labels, labels.clamp(max=18))
    chosen, _ = choose_by_class(scene, 2, 5, 'other_classes')
    drawn = labels.flatten(1).gather(1, chosen).view(2, 2, 5)
    assert drawn[0].tolist() == [[3] * 5, [7] * 5]
    assert drawn[1, 0].tolist() == [4] * 5
    assert len(chosen[1].unique()) == 10


def test_every_pixel_of_a_class_is_drawn_about_as_often():
    torch.manual_seed(0)
    labels = torch.zeros(1, 4, 5, dtype=torch.long)
    scene = pixels(labels, labels)
    counts = torch.zeros(20)
    for _ in range(2000):
        chosen, _ = choose_by_class(scene, 1, 5, 'all')
        counts += torch.bincount(chosen[0], minlength=20)
    assert counts.sum().item() == 10000
    assert (counts - 500).abs().max().item() < 100  # 4.5 standard deviations


def test_fillers_may_repeat_what_was_drawn_only_as_released():
    torch.manual_seed(0)
    labels = torch.zeros(1, 4, 5, dtype=torch.long)
    scene = pixels(labels, labels)
    for negatives, expected in (('all', False), ('other_classes', True)):
        chosen = [choose_by_class(scene, 2, 10, negatives)[0][0] for _ in range(20)]
        assert all(len(c.unique()) == 20 for c in chosen) is expected


def test_a_pool_is_of_the_class_that_the_pixel_is_taken_for():
    scene, _, _ = confused_case('basic_identity')
    anchors, pools, pool = choose_confused(scene, 20, 2000)
    labels, seen = scene.labels.flatten(), scene.restyled.flatten()
    for anchor, number in zip(anchors, pool, strict=True):
        assert (labels[pools[number]] == seen[anchor]).all()
        assert (pools[number] // 576 == anchor // 576).all()
        assert len(pools[number].unique()) == 20
    assert (scene.original.flatten()[anchors] == labels[anchors]).all()
    assert (seen[anchors] != labels[anchors]).all()


def test_gradients():
    keys = unit(normal(2, 2, 4, 3), -1).double()
    start = unit(normal(1, 2, 4, 3), -1).double().requires_grad_()
    for negatives in SHIPPED:
        function = lambda q, kind=negatives: class_contrast(q, keys, 2, 0.5, kind)  # noqa: E731
        assert torch.autograd.gradcheck(function, start)
    pools = normal(3, 2, 5, 3).double().requires_grad_()
    pool = torch.tensor([0, 1, 1, 0])
    assert torch.autograd.gradcheck(
        lambda q, n: disentanglement_contrast(q[0], keys[0], n, pool, 0.5), (start, pools)
    )


def test_too_small_a_map_names_the_numbers():
    labels = torch.zeros(1, 4, 5, dtype=torch.long)
    with pytest.raises(ValueError, match=r'up to 3 x 7 = 21 pixels of an image, but a map has 20'):
        choose_by_class(pixels(labels, labels), 4, 7, 'all')


@pytest.mark.parametrize('negatives', SHIPPED)
def test_a_map_just_large_enough_for_one_class_will_do(negatives):
    labels = torch.zeros(2, 4, 5, dtype=torch.long)
    labels[1] = 255
    labels[0, 3] = 255
    chosen, _ = choose_by_class(pixels(labels, torch.zeros_like(labels)), 4, 6, negatives)
    one, none = chosen
    assert len(set(one[:6].tolist())) == 6  # of the class
    assert (one[:6] < 15).all()
    assert one.max() < 20
    assert sorted(none.bincount().tolist()) == [1] * 16 + [2] * 4


@pytest.mark.parametrize(
    ('part', 'arguments', 'message'),
    [
        (ClassContrast, dict(temperature=0.0), 'ClassContrast.temperature is 0.0'),
        (ClassContrast, dict(negatives='some'), "ClassContrast.negatives is 'some'"),
        (DisentanglementContrast, dict(patches=0), 'DisentanglementContrast.patches is 0'),
    ],
)
def test_settings_that_make_no_sense_are_refused(part, arguments, message):
    with pytest.raises(ValueError, match=message):
        part(**arguments)
