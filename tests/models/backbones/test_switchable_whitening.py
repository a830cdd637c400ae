import pytest
import torch
from recipes import named, normal, recorded

from rein.models.backbones.switchable_whitening import SwitchableWhitening

RECORDED = recorded('whitening')['switchable_whitening']['result']


def filled_as_recorded(kind):
    layer = SwitchableWhitening(16, group=8, kind=kind)
    with torch.no_grad():
        layer.mean_weight.copy_(0.5 * named('sw.mean', kind))
        layer.var_weight.copy_(0.5 * named('sw.var', kind))
        layer.weight.copy_(1 + 0.1 * named('sw.weight', 16))
        layer.bias.copy_(0.1 * named('sw.bias', 16))
    return layer


def agrees(found, expected):
    flat = found.detach().double().flatten()
    assert list(found.shape) == expected['shape']
    assert flat[:5].tolist() == pytest.approx(expected['first5'], rel=1e-4, abs=1e-6)
    assert flat[-3:].tolist() == pytest.approx(expected['last3'], rel=1e-4, abs=1e-6)
    assert flat.norm().item() == pytest.approx(expected['norm'], rel=1e-5)
    assert flat.abs().sum().item() == pytest.approx(expected['abs_sum'], rel=1e-5)


@pytest.mark.parametrize('kind', [2, 3, 5])
def test_every_kind_agrees_with_the_authors_in_training_and_after_it(kind):
    expected = RECORDED[f'sw_type_{kind}']
    layer = filled_as_recorded(kind)
    maps = (normal(121, 2, 16, 6, 6) + 0.5).requires_grad_()
    found = layer(maps)
    (found * normal(122, 2, 16, 6, 6)).sum().backward()
    agrees(found, expected['y_train'])
    agrees(layer.running_mean, expected['running_mean'])
    agrees(layer.running_cov, expected['running_cov'])
    for parameter, name in ((layer.mean_weight, 'sw_mean'), (layer.var_weight, 'sw_var')):
        assert parameter.grad.norm().item() == pytest.approx(
            expected[f'grad_norm_{name}'], rel=1e-4
        )
    assert maps.grad.norm().item() == pytest.approx(expected['grad_norm_x'], rel=1e-4)
    with torch.no_grad():
        agrees(layer.eval()(maps), expected['y_eval'])


def test_channels_of_a_group_come_out_uncorrelated_with_variance_one():
    torch.manual_seed(0)
    layer = SwitchableWhitening(4, group=4, steps=12).double()
    mixing = torch.eye(4) + 0.3 * torch.randn(4, 4)
    maps = torch.einsum('dc,bchw->bdhw', mixing, torch.randn(1, 4, 16, 16)).double()
    rows = layer(maps).flatten(2)[0]
    expected = torch.eye(4, dtype=torch.float64)
    torch.testing.assert_close(rows @ rows.T / 256, expected, atol=0.001, rtol=0)


def test_what_is_impossible_is_refused():
    with pytest.raises(ValueError, match=r'kind is 4; use one of \[2, 3, 5\]'):
        SwitchableWhitening(16, kind=4)
    with pytest.raises(ValueError, match='20 channels are no multiple of group=16'):
        SwitchableWhitening(20)


def test_gradient():
    layer = SwitchableWhitening(4, group=2, kind=5).double()
    maps = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    layer.eval()  # so that it is the same function every time
    layer.running_cov.copy_(torch.eye(2))
    assert torch.autograd.gradcheck(layer, maps)


def whiten_in_process(rank, path):
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{path}', rank=rank, world_size=2
    )
    maps, weights = normal(1, 4, 16, 5, 5), normal(2, 4, 16, 5, 5)
    alone = filled_as_recorded(3).double()
    together = filled_as_recorded(3).double()
    half = slice(2 * rank, 2 * rank + 2)
    part = maps[half].double().requires_grad_()
    found = together(part)
    (found * weights[half]).sum().backward()
    torch.distributed.destroy_process_group()
    whole = maps.double().requires_grad_()
    expected = alone(whole)
    (expected * weights).sum().backward()
    torch.testing.assert_close(found, expected[half])
    torch.testing.assert_close(part.grad, whole.grad[half])
    torch.testing.assert_close(together.running_cov, alone.running_cov)


@pytest.mark.slow
def test_two_processes_whiten_as_one_with_both_batches(tmp_path):
    # spawn raises what a process raises; each compares values, gradients and statistics
    torch.multiprocessing.spawn(whiten_in_process, (str(tmp_path / 'meeting'),), nprocs=2)
