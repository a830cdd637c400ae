"""CLOUDS' networks, words and losses against numbers recorded from the authors' code."""

import hashlib
import json
import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from recipes import REFERENCE
from safetensors.torch import save_file
from torch.nn import functional as F

from rein.checkpoints.clouds_release import head_from_release
from rein.datasets.class_texts import CLASS_OF, SYNONYMS, TEMPLATES, TEXTS
from rein.models.heads import PlainMask2FormerHead
from rein.models.heads.geometric_ensemble import GeometricEnsemble
from rein.models.heads.mask2former import class_scores
from rein.models.heads.mask_losses import SetLoss
from rein.models.heads.mask_pooling import mask_pool
from rein.models.heads.mask_targets import ClassMasks
from rein.models.heads.text_classifier import cosine_logits, text_embeddings

RECORDED = json.loads(Path(REFERENCE, 'clouds_clip.json').read_text())
NETWORKS = np.load(Path(REFERENCE, 'clouds_networks.npz'))
CHANNELS = {'res2': 24, 'res3': 32, 'res4': 40, 'res5': 48}
LAYERS = ('aux0_', 'aux1_', 'aux2_', '')


def named(name, shape):
    """Normal numbers that follow from a name."""
    seed = zlib.crc32(name.encode()) & 0xFFFFFFFF
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape).astype(np.float32))


def filled(name, shape):
    """What the recorded networks hold under a name."""
    if not shape:
        return torch.tensor(math.log(1 / 0.07))  # kept as it begins
    numbers = named(name, shape)
    if len(shape) > 1:
        return numbers / math.prod(shape[1:]) ** 0.5
    return 1 + 0.1 * numbers if name.endswith('weight') else 0.1 * numbers


@pytest.fixture(scope='module')
def words(tmp_path_factory):
    """A file of the recorded words."""
    path = tmp_path_factory.mktemp('words') / 'words.safetensors'
    found = {'words': torch.tensor(RECORDED['text']['classifier'])}
    save_file({**found, 'class_of': torch.tensor(CLASS_OF)}, path)
    return str(path)


def released(kind):
    parts = {'pixel_decoder': 'pixel_decoder', kind: 'predictor'}
    return {
        f'sem_seg_head.{prefix}.{name}': filled(f'{prefix}.{name}', shape)
        for part, prefix in parts.items()
        for name, shape in RECORDED['networks'][part].items()
    }


def head(kind, words):
    init_default_scope('mmseg')
    more = {} if kind == 'original' else {'pooling': dict(type='MaskPooling')}
    if kind == 'clouds':
        more['classifier'] = dict(type='TextClassifier', embeddings=words)
    built = PlainMask2FormerHead(
        19,
        list(CHANNELS.values()),
        feat_channels=64,
        out_channels=64,
        num_queries=7,
        pixel_decoder=dict(num_layers=2, num_heads=8, ffn_channels=1024),
        transformer_decoder=dict(num_layers=3, num_heads=8, ffn_channels=128),
        **more,
    ).eval()
    state = released(kind)
    if kind == 'clouds':
        state['void_embedding.weight'] = torch.tensor(RECORDED['class_logits']['void_row'])[None]
    missing, foreign = built.load_state_dict(head_from_release(state), strict=False)
    assert foreign == []
    assert set(missing) <= {'cls_embed.words', 'cls_embed.class_of'}
    return built


def maps():
    strides = {'res2': 4, 'res3': 8, 'res4': 16, 'res5': 32}
    return [
        named(f'feat_{name}', (2, channels, 64 // strides[name], 96 // strides[name]))
        for name, channels in CHANNELS.items()
    ]


@pytest.mark.parametrize('kind', ['original', 'bis', 'clouds'])
@torch.no_grad()
def test_every_layer_of_the_three_decoders_is_the_authors(kind, words):
    found = head(kind, words)(maps())
    assert len(found) == len(LAYERS)
    # Logits of the text classifier are ten times as large, by words of six digits.
    tolerance = 3e-5 if kind == 'clouds' else 1e-5
    for name, (logits, masks) in zip(LAYERS, found, strict=True):
        wanted = torch.from_numpy(NETWORKS[f'{kind}_{name}logits'])
        torch.testing.assert_close(logits, wanted, atol=tolerance, rtol=1e-6)
        wanted = torch.from_numpy(NETWORKS[f'original_{name}masks'])
        torch.testing.assert_close(masks, wanted, atol=2e-5, rtol=1e-6)


@torch.no_grad()
def test_the_pixel_decoder_is_the_authors(words):
    built = head('original', words)
    _, features = built.decode(maps())
    wanted = torch.from_numpy(NETWORKS['mask_features'])
    torch.testing.assert_close(features[:, ::4], wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('kind', ['convnext_large_d_320', 'RN50/RN101'])
def test_every_tensor_of_the_released_head_has_its_place(kind):
    shapes = {
        f'sem_seg_head.{part}.{name}': torch.empty(shape, device='meta')
        for part, prefix in (('pixel_decoder', 'pixel_decoder'), ('predictor', 'predictor'))
        for name, shape in {
            **RECORDED['head_state_dict']['convnext_large_d_320'][part],
            **(RECORDED['head_state_dict'][kind].get(part) or {}),
        }.items()
    }
    channels = [192, 384, 768, 1536] if 'convnext' in kind else [256, 512, 1024, 2048]
    with torch.device('meta'):
        own = PlainMask2FormerHead(19, channels).state_dict()
    found = head_from_release({**shapes, 'void_embedding.weight': torch.empty(1, 768)})
    assert found.keys() == own.keys()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in own.items()}


def test_the_sentences_are_the_authors():
    case = RECORDED['text']
    assert [','.join(names) for names in SYNONYMS] == case['class_strings']
    assert list(TEMPLATES) == case['templates']
    assert (len(TEXTS), TEXTS[:3], TEXTS[-2:]) == (
        case['n_texts'],
        case['texts_first3'],
        case['texts_last2'],
    )
    digest = hashlib.sha256('\n'.join(TEXTS).encode()).hexdigest()
    assert digest == case['texts_sha256_newline_joined']


def test_words_are_the_mean_of_their_sentences():
    hashed = [hashlib.sha256(text.encode()).digest()[:8] for text in TEXTS]
    features = (torch.tensor([list(each) for each in hashed]) - 127.5) / 127.5
    found = text_embeddings(features, len(TEMPLATES))
    torch.testing.assert_close(
        found, torch.tensor(RECORDED['text']['classifier']), atol=2e-6, rtol=0
    )


@pytest.mark.parametrize('number', [0, 1])
def test_class_logits_are_the_authors(number):
    case = RECORDED['class_logits']['cases'][number]
    void = F.normalize(torch.tensor([RECORDED['class_logits']['void_row']]), dim=-1)
    found = cosine_logits(
        torch.tensor(RECORDED['class_logits']['x']),
        torch.cat([torch.tensor(RECORDED['text']['classifier']), void]),
        torch.tensor([*CLASS_OF, 19]),
        torch.tensor(case['logit_scale']).exp(),
    )
    torch.testing.assert_close(found, torch.tensor(case['out']), atol=2e-4, rtol=1e-5)


def test_pooled_features_are_the_authors():
    case = RECORDED['mask_pooling']
    features = torch.tensor(case['x'])
    found = mask_pool(features, torch.tensor(case['mask_logits']))
    torch.testing.assert_close(found, torch.tensor(case['out']), atol=2e-6, rtol=0)
    large = torch.tensor(case['resized']['mask_logits_12'])
    found = mask_pool(features, large)
    torch.testing.assert_close(found, torch.tensor(case['resized']['out']), atol=2e-6, rtol=0)


@MODELS.register_module()
class RecordedProjection(torch.nn.Module):
    def forward(self, clip, masks):
        return mask_pool(clip, masks) @ torch.tensor(RECORDED['inference']['vp_proj'])


def runs(case):
    values = case['rle']
    return torch.from_numpy(np.repeat(values[::2], values[1::2]).reshape(case['shape']))


@pytest.mark.parametrize('number', range(4))
def test_predictions_with_and_without_clips_opinion_are_the_authors(number, words):
    case, record = RECORDED['inference']['cases'][number], RECORDED['inference']
    logits, masks = torch.tensor(record['pred_logits']), torch.tensor(record['pred_masks'])
    (high, wide), out = record['padded_hw'], tuple(record['out_hw'])
    masks = F.interpolate(masks, size=(high, wide), mode='bilinear')
    if case['geometric_ensemble']:
        seen = case['category_overlapping_mask']
        part = GeometricEnsemble(
            19,
            words,
            dict(type='RecordedProjection'),
            unseen=[k for k, each in enumerate(seen) if not each],
            empty='skip' if case['ensemble_on_valid_mask'] else 'ask',
        )
        logits = part(
            logits, torch.tensor(record['pred_masks']), torch.tensor(record['clip_feature'])
        )
    scores = class_scores(logits[0].softmax(-1)[..., :-1], masks[0], (high, wide))
    height, width = record['image_hw']
    scores = F.interpolate(scores[None, :, :height, :width], size=out, mode='bilinear')[0]
    torch.testing.assert_close(
        scores.mean((1, 2)), torch.tensor(case['class_mean']), atol=2e-5, rtol=1e-4
    )
    assert (scores.argmax(0) == runs(case['argmax'])).float().mean() > 0.999


def test_matches_and_losses_under_a_seed_are_the_authors():
    case = RECORDED['criterion']
    targets = []
    for labels in map(runs, case['gt']):
        present = labels.unique()
        present = present[present != 255].long()
        targets.append(ClassMasks(present, (labels == present[:, None, None]).float()))
    logits = named('crit_logits', (2, 30, 20))[None]
    masks = 3 * named('crit_masks', (2, 30, 16, 24))
    embeds = torch.eye(30).expand(1, 2, 30, 30)  # so that the features are the masks
    loss = SetLoss(19)
    torch.manual_seed(case['seed'])
    matches = loss.match(logits, embeds, masks, targets)
    first, second = case['matched']
    before = len(targets[0].labels)
    assert matches.query[0].tolist() == first[0] + second[0]
    assert matches.target[0].tolist() == first[1] + [before + k for k in second[1]]
    torch.manual_seed(case['seed'])
    found = loss(logits, embeds, masks, targets)
    names = {'loss_cls': 'loss_ce', 'loss_mask': 'loss_mask', 'loss_dice': 'loss_dice'}
    for ours, theirs in names.items():
        wanted = case['unweighted'][theirs] * case['weights'][theirs]
        assert found[ours].item() == pytest.approx(wanted, rel=1e-6), ours
