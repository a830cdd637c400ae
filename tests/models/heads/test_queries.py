import torch
from mmseg.registry import MODELS

from rein.models.heads import TokenQueries


def test_maximum_mean_and_last_alternate_channel_by_channel():
    queries = TokenQueries(2, dims=2)
    with torch.no_grad():
        queries.transform.weight.copy_(torch.eye(2))
        queries.transform.bias.zero_()
        queries.merge.bias.zero_()
        tokens = torch.tensor([[[4.0, 10.0]], [[2.0, 50.0]]])  # two layers of one token
        expected = [4.0, 3.0, 2.0, 50.0, 30.0, 50.0]
        for column, value in enumerate(expected):
            queries.merge.weight.zero_()
            queries.merge.weight[0, column] = 1
            assert queries(tokens)[0, 0] == value


def test_queries_follow_their_tokens_when_these_change_places():
    queries = TokenQueries(6, dims=4)
    tokens = torch.randn(3, 5, 6)
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(queries(tokens[:, order]), queries(tokens)[order])


def test_parameters_are_those_of_the_published_table():
    queries = MODELS.build({'type': 'TokenQueries', 'token_dims': 1024})
    assert sum(p.numel() for p in queries.parameters()) == 459_264


def test_queries_gradient():
    queries = TokenQueries(3, dims=2).double()
    tokens = torch.randn(3, 4, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(queries, (tokens,))
