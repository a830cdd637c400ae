"""The whole Rein network against numbers recorded from the authors' code."""

from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

import rein  # noqa: F401  registers the parts
from rein.models.backbones.rein_release import from_release

FILE = Path(__file__).parents[1] / 'reference' / 'rein_reference_tiny.pt'
TOLERANCE = {'rtol': 1e-4, 'atol': 1e-4}


@pytest.fixture(scope='module')
def recorded() -> dict:
    return torch.load(FILE, weights_only=True)


@pytest.fixture(scope='module')
def model(recorded, tmp_path_factory) -> torch.nn.Module:
    dims = recorded['dims']
    body = tmp_path_factory.mktemp('weights') / 'body.pth'
    torch.save(recorded['backbone'], body)
    config = ConfigDict(
        type='FoundationSegmentor',
        backbone={
            'type': 'FoundationBackbone',
            'model': 'vit_small_patch14_dinov2.lvd142m',
            'model_args': {
                'img_size': 64,
                'patch_size': 16,
                'embed_dim': dims['C'],
                'depth': dims['L'],
                'num_heads': dims['H'],
            },
            'out_indices': [0, 1, 2, 3],
            'weights': {'source': str(body), 'resample': 'bicubic'},
            'adapter': {
                'type': 'ReinAdapter',
                'token_length': dims['M'],
                'rank': dims['R'],
                'queries': {'type': 'TokenQueries', 'dims': dims['FC']},
            },
        },
        decode_head={
            'type': 'PlainMask2FormerHead',
            'num_classes': 19,
            'queries': 'external',
            'num_queries': dims['Q'],
            'feat_channels': dims['FC'],
            'out_channels': dims['FC'],
            'pixel_decoder': {
                'num_layers': dims['enc_layers'],
                'num_heads': dims['heads'],
                'ffn_channels': dims['ffn'],
                'norm_groups': dims['gn'],
            },
            'transformer_decoder': {
                'num_layers': dims['dec_layers'],
                'num_heads': dims['heads'],
                'ffn_channels': dims['ffn'],
            },
        },
        test_cfg={'mode': 'slide', 'crop_size': (64, 64), 'stride': (43, 43), 'window_batch': 3},
    )
    built = MODELS.build(config).eval()
    missing, unexpected = built.load_state_dict(
        from_release(recorded['rein_and_head']), strict=False
    )
    assert unexpected == []
    assert set(missing) == {f'backbone.{key}' for key in built.backbone.frozen_state_keys()}
    return built


def test_backbone_maps_are_those_of_the_authors(model, recorded):
    with torch.no_grad():
        maps = model.backbone(recorded['img'])
    for ours, theirs in zip(maps, recorded['feats'], strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


def test_queries_are_those_of_the_authors(model, recorded):
    torch.testing.assert_close(model.backbone.queries(), recorded['query'], **TOLERANCE)


def test_prediction_is_that_of_the_authors(model, recorded):
    metas = [{'ori_shape': (64, 64), 'img_shape': (64, 64)}] * 2
    with torch.no_grad():
        scores = model.encode_decode(recorded['img'], metas)
    torch.testing.assert_close(scores[..., ::4, ::4], recorded['logits_every_4'], **TOLERANCE)


def test_sliding_windows_give_the_result_of_the_authors(model, recorded):
    metas = [{'ori_shape': (96, 150), 'img_shape': (96, 150)}]
    with torch.no_grad():
        scores = model.inference(recorded['big'], metas)
    assert scores.shape == (1, 19, 96, 150)
    torch.testing.assert_close(scores[..., ::5, ::5], recorded['slide_every_5'], **TOLERANCE)


def test_whole_recording_agrees_pixel_by_pixel(model):
    path = FILE.parents[2] / '..' / 'shared' / 'fixtures' / FILE.name
    if not path.exists():
        pytest.skip('needs ../shared/fixtures, which is not part of the repository')
    full = torch.load(path, weights_only=True)
    metas = [{'ori_shape': (96, 150), 'img_shape': (96, 150)}]
    with torch.no_grad():
        scores = model.inference(full['big'], metas)
    torch.testing.assert_close(scores, full['slide'], **TOLERANCE)


def test_error_in_the_dropped_token_would_show(model, recorded):
    # The tolerance must be tight enough to tell the published formula from its neighbours.
    adapter = model.backbone.adapter
    with torch.no_grad():
        scale = adapter.scale.clone()
        adapter.scale.mul_(1.001)
        maps = model.backbone(recorded['img'])
        adapter.scale.copy_(scale)
    assert (maps[-1] - recorded['feats'][-1]).abs().max() > 10 * TOLERANCE['atol']
