from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from torch import nn

from rein.optim import TrainableOptimConstructor


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.body.requires_grad_(False)
        self.adapter = nn.Module()
        self.adapter.scale = nn.Parameter(torch.tensor(0.001))
        self.adapter.tokens_a = nn.Parameter(torch.zeros(2, 3))
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 2)
        self.head_again = self.head  # shared: one parameter under two names
        self.stages = nn.ModuleList([nn.Module()])
        self.stages[0].scale = nn.Parameter(torch.tensor(0.001))


def build(model, **paramwise):
    config = {
        'type': 'OptimWrapper',
        'optimizer': {'type': 'AdamW', 'lr': 1e-4, 'weight_decay': 0.05},
    }
    return TrainableOptimConstructor(config, paramwise)(model).optimizer


def settings_of(optimizer, param):
    for group in optimizer.param_groups:
        if any(param is other for other in group['params']):
            return group['lr'], group['weight_decay']
    return None


def test_frozen_parameters_are_left_out_and_equal_settings_share_a_group():
    model = Model()
    optimizer = build(
        model,
        custom_keys={'tokens': {'decay_mult': 0.0}, 'adapter.scale': {'decay_mult': 0.0}},
        norm_decay_mult=0.0,
    )
    assert len(optimizer.param_groups) == 2
    assert settings_of(optimizer, model.body.weight) is None
    for param in (model.adapter.scale, model.adapter.tokens_a, model.norm.weight, model.norm.bias):
        assert settings_of(optimizer, param) == (1e-4, 0.0)
    # biases decay, and so does a scale under a name that the key is no part of (the CNN case)
    for param in (model.head.weight, model.head.bias, model.stages[0].scale):
        assert settings_of(optimizer, param) == (1e-4, 0.05)
    assert sum(len(group['params']) for group in optimizer.param_groups) == 7


def test_the_longest_matching_key_decides():
    model = Model()
    keys = {'head': {'lr_mult': 0.1}, 'head.bias': {'lr_mult': 2.0, 'decay_mult': 0.0}}
    optimizer = build(model, custom_keys=keys)
    assert settings_of(optimizer, model.head.weight) == (pytest.approx(1e-5), 0.05)
    assert settings_of(optimizer, model.head.bias) == (pytest.approx(2e-4), 0.0)
    assert settings_of(optimizer, model.norm.weight) == (1e-4, 0.05)


def test_merged_groups_step_like_one_group_for_each_tensor():
    rules = {'custom_keys': {'tokens': {'decay_mult': 0.0}, 'head': {'lr_mult': 0.1}}}
    models = [Model(), Model()]
    models[1].load_state_dict(models[0].state_dict())
    merged = build(models[0], **rules)
    single = torch.optim.AdamW(
        [
            {
                'params': [p],
                'lr': settings_of(merged, q)[0],
                'weight_decay': settings_of(merged, q)[1],
            }
            for p, q in zip(models[1].parameters(), models[0].parameters(), strict=True)
            if p.requires_grad
        ]
    )
    for model, optimizer in zip(models, (merged, single), strict=True):
        for _ in range(3):
            sum((p**2).sum() + p.sum() for p in model.parameters() if p.requires_grad).backward()
            optimizer.step()
            optimizer.zero_grad()
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_a_model_in_which_nothing_trains_is_refused():
    with pytest.raises(ValueError, match='nothing in the model trains'):
        build(nn.Linear(2, 2).requires_grad_(False))


def published_network(**backbone):
    """Rein and head with the published numbers of layers, but narrow; and its optimizer."""
    bases = Path(__file__).resolve().parents[1] / 'configs/_base_'
    model = Config.fromfile(bases / 'models/rein_mask2former.py').model
    model.backbone.update(backbone)
    model.backbone.adapter.queries.dims = 32
    model.decode_head.update(num_classes=19, feat_channels=32, out_channels=32)
    with DefaultScope.overwrite_default_scope('mmseg'):  # as a Runner does
        network = MODELS.build(model)
    schedule = Config.fromfile(bases / 'schedules/poly_40k.py').optim_wrapper
    paramwise = schedule.pop('paramwise_cfg')
    schedule.pop('constructor')
    return network, TrainableOptimConstructor(schedule, paramwise)(network).optimizer


def test_the_published_groups_are_94_tensors_without_decay_and_209_with():
    vit = dict(img_size=64, embed_dim=32, depth=4, num_heads=2)
    network, optimizer = published_network(model='vit_tiny_patch16_224', model_args=vit)
    counts = {group['weight_decay']: len(group['params']) for group in optimizer.param_groups}
    assert counts == {0.0: 94, 0.05: 209}
    assert settings_of(optimizer, network.backbone.adapter.scale) == (1e-4, 0.0)
    assert settings_of(optimizer, network.backbone.adapter.tokens_b) == (1e-4, 0.0)
    assert settings_of(optimizer, network.decode_head.level_embed.weight) == (1e-4, 0.0)
    assert settings_of(optimizer, network.decode_head.querys2feat.weight) == (1e-4, 0.05)


def test_the_scales_on_a_cnn_decay_as_in_the_reference():
    network, optimizer = published_network(model='test_convnext')
    for stage in network.backbone.adapter:
        assert settings_of(optimizer, stage.scale) == (1e-4, 0.05)
        assert settings_of(optimizer, stage.tokens_a) == (1e-4, 0.0)
