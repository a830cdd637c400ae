"""Masks of blocks against MIC's code, and the loss on masked images by hand."""

import json

import pytest
import torch
from mmengine.registry import init_default_scope
from recipes import REFERENCE
from test_self_training import MIX, Seen, assert_alike, batch, built
from test_two_view import MASKS

from rein.models.segmentors import BlockMask, MaskedConsistency
from rein.models.segmentors.student_passes import pixel_weights

CASES = json.loads((REFERENCE / 'uda.json').read_text())['mic_mask']['cases']
MASKING = dict(type='MaskedConsistency', mask=dict(type='BlockMask', block=8, ratio=0.5))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


@pytest.mark.parametrize('case', CASES, ids=lambda case: f'{case["H"]}x{case["W"]}')
def test_masks_are_the_recorded_ones(case):
    torch.manual_seed(case['torch_seed'])
    images = torch.ones(case['B'], 3, case['H'], case['W'])
    found = BlockMask(case['block'], case['ratio'])(images)
    expected = torch.tensor(case['mask'], dtype=torch.float32)
    for channel in range(3):
        assert torch.equal(found[:, channel], expected)


def test_a_block_that_is_taken_away_has_the_mean_colour_and_the_others_stay():
    torch.manual_seed(0)
    images = torch.randn(4, 3, 32, 32)
    mask = BlockMask(8, 0.7)
    torch.manual_seed(1)
    stays = mask.draw(images)
    torch.manual_seed(1)
    found = mask(images)
    assert torch.equal(found, torch.where(stays.bool(), images, 0.0))
    assert set(stays.unique().tolist()) == {0.0, 1.0}


def test_about_the_ratio_of_blocks_is_taken_away_in_every_image_anew():
    torch.manual_seed(0)
    stays = BlockMask(4, 0.7).draw(torch.zeros(20, 3, 64, 64))
    assert float(stays.mean()) == pytest.approx(0.3, abs=0.02)
    assert not torch.equal(stays[0], stays[1])


def test_an_image_smaller_than_half_a_block_is_one_block():
    assert BlockMask(64, 0.0).draw(torch.zeros(1, 3, 8, 8)).min() == 1
    assert BlockMask(64, 1.0).draw(torch.zeros(1, 3, 8, 8)).max() == 0


@pytest.mark.parametrize('change', [dict(block=0), dict(ratio=1.5)])
def test_masks_that_mean_nothing_are_refused(change):
    with pytest.raises(ValueError, match=f'{next(iter(change))}='):
        BlockMask(**change)


def masked(**settings):
    return dict(MASKING, **settings)


def test_the_student_learns_the_teachers_labels_from_masked_unmixed_images(monkeypatch):
    model = built(masking=MASKING, **MIX)
    seen = Seen(model.student, monkeypatch)
    images, samples, restyled = batch('lluu')
    torch.manual_seed(3)
    losses = model.loss(images, samples, restyled)
    pseudo = model.pseudo_labels(images[2:], samples[2:])
    given, labelled = seen.student[-1]
    assert torch.equal(torch.where(given != 0, given, images[2:]), images[2:])
    assert 0.2 < float((given == 0).float().mean()) < 0.8
    assert torch.equal(labelled[0].gt_sem_seg.data[0], pseudo.labels[0])
    with pixel_weights(model.student, pseudo.weights):
        wanted = model.student.loss(given, labelled)
    assert_alike(
        {k: v for k, v in losses.items() if k.startswith('masked.')},
        {f'masked.{k}': v for k, v in wanted.items()},
    )


def test_mixing_leaves_the_masked_images_their_own_labels_and_weights(monkeypatch):
    model = built(masking=masked(mask=dict(type='BlockMask', block=8, ratio=0.0)), **MIX)
    seen = Seen(model.student, monkeypatch)
    images, samples, restyled = batch('lluu')
    model.loss(images, samples, restyled)
    given, labelled = seen.student[-1]
    assert torch.equal(given, images[2:])
    assert torch.equal(labelled[0].gt_sem_seg.data[0, :4], torch.full((4, 32), 255))


def test_the_weight_scales_losses_and_nothing_else():
    images, samples, restyled = batch('lluu')
    found = []
    for weight in (1.0, 3.0):
        torch.manual_seed(0)
        model = built(masking=masked(weight=weight), passes=dict(type='SourceThenTarget'))
        torch.manual_seed(4)
        found.append(model.loss(images, samples, restyled))
    for name, value in found[1].items():
        factor = 3.0 if name.startswith('masked.') and 'loss' in name else 1.0
        torch.testing.assert_close(value, factor * found[0][name])


def test_half_of_each_domain_is_masked_when_both_are(monkeypatch):
    model = built(masking=masked(domains=('source', 'target')), **MIX)
    seen = Seen(model.student, monkeypatch)
    images, samples, restyled = batch('lluuu')
    model.loss(images, samples, restyled)
    given, labelled = seen.student[-1]
    kept = images[[0, 2, 3]]
    assert torch.equal(torch.where(given != 0, given, kept), kept)
    assert torch.equal(labelled[0].gt_sem_seg.data, samples[0].gt_sem_seg.data)
    assert len(labelled) == 3


def test_a_mask_head_learns_from_masked_images_by_their_mean_weight():
    labelling = [dict(type='ConfidentShare', threshold=0.01)]
    settings = dict(labelling=labelling, passes=dict(type='SourceThenTarget'))
    model = built(MASKS, masking=MASKING, **settings)
    losses = model.loss(*batch('lu')[:2])
    assert any(name.startswith('masked.') for name in losses)
    total = sum(v for k, v in losses.items() if 'masked' in k and 'loss' in k)
    total.backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_colours_are_changed_before_the_mask(monkeypatch):
    augment = dict(type='JitterAndBlur', jitter=1.0, blur=0.0)
    mask = dict(type='BlockMask', block=8, ratio=0.0)
    model = built(masking=masked(augment=augment, mask=mask), passes=dict(type='SourceThenTarget'))
    seen = Seen(model.student, monkeypatch)
    images, samples, _ = batch('lluu')
    model.loss(images, samples)
    assert not torch.allclose(seen.student[-1][0], images[2:])


@pytest.mark.parametrize(
    'change',
    [
        dict(domains=('sauce',)),
        dict(domains=()),
        dict(domains=('target', 'target')),
        dict(weight=-1),
    ],
)
def test_settings_that_mean_nothing_are_refused(change):
    with pytest.raises(ValueError, match=f'MaskedConsistency.{next(iter(change))} is'):
        MaskedConsistency(dict(type='BlockMask'), **change)


def test_a_batch_without_images_of_the_domain_has_no_masked_loss():
    model = built(masking=masked(domains=('source',)), passes=dict(type='SourceThenTarget'))
    losses = model.loss(*batch('uu')[:2])
    assert not any(name.startswith('masked.') for name in losses)
