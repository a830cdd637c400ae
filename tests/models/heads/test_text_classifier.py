import pytest
import torch
from mmengine.registry import init_default_scope
from safetensors.torch import save_file

from rein.models.heads import (
    AttentionPoolProjection,
    ConvNextProjection,
    GeometricEnsemble,
    PlainMask2FormerHead,
    TextClassifier,
)
from rein.models.heads.geometric_ensemble import ensembled
from rein.models.heads.mask_pooling import MaskPooling, mask_pool
from rein.models.heads.text_classifier import cosine_logits, text_embeddings


@pytest.fixture
def words(tmp_path):
    """Three words for two classes, in a plane."""
    path = tmp_path / 'words.safetensors'
    found = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    save_file({'words': found, 'class_of': torch.tensor([0, 0, 1])}, path)
    return str(path)


def test_the_word_that_fits_best_speaks_for_its_class():
    words = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    classes = torch.tensor([0, 0, 1])
    queries = torch.tensor([[0.0, 3.0], [-2.0, 0.0]])
    found = cosine_logits(queries, words, classes, torch.tensor(10.0))
    assert found.tolist() == [[10, 0], [0, 10]]
    capped = cosine_logits(queries, words, classes, torch.tensor(500.0))
    assert capped.max() == 100


def test_words_of_several_sentences_worked_by_hand():
    features = torch.tensor([[2.0, 0.0], [0.0, 5.0], [0.0, -1.0], [0.0, -7.0]])
    found = text_embeddings(features, 2)
    torch.testing.assert_close(found, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, -1.0]]))


def test_no_object_is_one_more_word_and_is_learnt(words):
    classifier = TextClassifier(4, 2, words)
    logits = classifier(torch.randn(3, 5, 4))
    assert logits.shape == (3, 5, 3)
    logits[..., 2].sum().backward()
    assert classifier.void.grad.abs().sum() > 0
    names = {name for name, p in classifier.named_parameters()}
    assert 'words' not in names and {'void', 'logit_scale', 'mlp.4.weight'} <= names
    assert classifier.logit_scale.exp().item() == pytest.approx(1 / 0.07)


def test_pooling_takes_no_gradient_through_masks():
    features = torch.randn(1, 4, 3, 3, requires_grad=True)
    masks = torch.randn(1, 2, 3, 3, requires_grad=True)
    mask_pool(features, masks).sum().backward()
    assert masks.grad is None and features.grad is not None
    double = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda maps: mask_pool(maps, logits), double)


def test_pooling_of_one_layer_is_that_of_all():
    pooling = MaskPooling(4, 6)
    states, embeds = torch.randn(3, 2, 5, 4), torch.randn(3, 2, 5, 6)
    features = torch.randn(2, 6, 4, 4)
    whole = pooling(states, embeds, features)
    for layer in range(3):
        part = slice(layer, layer + 1)
        torch.testing.assert_close(pooling(states[part], embeds[part], features), whole[part])


def test_without_a_share_clip_is_not_heard():
    inner, outer = torch.randn(1, 3, 5), torch.randn(1, 3, 4)
    seen = torch.tensor([True, True, False, False])
    found = ensembled(inner, outer, seen, 0.0, 0.0)
    torch.testing.assert_close(found.softmax(-1), inner.softmax(-1), atol=1e-6, rtol=1e-4)
    other = ensembled(inner, outer, seen, 1.0, 1.0)
    void = inner.softmax(-1)[..., -1:]
    torch.testing.assert_close(
        other.exp()[..., :-1], outer.softmax(-1) * (1 - void), atol=1e-6, rtol=1e-4
    )


def end_of_clip(tmp_path, names):
    state = {}
    for name, (rows, columns) in zip(names, ((None, 6), (5, 6), (2, 5)), strict=True):
        shape = (columns,) if rows is None else (rows, columns)
        state[f'{name}.weight'] = torch.randn(shape)
        state[f'{name}.bias'] = torch.randn(shape[0])
    path = tmp_path / f'{names[0]}.pth'
    torch.save(state, path)
    return str(path), state


@pytest.mark.parametrize(
    'names',
    [
        ('visual.trunk.head.norm', 'visual.head.mlp.fc1', 'visual.head.mlp.fc2'),
        ('head.norm', 'head.pre_logits.fc', 'head.fc'),
    ],
)
def test_a_head_asks_clip_too(names, words, tmp_path):
    path, state = end_of_clip(tmp_path, names)
    projection = ConvNextProjection(path)
    assert torch.equal(projection.out.bias, state[f'{names[2]}.bias'])
    init_default_scope('mmseg')
    head = PlainMask2FormerHead(
        2,
        [8, 8, 8, 6],
        feat_channels=16,
        out_channels=16,
        num_queries=3,
        pixel_decoder=dict(num_layers=1, num_heads=2, ffn_channels=16, norm_groups=4),
        transformer_decoder=dict(num_layers=1, num_heads=2, ffn_channels=16),
        pooling=dict(type='MaskPooling'),
        classifier=dict(type='TextClassifier', embeddings=words),
        ensemble=dict(
            type='GeometricEnsemble',
            embeddings=words,
            projection=dict(type='ConvNextProjection', source=path),
        ),
    ).eval()
    maps = [torch.randn(1, c, s, s) for c, s in zip([8, 8, 8, 6], [8, 4, 2, 1], strict=True)]
    metas = [{'img_shape': (32, 32)}]
    with torch.no_grad():
        joint = head.predict(maps, metas)
        head.ensemble = None
        alone = head.predict(maps, metas)
    assert joint.shape == alone.shape == (1, 2, 32, 32)
    assert not torch.allclose(joint, alone)


@pytest.mark.parametrize(
    'names',
    [
        ('visual.attnpool.', 'positional_embedding', 'q_proj', 'k_proj', 'v_proj', 'c_proj'),
        ('head.', 'pos_embed', 'q', 'k', 'v', 'proj'),
    ],
)
def test_attention_pools_the_pixels_in_a_mask_as_pytorchs_own(names, tmp_path):
    torch.manual_seed(0)
    prefix, position, *parts = names
    state = {f'{prefix}{position}': torch.randn(1 + 9, 128)}
    for part in parts:
        rows = 16 if part == parts[-1] else 128
        state[f'{prefix}{part}.weight'] = torch.randn(rows, 128) / 10
        state[f'{prefix}{part}.bias'] = torch.randn(rows)
    torch.save(state, tmp_path / 'RN50.pth')
    pool = AttentionPoolProjection(str(tmp_path / 'RN50.pth'))
    clip, masks = torch.randn(2, 128, 3, 3), torch.randn(2, 4, 3, 3)
    masks[0, 1] = -1.0  # no pixel: it looks everywhere
    found = pool(clip, masks)
    tokens = clip.flatten(2).permute(2, 0, 1)
    place = state[f'{prefix}{position}']
    keys = tokens + place[1:, None]
    query = (tokens.mean(0, keepdim=True) + place[0]).repeat(4, 1, 1)
    blocked = masks.flatten(2) <= 0
    blocked[0, 1] = False
    wanted, _ = torch.nn.functional.multi_head_attention_forward(
        query=query,
        key=keys,
        value=keys,
        embed_dim_to_check=128,
        num_heads=2,
        in_proj_weight=None,
        in_proj_bias=torch.cat([state[f'{prefix}{part}.bias'] for part in parts[:3]]),
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=state[f'{prefix}{parts[3]}.weight'],
        out_proj_bias=state[f'{prefix}{parts[3]}.bias'],
        use_separate_proj_weight=True,
        q_proj_weight=state[f'{prefix}{parts[0]}.weight'],
        k_proj_weight=state[f'{prefix}{parts[1]}.weight'],
        v_proj_weight=state[f'{prefix}{parts[2]}.weight'],
        training=False,
        attn_mask=blocked.repeat_interleave(2, 0),
    )
    torch.testing.assert_close(found, wanted.transpose(0, 1), atol=1e-5, rtol=1e-5)
    larger = pool(torch.randn(1, 128, 5, 7), torch.randn(1, 4, 20, 28))
    assert larger.shape == (1, 4, 16)


def test_a_file_without_the_end_of_clip_is_named(tmp_path):
    torch.save({'head.norm.weight': torch.ones(3)}, tmp_path / 'body.pth')
    with pytest.raises(ValueError, match=r'has no visual\.head\.mlp\.fc1 or head\.pre_logits\.fc'):
        ConvNextProjection(str(tmp_path / 'body.pth'))
    with pytest.raises(ValueError, match=r'has no visual\.attnpool\.\* or head\.pos_embed'):
        AttentionPoolProjection(str(tmp_path / 'body.pth'))


def test_what_is_no_file_of_words_is_named(words, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'make it with tools/text_embeddings\.py MODEL'):
        TextClassifier(4, 2, str(tmp_path / 'none.safetensors'))
    (tmp_path / 'cut.safetensors').write_bytes(b'123')
    with pytest.raises(ValueError, match='is damaged'):
        TextClassifier(4, 2, str(tmp_path / 'cut.safetensors'))
    save_file({'a': torch.ones(1)}, tmp_path / 'other.safetensors')
    with pytest.raises(ValueError, match=r"holds \['a'\], no words"):
        TextClassifier(4, 2, str(tmp_path / 'other.safetensors'))
    with pytest.raises(ValueError, match=r'words for 2 classes, and decode_head\.num_classes is 7'):
        TextClassifier(4, 7, words)
    with pytest.raises(ValueError, match=r"GeometricEnsemble\.empty is 'drop'"):
        GeometricEnsemble(2, words, {}, empty='drop')
