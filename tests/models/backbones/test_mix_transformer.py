"""MiT with the constants that its weights belong to."""

import pytest
import torch
from networks import segformer_names
from torch import nn

from rein.models.backbones import MixTransformer
from rein.models.backbones.weights import WeightsError

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


def test_its_channels_and_strides_are_those_of_its_maps():
    network = MixTransformer(**TINY, out_indices=(1, 3))
    maps = network.eval()(torch.randn(1, 3, 64, 64))
    assert tuple(each.shape[1] for each in maps) == network.channels
    assert tuple(64 // each.shape[2] for each in maps) == network.strides


def test_checkpointed_blocks_give_the_same_maps_and_gradients():
    torch.manual_seed(0)
    plain = MixTransformer(**TINY, drop_path_rate=0.0)
    saving = MixTransformer(**TINY, drop_path_rate=0.0, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 64, 64)
    for network in (plain, saving):
        network(images)[-1].square().sum().backward()
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=name)


SEGFORMER = dict(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 2, 1], num_attention_heads=[1, 1, 2, 2])
OURS = dict(embed_dims=8, num_layers=(1, 1, 2, 1), num_heads=(1, 1, 2, 2))


def test_weights_of_transformers_give_the_same_maps(tmp_path):
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    config = transformers.SegformerConfig(**SEGFORMER, classifier_dropout_prob=0.0, num_labels=2)
    theirs = transformers.SegformerForImageClassification(config).eval()
    for weight in theirs.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    theirs.save_pretrained(tmp_path)
    ours = MixTransformer(**OURS, weights=str(tmp_path / 'model.safetensors')).eval()
    ours.init_weights()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        wanted = theirs.segformer(images, output_hidden_states=True).hidden_states
        found = ours(images)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('layout', ['segformer', 'mmseg'])
def test_weights_in_other_layouts_end_where_they_began(tmp_path, layout):
    torch.manual_seed(0)
    state = MixTransformer(**OURS).state_dict()
    torch.save(segformer_names(state) if layout == 'segformer' else state, tmp_path / 'mit.pth')
    network = MixTransformer(**OURS, weights=str(tmp_path / 'mit.pth'))
    network.init_weights()
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_a_file_of_another_size_is_refused_and_changes_nothing(tmp_path):
    torch.save(segformer_names(MixTransformer(**TINY).state_dict()), tmp_path / 'mit.pth')
    network = MixTransformer(**OURS, weights=str(tmp_path / 'mit.pth'))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(WeightsError, match='does not fit MixTransformer'):
        network.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(WeightsError, match=r'there is no file mit_b5\.pth'):
        MixTransformer(**TINY, weights='mit_b5.pth').init_weights()
