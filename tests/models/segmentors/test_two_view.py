import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

import rein.models
from rein.models.segmentors.two_view import TwoView

PLAIN = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3, size=(32, 32), seg_pad_val=255
    ),
    backbone=dict(
        type='ResNet', depth=18, base_channels=8, norm_cfg=dict(type='BN'), out_indices=(0, 3)
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        in_index=1,
        channels=8,
        num_convs=1,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.0,
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=8,
        in_index=0,
        channels=4,
        num_convs=1,
        num_classes=5,
        norm_cfg=dict(type='BN'),
        dropout_ratio=0.0,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4),
    ),
    test_cfg=dict(mode='whole'),
)
CONTRAST = dict(
    type='PixelContrast',
    sites={'backbone[0]': 8},
    dims=4,
    terms=dict(
        cwcl=dict(type='ClassContrast', classes=2, samples=8),
        sdcl=dict(type='DisentanglementContrast', patches=2),
    ),
)
LOSSES = dict(
    match=dict(type='CovarianceMatch', sites={'backbone.layer1': 8, 'backbone[0]': 8}),
    cross=dict(type='CrossCovariance', sites={'backbone.layer1': 8}, norm='instance'),
    contrast=CONTRAST,
)
MASKS = dict(
    type='FoundationSegmentor',
    data_preprocessor=PLAIN['data_preprocessor'],
    backbone=dict(
        type='FoundationBackbone',
        model='vit_tiny_patch16_224',
        model_args=dict(img_size=32, patch_size=8, embed_dim=32, depth=4, num_heads=2),
        out_indices=[0, 1, 2, 3],
        adapter=dict(
            type='ReinAdapter',
            token_length=6,
            rank=4,
            queries=dict(type='TokenQueries', dims=16),
        ),
    ),
    decode_head=dict(
        type='PlainMask2FormerHead',
        num_classes=5,
        queries='external',
        feat_channels=16,
        out_channels=16,
        num_queries=6,
        pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=16, norm_groups=4),
        transformer_decoder=dict(num_layers=1, num_heads=2, ffn_channels=16),
        loss_args=dict(num_points=32),
    ),
    test_cfg=dict(mode='whole'),
)


def build(**settings):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = {'type': 'TwoView', 'segmentor': PLAIN, 'losses': LOSSES, **settings}
    return MODELS.build(ConfigDict(config))


def batch(count=2, seed=0):
    torch.manual_seed(seed)
    images = [torch.randint(0, 255, (3, 32, 32), dtype=torch.uint8) for _ in range(2 * count)]
    labels = [
        torch.randint(0, 5, (1, 4, 4)).repeat_interleave(8, 1).repeat_interleave(8, 2)
        for _ in range(count)
    ]
    return {
        'inputs': images[:count],
        'restyled': images[count:],
        'data_samples': [
            SegDataSample(
                gt_sem_seg=PixelData(data=label),
                metainfo=dict(img_shape=(32, 32), ori_shape=(32, 32)),
            )
            for label in labels
        ],
    }


def losses_of(model, data, seed=1):
    torch.manual_seed(seed)
    data = model.data_preprocessor(data, training=True)
    return model(**data, mode='loss')


def test_without_feature_losses_it_is_the_mean_of_the_segmentor_on_both_views():
    model = build(losses=None).train()
    found = losses_of(model, batch())
    data = model.data_preprocessor(batch(), training=True)
    alone = [model.segmentor.loss(data[v], data['data_samples']) for v in ('inputs', 'restyled')]
    mean = (alone[0]['decode.loss_ce'] + alone[1]['decode.loss_ce']) / 2
    torch.testing.assert_close(found['decode.loss_ce'], mean)
    torch.testing.assert_close(found['aux.loss_ce'], alone[0]['aux.loss_ce'])
    assert set(found) == set(alone[0])


def test_in_training_mode_batch_norms_see_each_view_by_itself_or_both_at_once():
    norms = {}
    for kind in ('SeparatePasses', 'JoinedPass'):
        model = build(losses=None, passes=dict(type=kind)).train()
        losses_of(model, batch())
        norms[kind] = model.segmentor.backbone.bn1
        auxiliary = model.segmentor.auxiliary_head.convs[0].bn
        assert auxiliary.num_batches_tracked.item() == 1
    assert norms['SeparatePasses'].num_batches_tracked.item() == 2
    assert norms['JoinedPass'].num_batches_tracked.item() == 1


def test_without_batch_statistics_both_ways_give_the_same_losses_and_gradients():
    found = {}
    for kind in ('SeparatePasses', 'JoinedPass'):
        model = build(passes=dict(type=kind)).eval().double()
        data = model.data_preprocessor(batch(), training=True)
        torch.manual_seed(1)
        views = (data[view].double() for view in ('inputs', 'restyled'))
        losses = model.loss(next(views), data['data_samples'], next(views))
        model.parse_losses(losses)[0].backward()
        found[kind] = losses, {n: p.grad for n, p in model.named_parameters()}
    for separate, joined in zip(*found.values(), strict=True):
        assert separate.keys() == joined.keys()
        for name, value in separate.items():
            torch.testing.assert_close(joined[name], value, rtol=1e-6, atol=1e-8)


def test_no_feature_loss_reaches_the_original_view_and_no_auxiliary_one_the_restyled():
    model = build().train()
    data = model.data_preprocessor(batch(), training=True)
    data['inputs'].requires_grad_()
    data['restyled'].requires_grad_()
    losses = model(**data, mode='loss')
    reached = {}
    for name, value in losses.items():
        if 'loss' in name:
            grads = torch.autograd.grad(
                value, (data['inputs'], data['restyled']), retain_graph=True, allow_unused=True
            )
            reached[name] = [g is not None and bool(g.abs().sum() > 0) for g in grads]
    assert reached == {
        'decode.loss_ce': [True, True],
        'aux.loss_ce': [True, False],
        'match.loss': [False, True],
        'cross.loss': [False, True],
        'contrast.loss_cwcl': [False, True],
        'contrast.loss_sdcl': [False, True],
    }


def test_it_predicts_what_the_segmentor_predicts():
    model = build().eval()
    images = torch.stack(batch()['inputs']).float()
    torch.testing.assert_close(model(images), model.segmentor(images))
    data = {'inputs': batch()['inputs'], 'data_samples': batch()['data_samples']}
    ours = model.test_step(data)
    data = model.data_preprocessor(data, training=False)
    theirs = model.segmentor(**data, mode='predict')
    torch.testing.assert_close(ours[0].seg_logits.data, theirs[0].seg_logits.data)


def test_labels_are_padded_once_with_both_views():
    model = build()
    data = batch()
    data['inputs'] = [image[:, :24] for image in data['inputs']]
    data['restyled'] = [image[:, :24] for image in data['restyled']]
    for sample in data['data_samples']:
        sample.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data[:, :24])
    out = model.data_preprocessor(data, training=True)
    assert out['inputs'].shape == out['restyled'].shape == (2, 3, 32, 32)
    labels = out['data_samples'][0].gt_sem_seg.data
    assert labels.shape == (1, 32, 32)
    assert (labels[:, 24:] == 255).all()
    assert (labels[:, :24] < 5).all()
    assert out['restyled'][0, :, :24].sum() == data['restyled'][0].sum()


@pytest.mark.parametrize('kind', ['SeparatePasses', 'JoinedPass'])
def test_a_mask_head_on_a_frozen_body_takes_the_same_losses(kind):
    losses = dict(
        match=dict(type='CovarianceMatch', sites={'backbone[0]': 32}, norm='instance'),
        contrast={**CONTRAST, 'sites': {'backbone[1]': 32}, 'terms': CONTRAST['terms']},
    )
    losses['contrast']['terms'] = dict(cwcl=dict(type='ClassContrast', classes=2, samples=4))
    model = build(segmentor=MASKS, losses=losses, passes=dict(type=kind)).train()
    found = losses_of(model, batch())
    assert {'decode.loss_cls', 'match.loss', 'contrast.loss_cwcl'} <= set(found)
    model.parse_losses({k: v for k, v in found.items() if k.startswith(('match', 'con'))})[
        0
    ].backward()
    adapter = model.segmentor.backbone.adapter
    assert adapter.scale.grad is not None
    body = model.segmentor.backbone.body
    assert not any(part.requires_grad for part in body.parameters())


def test_a_loss_on_one_view_runs_on_two_and_a_loss_on_two_not_on_one():
    with pytest.raises(ValueError, match=r'losses.match \(CovarianceMatch\) compares two views'):
        build(type='OneView')


def test_one_view_trains_as_the_segmentor_does_plus_nothing():
    model = build(type='OneView', losses=None).train()
    found = losses_of(model, batch())
    data = model.data_preprocessor(batch(), training=True)
    alone = model.segmentor.loss(data['inputs'], data['data_samples'])
    for name, value in alone.items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (
            dict(losses=dict(match=dict(type='CovarianceMatch', sites={'backbone.lyer1': 8}))),
            "site 'backbone.lyer1' is no module of EncoderDecoder; near it",
        ),
        (
            dict(losses=dict(match=dict(type='CovarianceMatch'))),
            'losses.match .* has no sites, and the backbone ResNet declares none',
        ),
        (dict(segmentor=PLAIN['backbone']), 'TwoView.segmentor is a ResNet; use an EncoderDecoder'),
    ],
)
def test_what_does_not_fit_is_named_at_construction(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_samples_of_one_view_name_the_transform_to_add():
    model = build()
    data = batch()
    del data['restyled']
    with pytest.raises(ValueError, match="put dict\\(type='TwoViews'"):
        losses_of(model, data)


def test_the_wrapped_segmentor_keeps_its_keys_behind_one_word():
    model = build()
    inner = {f'segmentor.{key}' for key in model.segmentor.state_dict()}
    own = {key for key in model.state_dict() if not key.startswith('losses.')}
    assert own == inner
    assert isinstance(model, TwoView)
    assert rein.models
