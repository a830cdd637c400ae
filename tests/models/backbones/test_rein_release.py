"""The keys of Rein's releases and ours."""

from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS

from rein.models.backbones.rein_release import (
    describe_release,
    from_release,
    is_release,
    to_release,
)

FIXTURE = Path(__file__).parents[2] / 'reference' / 'rein_reference_tiny.pt'
ADAPTER = {'type': 'ReinAdapter', 'token_length': 6, 'rank': 4, 'scale': 0.1}
LINK = {'type': 'TokenQueries', 'dims': 16}


@pytest.fixture(scope='module')
def released() -> dict:
    return torch.load(FIXTURE, weights_only=True)['rein_and_head']


def test_recorded_release_survives_there_and_back(released):
    ours = from_release(released)
    assert not is_release(ours)
    assert is_release(released)
    back = to_release(ours)
    assert back.keys() == released.keys()
    assert all(back[key] is released[key] for key in back)


def test_released_adapter_fills_ours_with_no_key_left_over(released):
    adapter = MODELS.build(
        {**ADAPTER, 'layers': 4, 'dims': 32, 'token_length': 10, 'queries': LINK}
    )
    prefix = 'backbone.adapter.'
    state = from_release(released)
    own = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    assert len(own) == 11
    adapter.load_state_dict(own, strict=True)
    assert adapter.scale.item() == pytest.approx(0.7)


def test_head_keeps_its_keys(released):
    head = {key for key in released if key.startswith('decode_head.')}
    assert head
    assert head <= set(from_release(released))


def test_adapters_of_stages_keep_their_number():
    state = {'backbone.reins.2.mlp_delta_f.weight': torch.ones(3, 3)}
    assert list(from_release(state)) == ['backbone.adapter.2.delta_proj.weight']
    assert list(to_release(from_release(state))) == list(state)


def test_learned_pyramid_is_that_of_the_released_clip_adapter():
    # The 19 tensors of a release for CLIP, at 8 channels instead of 1024.
    norm = {'weight': (8,), 'bias': (8,)}
    conv = {'weight': (8, 8, 2, 2), 'bias': (8,)}
    count = {'num_batches_tracked': ()}
    batch_norm = {**norm, 'running_mean': (8,), 'running_var': (8,), **count}
    parts = {'fpn1.0': norm, 'fpn1.1': conv, 'fpn1.2': batch_norm, 'fpn1.4': conv}
    parts |= {'fpn2.0': norm, 'fpn2.1': conv, 'fpn3': norm, 'fpn4.0': norm}
    released = {
        f'backbone.{part}.{name}': torch.ones(shape)
        for part, tensors in parts.items()
        for name, shape in tensors.items()
    }
    assert len(released) == 19
    pyramid = MODELS.build({'type': 'LearnedPyramid', 'channels': [8, 8, 8, 8]})
    prefix = 'backbone.pyramid.'
    ours = {key.removeprefix(prefix): value for key, value in from_release(released).items()}
    pyramid.load_state_dict(ours, strict=True)
    assert set(to_release(from_release(released))) == set(released)


@pytest.mark.parametrize('stage', ['', '1.'])
def test_adapter_without_a_learnable_scale_gets_the_constant_one(stage):
    ours = from_release({f'backbone.reins.{stage}learnable_tokens': torch.ones(2, 3, 4)})
    assert ours[f'backbone.adapter.{stage}scale'].item() == 1.0


def test_key_that_no_release_has_is_named():
    with pytest.raises(ValueError, match=r'backbone\.reins\.gate is no key of a Rein release'):
        from_release({'backbone.reins.gate': torch.ones(1)})


def test_key_of_another_adapter_cannot_become_a_release():
    with pytest.raises(ValueError, match=r'adapter\.gate has no counterpart'):
        to_release({'backbone.adapter.gate': torch.ones(1)})


def test_sizes_of_a_release_are_told(released):
    told = describe_release(from_release(released))
    assert '4 adapted blocks of width 32, token_length=10, rank=4' in told
    assert "decode_head.queries='external'; num_classes=19" in told


@pytest.mark.parametrize(
    ('key', 'queries'),
    [('query_feat.weight', 'external_position'), ('query_embed.weight', 'learned')],
)
def test_kind_of_queries_is_told_by_the_keys_of_the_head(key, queries):
    assert f'queries={queries!r}' in describe_release({f'decode_head.{key}': torch.ones(1)})


def test_full_tokens_are_told_from_low_rank_ones():
    ours = from_release({'backbone.reins.0.learnable_tokens': torch.ones(3, 100, 256)})
    told = describe_release(ours)
    assert '3 adapted blocks of stage 0 of width 256, token_length=100, rank=None' in told
