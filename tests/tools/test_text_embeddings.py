import importlib.util
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from rein.models.heads import TextClassifier

transformers = pytest.importorskip('transformers')
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('tool', ROOT / 'tools/text_embeddings.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """A CLIP text encoder of random weights, with a vocabulary of letters."""
    folder = tmp_path_factory.mktemp('clip')
    letters = [*'abcdefghijklmnopqrstuvwxyz.,']
    tokens = [
        *letters,
        *(f'{letter}</w>' for letter in letters),
        '<|startoftext|>',
        '<|endoftext|>',
    ]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / 'vocab.json').write_text(json.dumps(vocabulary))
    (folder / 'merges.txt').write_text('#version: 0.2\n')
    tokenizer = transformers.CLIPTokenizer(
        str(folder / 'vocab.json'), str(folder / 'merges.txt'), model_max_length=77
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=16,
        projection_dim=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=len(tokens) - 2,
        eos_token_id=len(tokens) - 1,
        pad_token_id=len(tokens) - 1,
    )
    transformers.CLIPTextModelWithProjection(config).save_pretrained(folder)
    return str(folder)


def test_words_are_written_once_and_read_by_the_classifier(tool, clip, tmp_path, capsys):
    out = tmp_path / 'words.safetensors'
    assert tool.main([clip, str(out), '--batch', '200']) == 0
    assert '60 words of 8 numbers' in capsys.readouterr().out
    classifier = TextClassifier(4, 19, str(out))
    torch.testing.assert_close(classifier.words.norm(dim=-1), torch.ones(60))
    with safe_open(out, 'pt') as file:
        assert json.loads(file.metadata()['rein'])['meta']['words'][0] == ['road', 'railroad']


def test_a_missing_model_is_named(tool, tmp_path, capsys):
    assert tool.main([str(tmp_path / 'none'), str(tmp_path / 'out.safetensors')]) == 2
    assert 'no CLIP in' in capsys.readouterr().err


def test_openais_resnets_need_their_activation(tool, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'open_clip', object())
    assert tool.main(['open_clip:RN50/openai', str(tmp_path / 'out.safetensors')]) == 2
    assert 'take open_clip:RN50-quickgelu/openai' in capsys.readouterr().err


def test_open_clip_is_asked_for_its_texts(tool, tmp_path, monkeypatch):
    class Model:
        def eval(self):
            return self

        def encode_text(self, tokens):
            return torch.tensor([[float(len(text)), 1.0] for text in tokens])

    class Package:
        asked = ()

        def create_model(self, name, pretrained):
            Package.asked = (name, pretrained)
            return Model()

        def get_tokenizer(self, name):
            return list

    monkeypatch.setitem(__import__('sys').modules, 'open_clip', Package())
    out = tmp_path / 'words.safetensors'
    assert tool.main(['open_clip:convnext_large_d_320/laion2b', str(out)]) == 0
    assert Package.asked == ('convnext_large_d_320', 'laion2b')
