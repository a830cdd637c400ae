"""HRDA: boxes against the authors' code, windows by hand, and other parts around it."""

import copy
import json

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from networks import HRDA, HRDA_HEAD
from recipes import REFERENCE
from test_self_training import MIX, batch
from torch.nn import functional as F

from rein.models.segmentors.taps import Taps
from rein.models.segmentors.windows import window_boxes

BOXES = json.loads((REFERENCE / 'uda.json').read_text())['hrda_boxes']


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def built(**settings):
    torch.manual_seed(0)
    return MODELS.build(ConfigDict({**copy.deepcopy(HRDA), **settings}))


@pytest.mark.parametrize('case', BOXES['random_boxes'], ids=lambda case: str(case['img']))
def test_random_parts_are_the_recorded_ones(case):
    model = built(detail_size=case['crop'])
    np.random.seed(case['np_seed'])
    for top, bottom, left, right in case['boxes']:
        assert model.random_box(case['img']) == (top, left, bottom, right)


def test_the_far_edge_is_reached_on_request_only():
    for far, wanted in ((False, 24), (True, 32)):
        model = built(far_edge=far)
        np.random.seed(0)
        tops = {model.random_box((64, 64))[0] for _ in range(200)}
        assert tops == set(range(0, wanted + 1, 8))


def test_parts_go_by_the_stride_of_the_head():
    head = dict(type='HRDAHead', head=HRDA_HEAD, scale_attention=0.5, output_stride=8)
    model = built(decode_head=head)
    assert {model.random_box((64, 64))[0] % 16 for _ in range(50)} == {0}


@pytest.mark.parametrize(
    'name', ['pl_1024_crop512_overlap', 'pl_1024_crop512_nooverlap', 'odd_1000x700']
)
def test_windows_of_the_detail_are_the_recorded_ones(name):
    height, width, crop, overlap = BOXES[name]['args']
    stride = [side // (2 if overlap else 1) for side in crop]
    found = window_boxes((height, width), crop, stride)
    assert [[top, bottom, left, right] for top, left, bottom, right in found] == BOXES[name][
        'boxes'
    ]


def test_a_prediction_joins_the_context_with_the_mean_of_the_windows():
    model = built().eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found = model.encode_decode(images, [{}] * 2)
        detail, count = torch.zeros(2, 5, 16, 16), torch.zeros(16, 16)
        for top in (0, 16, 32):
            for left in (0, 16, 32):
                crop = images[..., top : top + 32, left : left + 32]
                place = (slice(top // 4, top // 4 + 8), slice(left // 4, left // 4 + 8))
                detail[:, :, *place] += model.decode_head.head(model.backbone(crop))
                count[place] += 1
        small = F.interpolate(images, scale_factor=0.5, mode='bilinear')
        context = model.backbone(small)
        share = model.decode_head.scale_attention(context).sigmoid()
        scores = model.decode_head.head(context)
        wanted = F.interpolate(share, (16, 16), mode='bilinear') * detail / count + F.interpolate(
            (1 - share) * scores, (16, 16), mode='bilinear'
        )
    assert found.shape == (2, 5, 64, 64)
    torch.testing.assert_close(found, F.interpolate(wanted, (64, 64), mode='bilinear'))


@pytest.mark.parametrize('size', [(64, 96), (50, 71), (32, 32), (24, 40)])
def test_windows_of_the_detail_may_come_a_few_at_a_time_in_any_size(size):
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        whole = built().eval().encode_decode(images, [{}] * 2)
        few = built(detail_batch=3).eval().encode_decode(images, [{}] * 2)
        alone = built(overlap=False).eval().encode_decode(images, [{}] * 2)
    assert whole.shape == few.shape == alone.shape == (2, 5, *size)
    torch.testing.assert_close(whole, few)


def test_a_step_sees_one_part_of_all_images_and_trains_everything():
    model = built().train()
    images, samples, _ = batch('lll', size=64)
    losses = model.loss(images, samples)
    assert {'decode.loss_ce', 'decode.detail.loss_ce'} < set(losses)
    total, _ = model.parse_losses(losses)
    total.backward()
    # A bias behind which batch statistics are taken off has no gradient.
    assert all(p.grad is not None for p in model.parameters())
    assert all(
        p.grad.abs().sum() > 0
        for p in model.decode_head.scale_attention.parameters()
        if p.dim() > 1
    )


@pytest.mark.parametrize('statistics', ['running', 'batch'])
def test_self_training_with_mixing_weights_and_masks_works_on_both_resolutions(statistics):
    masking = dict(type='MaskedConsistency', mask=dict(type='BlockMask', block=8))
    config = dict(
        type='SelfTraining',
        segmentor=copy.deepcopy(HRDA),
        masking=masking,
        teacher_statistics=statistics,
        **MIX,
    )
    model = MODELS.build(ConfigDict(config)).train()
    model.begin_teaching(anew=True)
    images, samples, _ = batch('luluu', size=64)
    losses = model.loss(images, samples)
    for kind in ('source', 'target', 'masked'):
        assert {f'{kind}.decode.loss_ce', f'{kind}.decode.detail.loss_ce'} < set(losses)
    model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.student.parameters())


def test_of_two_passes_that_of_the_context_is_tapped():
    model = built()
    with Taps(model, ['backbone[1]']) as maps:
        found = model.extract_feat(torch.randn(1, 3, 64, 64))
    assert maps['backbone[1]'] is found.context[1]
    assert found.detail[1] is not found.context[1]


def test_batch_norms_see_the_context_before_the_detail():
    model = built().train()
    seen = []
    model.decode_head.head.register_forward_hook(lambda _, args, scores: seen.append(args[0]))
    images, samples, _ = batch('l', size=64)
    maps = model.extract_feat(images)
    model.decode_head.loss(maps, samples, {})
    assert seen[0] is maps.context
    assert seen[1] is maps.detail


def test_a_loss_on_features_sees_the_context():
    site = {'backbone[1]': 16}
    loss = dict(type='ThingFeatureDistance', reference=HRDA['backbone'], sites=site,
                num_classes=5, classes=range(5), image_scale=0.5, least=0.1)  # fmt: skip
    model = MODELS.build(
        ConfigDict(dict(type='OneView', segmentor=copy.deepcopy(HRDA), losses=dict(fd=loss)))
    )
    images, samples, _ = batch('ll', size=64)
    found = []
    reference = model.losses['fd'].reference
    reference.register_forward_hook(lambda _, args, maps: found.append((args[0].shape, maps[1])))
    losses = model.loss(images, samples)
    ((size, wanted),) = found
    assert size[-2:] == (32, 32)
    assert wanted.shape[-2:] == (4, 4)
    assert losses['fd.loss'] > 0


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(decode_head=HRDA_HEAD), "use dict\\(type='HRDAHead'"),
        (dict(auxiliary_head=HRDA_HEAD), 'takes no auxiliary_head'),
        (dict(detail_size=(32, 30)), 'use multiples of 8'),
        (dict(detail_batch=0), 'detail_batch is 0'),
    ],
)
def test_settings_that_mean_nothing_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        built(**change)
