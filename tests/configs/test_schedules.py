import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from recipes import REFERENCE
from torch import nn

from rein.models.backbones import MixTransformer
from rein.models.heads import DAFormerHead

SCHEDULES = Path(__file__).resolve().parents[2] / 'configs/_base_/schedules'


def rates(name, at):
    """Learning rate of the iterations ``at``, in a run of 40,000."""
    config = Config.fromfile(SCHEDULES / name)
    weights = [nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.AdamW(weights, lr=config.optim_wrapper.optimizer.lr)
    wrapper = OptimWrapper(optimizer)
    built = [PARAM_SCHEDULERS.build({**s, 'optimizer': wrapper}) for s in config.param_scheduler]
    found = {}
    for iteration in range(config.train_cfg.max_iters):
        if iteration in at:
            found[iteration] = optimizer.param_groups[0]['lr']
        for schedule in built:
            schedule.step()
    return [found[iteration] for iteration in at]


def test_the_rate_falls_from_1e_4_to_nothing_by_a_power_of_09():
    start, half, last = rates('poly_40k.py', [0, 20000, 39999])
    assert start == 1e-4
    # MMEngine counts 39,999 steps, so that the last iteration has the rate at the end.
    assert half == pytest.approx(1e-4 * (1 - 20000 / 39999) ** 0.9, rel=1e-9)
    assert last == 0


def test_the_rate_at_1024_rises_for_10000_iterations_and_then_falls():
    at = [0, 5000, 10000, 25000, 39999]
    start, rising, top, falling, last = rates('warmup_poly_40k_1024.py', at)
    assert start == pytest.approx(6e-11)
    assert rising == pytest.approx(6e-5 * (1e-6 + (1 - 1e-6) * 5000 / 9999), rel=1e-6)
    assert top == pytest.approx(6e-5, rel=1e-9)
    assert falling == pytest.approx(6e-5 * (1 - 15000 / 29999) ** 0.9, rel=1e-6)
    assert last == pytest.approx(0, abs=1e-12)


def test_both_schedules_have_the_published_settings():
    for name, rate in (('poly_40k.py', 1e-4), ('warmup_poly_40k_1024.py', 6e-5)):
        config = Config.fromfile(SCHEDULES / name)
        optimizer = config.optim_wrapper.optimizer
        assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', rate, 0.05)
        assert tuple(optimizer.betas) == (0.9, 0.999)
        assert (config.train_cfg.max_iters, config.train_cfg.val_interval) == (40000, 10000)


def test_the_rate_of_blindnet_is_the_published_curve():
    at = [0, 1, 20000, 39999]
    expected = [0.01 * (1 - i / 40000) ** 0.9 for i in at]
    assert rates('sgd_poly_40k.py', at) == pytest.approx(expected, rel=1e-9)


def test_blindnet_decays_everything():
    config = Config.fromfile(SCHEDULES / 'sgd_poly_40k.py')
    assert 'paramwise_cfg' not in config.optim_wrapper
    assert config.optim_wrapper.optimizer.to_dict() == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4
    )


@pytest.mark.parametrize('name', ['gta', 'synthia', 'cityscapes_warm_up', 'cityscapes_joint'])
def test_the_rate_of_clouds_is_the_published_curve(name):
    recorded = json.loads(Path(REFERENCE, 'self_training.json').read_text())['schedule']
    published = recorded[name.split('_')[0]]['lr_at']
    last = 5000 if name == 'cityscapes_warm_up' else 10**9
    at = [int(iteration) for iteration in published if int(iteration) < last]
    found = rates(f'clouds_{name}.py', at)
    assert found == pytest.approx([published[str(iteration)] for iteration in at], rel=1e-9)


UDA = json.loads(Path(REFERENCE, 'uda.json').read_text())['lr_schedule']


def test_the_rate_of_domain_adaptation_is_the_published_curve():
    at = [int(iteration) for iteration in UDA['lr']]
    assert rates('uda_40k.py', at) == pytest.approx(list(UDA['lr'].values()), rel=1e-9)


class Network(nn.Module):
    """The kinds of weights that the schedule tells apart, below the name of a wrapper."""

    def __init__(self):
        super().__init__()
        layers = dict(num_layers=(1, 1, 1, 1), num_heads=(1, 1, 1, 1), embed_dims=8)
        self.backbone = MixTransformer(**layers, num_stages=4)
        self.decode_head = DAFormerHead(in_channels=(8, 8, 8, 8), channels=8, num_classes=2)


def test_norms_of_the_transformer_do_not_decay_and_the_head_learns_ten_times_as_fast():
    settings = Config.fromfile(SCHEDULES / 'uda_40k.py').optim_wrapper
    model = nn.ModuleDict({'segmentor': Network()})
    optimizer = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type=settings.constructor,
            optim_wrapper_cfg=dict(type='OptimWrapper', optimizer=settings.optimizer.to_dict()),
            paramwise_cfg=settings.paramwise_cfg.to_dict(),
        )
    )(model).optimizer
    groups = {id(p): group for group in optimizer.param_groups for p in group['params']}
    norms = 0
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        module = model.get_submodule(name.rpartition('.')[0])
        if 'decode_head' in name:
            assert (group['lr'], group['weight_decay']) == (pytest.approx(6e-4), 0.01), name
        else:
            norms += isinstance(module, nn.LayerNorm)
            decay = 0.0 if isinstance(module, nn.LayerNorm) else 0.01
            assert (group['lr'], group['weight_decay']) == (6e-5, decay), name
    assert norms > 16
