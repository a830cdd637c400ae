"""MiT with the constants that its weights belong to."""

import pytest
import torch
from torch import nn

from rein.models.backbones import MixTransformer

TINY = dict(embed_dims=8, num_layers=(1, 1, 2, 1), num_heads=(1, 1, 1, 1))


def test_b5_has_its_published_parameters_and_drops_paths():
    network = MixTransformer()
    assert sum(p.numel() for p in network.parameters()) == 81_443_008
    last = network.layers[3][1][-1]
    assert last.ffn.dropout_layer.drop_prob == pytest.approx(0.1)


def test_norms_have_the_epsilons_of_the_authors():
    network = MixTransformer(**TINY)
    found = {
        name: module.eps
        for name, module in network.named_modules()
        if isinstance(module, nn.LayerNorm)
    }
    fine = {name for name, eps in found.items() if eps == 1e-5}
    assert fine == {name for name in found if name.endswith(('.0.norm', 'attn.norm'))}
    assert {eps for name, eps in found.items() if name not in fine} == {1e-6}
    assert len(fine) == 4 + 4  # embeddings, and blocks of the stages whose keys are reduced


def test_four_maps_at_strides_4_to_32():
    maps = MixTransformer(**TINY).eval()(torch.randn(1, 3, 64, 96))
    assert [tuple(each.shape[2:]) for each in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
