"""Files of models: what is missing is listed, what is there is pinned."""

import json
import shutil

import pytest

from rein.generation.model_files import find_model, find_pipeline, folder_sha256, missing_files


@pytest.fixture
def folder(pipes, tmp_path):
    return shutil.copytree(pipes['sd'], tmp_path / 'sd')


def test_a_whole_pipeline_has_its_content_as_revision(folder):
    found = find_pipeline(str(folder))
    assert found.folder == folder
    assert found.revision == f'sha256:{folder_sha256(folder)}'


@pytest.mark.parametrize('change', ['content', 'name'])
def test_a_changed_file_is_another_revision(folder, change):
    before = folder_sha256(folder)
    config = folder / 'unet/config.json'
    if change == 'content':
        config.write_text(config.read_text().replace('[', '[ ', 1))
    else:
        config.rename(folder / 'unet/other.json')
    assert folder_sha256(folder) != before


def test_missing_files_are_listed_by_name(folder):
    (folder / 'unet/diffusion_pytorch_model.safetensors').unlink()
    (folder / 'vae/config.json').unlink()
    shutil.rmtree(folder / 'tokenizer')
    with pytest.raises(FileNotFoundError) as caught:
        find_pipeline(str(folder))
    assert 'tokenizer/, unet/*.safetensors, vae/config.json' in str(caught.value)
    assert 'hf download ORGANISATION/NAME --local-dir FOLDER' in str(caught.value)


def test_parts_of_weights_that_an_index_lists_must_all_be_there(folder):
    index = {'weight_map': {'a': 'one.safetensors', 'b': 'two.safetensors'}}
    (folder / 'unet/diffusion_pytorch_model.safetensors').rename(folder / 'unet/one.safetensors')
    (folder / 'unet/x.safetensors.index.json').write_text(json.dumps(index))
    assert missing_files(folder) == ['unet/two.safetensors']


def test_a_folder_that_is_no_pipeline_and_a_damaged_index(folder, tmp_path):
    assert missing_files(tmp_path) == ['model_index.json']
    (folder / 'model_index.json').write_text('{')
    assert missing_files(folder) == ['a readable model_index.json']


@pytest.mark.parametrize('name', ['/nowhere/at/all', './here', 'a/b/c', 'alone'])
def test_a_folder_that_is_not_there_is_never_looked_for_on_the_hub(name):
    with pytest.raises(FileNotFoundError, match=f'there is no folder {name}'):
        find_pipeline(name)


def test_an_id_that_is_not_in_the_cache_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(FileNotFoundError) as caught:
        find_pipeline('CompVis/stable-diffusion-v1-4')
    said = str(caught.value)
    assert 'neither a folder here nor in the cache of the hub' in said
    assert 'model_index.json' in said
    assert 'hf download CompVis/stable-diffusion-v1-4 --local-dir FOLDER' in said
    assert 'give it as --model FOLDER' in said


def test_a_download_that_was_cut_off_lists_what_is_missing(folder, tmp_path, monkeypatch):
    cut = tmp_path / 'models--some--model/snapshots/abc123'
    cut.mkdir(parents=True)
    shutil.copy(folder / 'model_index.json', cut)
    found = str(cut / 'model_index.json')
    monkeypatch.setattr('rein.generation.model_files.try_to_load_from_cache', lambda *a, **k: found)
    with pytest.raises(FileNotFoundError, match=r'missing in .*abc123: scheduler/, text_encoder/'):
        find_pipeline('some/model')


def test_a_single_model_is_checked_likewise(pipes, tmp_path):
    assert find_model(pipes['controlnet']).revision.startswith('sha256:')
    with pytest.raises(FileNotFoundError, match=r'config\.json, \*\.safetensors'):
        find_model(str(tmp_path))
