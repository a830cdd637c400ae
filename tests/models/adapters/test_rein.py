"""The Rein adapter: its formula by hand, its counts, its gradient."""

import math

import pytest
import torch
from mmseg.registry import MODELS

import rein  # noqa: F401  registers the parts
from rein.models.adapters import ReinAdapter
from rein.models.backbones import FoundationBackbone

QUERIES = {'type': 'TokenQueries', 'dims': 256}


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def test_one_channel_worked_by_hand():
    adapter = ReinAdapter(layers=1, dims=1, token_length=2, rank=None, scale=0.5)
    with torch.no_grad():
        adapter.tokens.copy_(torch.tensor([[[0.0], [math.log(3.0)]]]))
        for linear, weight, bias in ((adapter.token_proj, 2.0, 1.0), (adapter.delta_proj, 3.0, -1)):
            linear.weight.fill_(weight)
            linear.bias.fill_(bias)
    # Feature 1: scores 0 and ln 3, softmax 1/4 and 3/4; token 0 is dropped without a new norm.
    value = 2 * math.log(3) + 1
    delta = 3 * (0.75 * value + 1) - 1
    out = adapter(torch.ones(1, 1, 1), 0)
    assert out.item() == pytest.approx(1 + 0.5 * delta, rel=1e-6)


def test_formula_of_the_paper_on_random_numbers():
    torch.manual_seed(1)
    adapter = ReinAdapter(layers=3, dims=12, token_length=5, rank=2, scale=0.3)
    features = torch.randn(2, 7, 12)
    tokens = adapter.tokens_a[2] @ adapter.tokens_b[2]
    attention = torch.softmax(features @ tokens.T / math.sqrt(12), dim=-1)[..., 1:]
    delta = adapter.delta_proj(attention @ adapter.token_proj(tokens[1:]) + features)
    torch.testing.assert_close(adapter(features, 2), features + 0.3 * delta)


def test_near_identity_at_the_published_scale():
    torch.manual_seed(0)
    adapter = ReinAdapter(layers=1, dims=256)
    features = torch.randn(1, 64, 256)
    change = (adapter(features, 0) - features).std().item()
    assert 3e-4 < change < 9e-4  # the spec measures 5.8e-4


@pytest.mark.parametrize(
    ('dims', 'rank', 'bound'), [(1024, 16, 0.0818), (384, 16, 0.0842), (1024, None, 0.0579)]
)
def test_tokens_start_within_the_published_bound(dims, rank, bound):
    torch.manual_seed(0)
    adapter = ReinAdapter(layers=2, dims=dims, rank=rank)
    tokens = adapter.tokens if rank is None else adapter.tokens_b
    assert tokens.abs().max().item() == pytest.approx(bound, rel=5e-3)


COUNTS = [
    # layers, dims, low-rank with link, full tokens with link, low-rank without link
    (12, 384, 684_033, 1_051_905, 388_609),
    (12, 768, 1_741_569, 2_496_513, 1_347_841),
    (24, 1024, 2_990_081, 5_016_065, 2_530_817),
    (40, 1536, 6_359_041, 11_456_001, 5_768_705),
    (4, 1280, 3_892_481, 4_316_161, 3_367_681),
    (32, 1280, 4_510_721, 7_900_161, None),
]


@pytest.mark.parametrize(('layers', 'dims', 'low', 'full', 'bare'), COUNTS)
def test_parameters_are_as_many_as_published(layers, dims, low, full, bare):
    with torch.device('meta'):
        assert count(ReinAdapter(layers, dims, queries=QUERIES)) == low
        assert count(ReinAdapter(layers, dims, rank=None, queries=QUERIES)) == full
        if bare is not None:
            assert count(ReinAdapter(layers, dims)) == bare


@pytest.mark.parametrize(
    ('rank', 'expected'), [(4, 2_666_369), (8, 2_774_273), (32, 3_421_697), (64, 4_284_929)]
)
def test_parameters_over_the_rank_are_those_of_the_paper(rank, expected):
    with torch.device('meta'):
        assert count(ReinAdapter(24, 1024, rank=rank, queries=QUERIES)) == expected


@pytest.mark.parametrize(
    ('model', 'args', 'expected'),
    [
        ('convnext_large_mlp.clip_laion2b_augreg', {}, 8_289_156),
        ('resnet50c.gluon_in1k', {'output_stride': 8}, 13_187_588),
        ('resnet101c.gluon_in1k', {'output_stride': 8}, 13_493_316),
    ],
)
def test_each_stage_of_a_cnn_has_an_adapter_of_its_own(model, args, expected):
    with torch.device('meta'):
        backbone = FoundationBackbone(
            model, model_args=args, adapter={'type': 'ReinAdapter', 'queries': QUERIES}
        )
    assert count(backbone) == expected
    assert len(backbone.adapter) == 4


def test_token_0_that_draws_all_attention_leaves_the_linear_term_alone():
    adapter = ReinAdapter(layers=1, dims=2, token_length=2, rank=None, scale=1.0)
    with torch.no_grad():
        adapter.tokens.copy_(torch.tensor([[[200.0, 200.0], [-200.0, -200.0]]]))
    features = torch.ones(1, 1, 2)
    expected = features + adapter.delta_proj(features)
    torch.testing.assert_close(adapter(features, 0), expected)


def test_without_a_query_part_there_are_no_queries():
    assert ReinAdapter(layers=2, dims=8).mask_queries() is None


@pytest.mark.parametrize('rank', [None, 2])
def test_gradient(rank):
    torch.manual_seed(0)
    adapter = ReinAdapter(layers=2, dims=4, token_length=3, rank=rank, scale=0.5).double()
    features = torch.randn(1, 3, 4, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in adapter.named_parameters()]

    def run(tokens, *values):
        return torch.func.functional_call(
            adapter, dict(zip(names, values, strict=True)), (tokens, 1)
        )

    assert torch.autograd.gradcheck(run, (features, *adapter.parameters()))


def test_registered_under_its_name():
    adapter = MODELS.build({'type': 'ReinAdapter', 'layers': 1, 'dims': 8, 'token_length': 4})
    assert adapter(torch.randn(1, 2, 8), 0).shape == (1, 2, 8)
