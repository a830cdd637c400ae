import torch
from torch import nn

from rein.precision import Bf16OptimWrapper


def wrapped(**kwargs):
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    return model, Bf16OptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), **kwargs)


def test_the_forward_pass_is_bfloat16_and_weights_and_gradients_stay_float32():
    model, wrapper = wrapped()
    with wrapper.optim_context(model):
        output = model(torch.randn(4, 8))
    assert output.dtype == torch.bfloat16
    output.float().mean().backward()
    assert model.weight.dtype == model.weight.grad.dtype == torch.float32
    assert model(torch.randn(4, 8)).dtype == torch.float32  # outside the context


def test_two_accumulated_halves_make_the_step_of_the_whole_batch():
    images = torch.randn(4, 8)
    whole, one = wrapped()
    with one.optim_context(whole):
        loss = whole(images).float().mean()
    one.update_params(loss)
    halves, two = wrapped(accumulative_counts=2)
    for half in images.chunk(2):
        with two.optim_context(halves):
            loss = halves(half).float().mean()
        two.update_params(loss)
    torch.testing.assert_close(whole.weight, halves.weight, rtol=0, atol=1e-3)


def test_gradients_are_clipped_to_the_norm_asked_for():
    model, wrapper = wrapped(clip_grad={'max_norm': 0.5})
    before = model.weight.detach().clone(), model.bias.detach().clone()
    with wrapper.optim_context(model):
        loss = model(100 * torch.ones(2, 8)).float().mean()
    wrapper.update_params(loss)
    steps = [before[0] - model.weight, before[1] - model.bias]
    assert torch.cat([s.flatten() for s in steps]).norm().item() / 0.1 <= 0.5 + 1e-5
