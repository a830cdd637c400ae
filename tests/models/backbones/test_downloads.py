"""Weights by name, from a cache that stands in for the network."""

import sys
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import pytest
import torch
from safetensors.torch import save_file

from rein.models.backbones import downloads
from rein.models.backbones.downloads import find_weights
from rein.models.backbones.weights import WeightsError, load_weights

sys.path.insert(0, str(Path(__file__).parent))
from original_layouts import assert_equal, body_of, tensors

COMMIT = '0' * 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of huggingface_hub, and no network."""
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)
    return tmp_path


def put(cache: Path, repo: str, name: str, state: dict) -> Path:
    folder = cache / f'models--{repo.replace("/", "--")}'
    (folder / 'refs').mkdir(parents=True)
    (folder / 'refs' / 'main').write_text(COMMIT)
    path = folder / 'snapshots' / COMMIT / name
    path.parent.mkdir(parents=True)
    save_file(state, path)
    return path


def test_timm_name_is_loaded_from_the_cache(cache):
    source, target = body_of('timm', 1), body_of('timm', 2)
    put(cache, 'timm/vit_small_patch14_dinov2.lvd142m', 'model.safetensors', tensors(source))
    load_weights(target, 'vit_small_patch14_dinov2.lvd142m')
    assert_equal(tensors(target), tensors(source))


def test_quickgelu_name_has_the_weights_of_the_plain_one(cache):
    path = put(cache, 'timm/vit_large_patch14_clip_224.openai', 'model.safetensors', {})
    assert find_weights('vit_large_patch14_clip_quickgelu_224.openai') == path


def test_hub_repository_is_searched_for_the_usual_names(cache):
    path = put(cache, 'org/repo', 'open_clip_model.safetensors', {})
    assert find_weights('hf-hub:org/repo') == path
    assert find_weights(f'hf-hub:org/repo@{COMMIT}') == path


def test_file_within_a_hub_repository_can_be_named(cache):
    path = put(cache, 'org/repo', 'eva02/pt/weights.pt', {})
    assert find_weights('hf-hub:org/repo/eva02/pt/weights.pt') == path


def test_without_a_network_the_message_says_where_to_put_which_file():
    with pytest.raises(WeightsError) as caught:
        find_weights('vit_small_patch14_dinov2.lvd142m')
    message = str(caught.value)
    assert 'cannot be downloaded' in message
    assert (
        'https://huggingface.co/timm/vit_small_patch14_dinov2.lvd142m/resolve/main/'
        'model.safetensors'
    ) in message
    assert "backbone.weights.source='checkpoints/model.safetensors'" in message


def test_url_of_a_model_without_a_repository_is_downloaded_once(tmp_path, monkeypatch):
    fetched = []

    def fetch(url: str, path: str, *, progress: bool) -> None:
        fetched.append(url)
        Path(path).write_bytes(b'weights')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fetch)
    for _ in range(2):
        path = downloads._from_url('name', 'https://example.org/a/model.pth')
        assert path.read_bytes() == b'weights'
    assert fetched == ['https://example.org/a/model.pth']


def test_url_that_cannot_be_reached_is_named(tmp_path, monkeypatch):
    def fail(*args, **kwargs) -> None:
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', fail)
    with pytest.raises(WeightsError, match=r'no route to host.*fetch https://example\.org/m\.pth'):
        downloads._from_url('name', 'https://example.org/m.pth')


def test_unknown_tag_lists_the_known_ones():
    with pytest.raises(WeightsError, match=r"knows these .*'vit_small_patch14_dinov2.lvd142m'"):
        find_weights('vit_small_patch14_dinov2.nonsense')


def test_jax_weights_are_refused_with_the_alternatives():
    with pytest.raises(WeightsError, match=r'no PyTorch weights under that name.*augreg2_in21k'):
        find_weights('vit_base_patch16_224.augreg_in21k')


def test_name_that_is_nothing_is_called_that():
    with pytest.raises(WeightsError, match='is no file, no name of a timm model'):
        find_weights('dinov2-large')


def test_missing_file_points_to_the_list_of_files():
    with pytest.raises(WeightsError, match=r'no file checkpoints/no\.pth .*checkpoints/README.md'):
        find_weights('checkpoints/no.pth')
