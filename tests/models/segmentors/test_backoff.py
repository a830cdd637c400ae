"""A training step that runs out of memory is taken again with less, and changes no number."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from rein.benchmarks.inputs import random_samples
from rein.models.segmentors.backoff import recompute

MODEL = {
    'type': 'FoundationSegmentor',
    'backbone': {
        'type': 'FoundationBackbone',
        'model': 'vit_tiny_patch16_224',
        'model_args': {'img_size': 64, 'embed_dim': 32, 'depth': 4, 'num_heads': 2},
        'adapter': {'type': 'ReinAdapter', 'token_length': 6, 'rank': 4},
    },
    'decode_head': {
        'type': 'PlainMask2FormerHead',
        'num_classes': 5,
        'num_queries': 6,
        'feat_channels': 16,
        'out_channels': 16,
        'pixel_decoder': {'num_layers': 1, 'num_heads': 2, 'ffn_channels': 24, 'norm_groups': 4},
        'transformer_decoder': {'num_layers': 2, 'num_heads': 2, 'ffn_channels': 24},
    },
    'test_cfg': {'mode': 'whole'},
    'data_preprocessor': {'type': 'SegDataPreProcessor', 'size': (64, 64)},
}

FCN = {'type': 'FCNHead', 'in_index': 3, 'channels': 8, 'num_classes': 5, 'num_convs': 1}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def built(head=MODEL['decode_head'], **optimizer):
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict({**MODEL, 'decode_head': head})).train()
    wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.1}, **optimizer}
    return model, build_optim_wrapper(model, wrapper)


def batch():
    torch.manual_seed(1)
    samples = random_samples(2, (64, 64), 5, torch.device('cpu'))
    return {'inputs': list(torch.randn(2, 3, 64, 64)), 'data_samples': samples}


def run_out(model, monkeypatch, times=1):
    """Let the model run out of memory in its losses, after its points are drawn."""
    loss, left = model.decode_head.loss, [times]

    def failing(*args, **kwargs):
        found = loss(*args, **kwargs)
        if left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError
        return found

    monkeypatch.setattr(model.decode_head, 'loss', failing)


def test_the_step_is_the_one_that_memory_would_have_allowed(monkeypatch):
    steps = []
    for runs_out in (False, True):
        model, optimizer = built()
        if runs_out:
            run_out(model, monkeypatch)
        torch.manual_seed(2)
        losses = model.train_step(batch(), optimizer)
        steps.append((losses, dict(model.named_parameters())))
        assert model.decode_head.pixel_decoder.encoder.with_cp == runs_out
        assert model.backbone.body.grad_checkpointing == runs_out
    (losses, weights), (again, others) = steps
    torch.testing.assert_close(losses, again)
    for name, weight in weights.items():
        torch.testing.assert_close(weight, others[name])


def test_a_step_that_fails_twice_says_what_helps(monkeypatch):
    model, optimizer = built()
    run_out(model, monkeypatch, times=9)
    with pytest.raises(MemoryError, match=r'no more of this model.*batch_size'):
        model.train_step(batch(), optimizer)


def test_gradients_of_earlier_batches_are_not_thrown_away_in_silence(monkeypatch):
    model, optimizer = built(accumulative_counts=2)
    model.train_step(batch(), optimizer)
    run_out(model, monkeypatch)
    with pytest.raises(MemoryError, match=r'with_cp=True'):
        model.train_step(batch(), optimizer)


def test_batch_norms_do_not_count_a_batch_twice(monkeypatch):
    model, optimizer = built({**FCN, 'norm_cfg': {'type': 'BN'}})
    run_out(model, monkeypatch)
    with pytest.raises(MemoryError, match=r'with_cp=True'):
        model.train_step(batch(), optimizer)


def test_a_timm_model_that_cannot_recompute_is_left_as_it_is(monkeypatch):
    model, _ = built({**FCN, 'norm_cfg': {'type': 'BN'}})

    def cannot(*, enable):
        raise AssertionError('gradient checkpointing not supported')

    monkeypatch.setattr(model.backbone.body, 'set_grad_checkpointing', cannot)
    assert not recompute(model)


def test_backbones_with_a_key_of_their_own_recompute_too():
    model = nn.Module()
    model.backbone = MODELS.build(
        {'type': 'MixTransformer', 'num_layers': (1,) * 4, 'num_heads': (1,) * 4, 'embed_dims': 8}
    )
    model.decode_head = nn.Identity()
    assert recompute(model)
    assert model.backbone.with_cp
    assert not recompute(model)
