"""HRDA's head against the authors' code, its joining of two resolutions by hand."""

import json

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from recipes import REFERENCE
from test_daformer import recorded_maps, recorded_weights

from rein.models.heads.hrda import TwoResolutions, fused_scores, scaled_box

RECORDED = json.loads((REFERENCE / 'uda.json').read_text())
HEAD = dict(type='DAFormerHead', num_classes=19)
TINY = dict(
    type='DAFormerHead',
    in_channels=[4],
    channels=8,
    num_classes=3,
    dilations=None,
    norm_cfg=None,
    dropout_ratio=0.0,
)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def built(**settings):
    attention = {**HEAD, 'dilations': None}
    config = dict(type='HRDAHead', head=HEAD, scale_attention=attention) | settings
    return MODELS.build(ConfigDict(config))


def test_the_head_has_the_parts_and_parameters_of_the_authors():
    recorded = RECORDED['hrda_head']
    head = built()
    assert sum(p.numel() for p in head.parameters()) == recorded['n_params']
    assert [name for name, _ in head.named_children()] == recorded['top_level']


def test_the_head_gives_the_recorded_scores():
    recorded = RECORDED['hrda_head']
    head = recorded_weights(built())
    detail = [each / 0.5 * 0.3 for each in recorded_maps()]
    top, bottom, left, right = recorded['hr_crop_box']
    scores = head.head(detail)
    joined = head(recorded_maps(), scores, (top, left, bottom, right))
    assert list(joined.shape) == recorded['fused_shape']
    assert float(joined.sum()) == pytest.approx(recorded['fused_sum'], rel=1e-5)
    assert float(joined.abs().sum()) == pytest.approx(recorded['fused_abs_sum'], rel=1e-5)
    row = joined[0, 0, 5, : len(recorded['fused_c0_row5'])]
    torch.testing.assert_close(row.tolist(), recorded['fused_c0_row5'], atol=2e-6, rtol=0)
    assert float(scores.abs().sum()) == pytest.approx(recorded['hr_abs_sum'], rel=1e-5)


@pytest.mark.parametrize('case', RECORDED['hrda_boxes']['scale_box'], ids=str)
def test_boxes_are_cut_to_whole_cells(case):
    assert list(scaled_box(tuple(case['box']), case['scale'])) == case['out']


def test_outside_of_the_box_the_context_speaks_alone_and_inside_the_attention_shares():
    context, detail = torch.full((1, 2, 4, 4), 1.0), torch.full((1, 2, 4, 4), 5.0)
    joined = fused_scores(context, detail, torch.full((1, 1, 4, 4), 0.25), (0, 0, 8, 8), 2, 0.5)
    assert joined.shape == (1, 2, 8, 8)
    torch.testing.assert_close(joined[..., 0, 0], torch.full((1, 2), 0.25 * 5 + 0.75))
    torch.testing.assert_close(joined[..., 6:, 6:], torch.ones(1, 2, 2, 2))


def test_without_a_box_the_detail_covers_all():
    context, detail = torch.randn(1, 2, 3, 3), torch.randn(1, 2, 6, 6)
    for share, wanted in ((1.0, detail), (0.0, None)):
        joined = fused_scores(context, detail, torch.full((1, 1, 3, 3), share), None, 2, 0.5)
        if wanted is None:
            wanted = torch.nn.functional.interpolate(context, (6, 6), mode='bilinear')
        torch.testing.assert_close(joined, wanted)


def test_every_class_has_an_attention_of_its_own_or_all_have_one():
    for classes in (1, 3):
        head = built(head=TINY, scale_attention={**TINY, 'num_classes': classes}, output_stride=1)
        joined = head([torch.randn(1, 4, 4, 4)], torch.randn(1, 3, 8, 8))
        assert joined.shape == (1, 3, 8, 8)


def lesson(seed=0):
    torch.manual_seed(seed)
    maps = TwoResolutions(
        [torch.randn(2, 4, 8, 8)], [torch.randn(2, 4, 8, 8)], (4, 8, 12, 16), (16, 16)
    )
    labels = torch.randint(0, 3, (2, 1, 16, 16))
    return maps, [SegDataSample(gt_sem_seg=PixelData(data=each)) for each in labels]


def tiny(**settings):
    torch.manual_seed(1)
    return built(head=TINY, scale_attention=TINY, output_stride=1, **settings)


def test_the_losses_are_those_of_both_resolutions_by_their_weights():
    maps, samples = lesson()
    head = tiny()
    losses = head.loss(maps, samples, {})
    detail = head.head(maps.detail)
    joined = head(maps.context, detail, maps.box)
    labels = torch.stack([each.gt_sem_seg.data[0] for each in samples])
    entropy = torch.nn.functional.cross_entropy
    torch.testing.assert_close(losses['loss_ce'], 0.9 * entropy(joined, labels))
    part = labels[:, 4:12, 8:16]
    torch.testing.assert_close(losses['detail.loss_ce'], 0.1 * entropy(detail, part))
    assert set(losses) == {'loss_ce', 'acc_seg', 'detail.loss_ce', 'detail.acc_seg'}


def test_weights_of_pixels_are_cropped_with_the_labels():
    from rein.models.segmentors.student_passes import _Weights

    maps, samples = lesson()
    head = tiny()
    weights = torch.ones(2, 16, 16)
    weights[:, 4:12, 8:16] = 0
    head.sampler = _Weights(weights, None)
    losses = head.loss(maps, samples, {})
    assert losses['detail.loss_ce'] == 0 < losses['loss_ce']
    assert head.sampler.weights is weights


def test_a_loss_on_the_context_is_added_when_it_has_a_weight():
    maps, samples = lesson()
    losses = tiny(context_weight=0.2).loss(maps, samples, {})
    plain = tiny().loss(maps, samples, {})
    torch.testing.assert_close(losses['loss_ce'] / 0.7, plain['loss_ce'] / 0.9)
    assert losses['context.loss_ce'] > 0


def test_gradients_reach_the_attention_and_both_resolutions():
    maps, samples = lesson()
    for each in (*maps.context, *maps.detail):
        each.requires_grad_()
    head = tiny()
    head.loss(maps, samples, {})['loss_ce'].backward()
    assert all(p.grad.abs().sum() > 0 for p in head.parameters())
    assert all(each.grad.abs().sum() > 0 for each in (*maps.context, *maps.detail))


def test_scores_of_another_stride_are_refused():
    with pytest.raises(ValueError, match=r'set HRDAHead\.output_stride'):
        fused_scores(
            torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 2, 2), torch.zeros(1, 1, 4, 4),
            (0, 0, 8, 8), 2, 0.5,
        )  # fmt: skip


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(detail_weight=1.1), 'detail_weight=1.1'),
        (dict(context_weight=-1), 'context_weight=-1'),
        (dict(context_scale=1.0), 'context_scale=1.0'),
        (dict(output_stride=0), 'output_stride=0'),
        (dict(scale_attention=2.0), 'scale_attention is 2.0'),
        (dict(scale_attention={**HEAD, 'num_classes': 2}), 'scale_attention has 2 classes'),
        (
            dict(head=dict(type='PlainMask2FormerHead', in_channels=[4] * 4, num_classes=3)),
            'predicts',
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        built(**change)


def test_maps_of_a_step_are_predicted_in_the_size_of_their_images():
    maps, _ = lesson()
    head = tiny()
    found = head.predict(maps, [{}] * 2, {})
    assert found.shape == (2, 3, 16, 16)
    joined = head(maps.context, head.head(maps.detail), maps.box)
    torch.testing.assert_close(found, joined)
