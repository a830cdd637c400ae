"""The baseline arrangement computes what the model computes."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from rein.benchmarks.baseline import baseline_arrangement
from rein.benchmarks.inputs import random_samples

SMALL = {
    'type': 'FoundationSegmentor',
    'backbone': {
        'type': 'FoundationBackbone',
        'model': 'vit_tiny_patch16_224',
        'model_args': {'img_size': 64, 'embed_dim': 32, 'depth': 4, 'num_heads': 2},
        'out_indices': [0, 1, 2, 3],
        'pyramid': {'scales': (1, 1, 1, 1)},
        'adapter': {
            'type': 'ReinAdapter',
            'token_length': 9,
            'rank': 4,
            'scale': 0.3,
            'queries': {'type': 'TokenQueries', 'dims': 16},
        },
    },
    'decode_head': {
        'type': 'PlainMask2FormerHead',
        'num_classes': 5,
        'num_queries': 9,
        'queries': 'external',
        'feat_channels': 16,
        'out_channels': 16,
        'pixel_decoder': {
            'num_layers': 2,
            'num_heads': 2,
            'ffn_channels': 24,
            'norm_groups': 4,
            'scales': (4, 2, 1, 0.5),
        },
        'transformer_decoder': {'num_layers': 4, 'num_heads': 2, 'ffn_channels': 24},
        'loss_args': {'num_points': 4096},
    },
    'train_cfg': {},
    'test_cfg': {'mode': 'slide', 'crop_size': (64, 64), 'stride': (43, 43), 'window_batch': 3},
}


def built(**head):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    config = ConfigDict(SMALL)
    config.decode_head.update(head)
    model = MODELS.build(config).eval()
    for layer in model.decode_head.pixel_decoder.encoder.layers:
        torch.nn.init.normal_(layer.self_attn.sampling_offsets.weight, std=0.1)
    return model


def test_an_image_has_the_same_scores_in_both_arrangements():
    model, image = built(), torch.randn(1, 3, 96, 150)
    metas = [{'img_shape': (96, 150), 'ori_shape': (96, 150)}]
    with torch.no_grad():
        found = model.inference(image, metas)
        with baseline_arrangement(model):
            expected = model.inference(image, metas)
        again = model.inference(image, metas)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert torch.equal(found, again)  # nothing of the arrangement stayed


def test_training_has_the_same_predictions_losses_and_gradients_in_both_arrangements():
    model, images = built(), torch.randn(2, 3, 64, 64)
    samples = random_samples(2, (64, 64), 5, torch.device('cpu'))

    def step():
        torch.manual_seed(1)
        losses = model._decode_head_forward_train(model.extract_feat(images), samples)
        model.zero_grad()
        sum(losses.values()).backward()
        return losses, {n: p.grad for n, p in model.named_parameters() if p.grad is not None}

    losses, gradients = step()
    with baseline_arrangement(model):
        expected, wanted = step()
    assert losses.keys() == expected.keys()
    assert gradients.keys() == wanted.keys()
    for name, value in losses.items():  # points are drawn in another order
        torch.testing.assert_close(value, expected[name], rtol=0.05, atol=0.02)
    flat = torch.cat([each.flatten() for each in gradients.values()])
    other = torch.cat([wanted[name].flatten() for name in gradients])
    assert torch.cosine_similarity(flat, other, dim=0) > 0.98


def test_another_head_than_that_of_the_published_arrangement_is_refused():
    model = built(pooling={'type': 'MaskPooling'})
    refused = pytest.raises(ValueError, match='PlainMask2FormerHead without pooling')
    with refused, baseline_arrangement(model):
        pass
