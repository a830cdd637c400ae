"""Weight files that are read, and those that are refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from rein.models.backbones.weight_files import WeightsError, open_weights, read_checkpoint


def saved(state: dict, path: Path) -> str:
    torch.save(state, path)
    return str(path)


class Hostile:
    def __reduce__(self):
        return print, ('owned',)


def test_pickle_that_would_run_code_is_refused_with_the_way_out(tmp_path, capsys):
    path = saved({'state_dict': {'a': torch.ones(1)}, 'x': Hostile()}, tmp_path / 'w.pth')
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(path)
    assert 'reading it would run print from the file' in str(caught.value)
    assert "save_file({k: v.clone() for k, v in state.items() if torch.is_tensor(v)}, 'w.saf" in (
        str(caught.value)
    )
    assert 'owned' not in capsys.readouterr().out


@pytest.mark.parametrize('kind', ['zip', 'legacy', 'safetensors'])
def test_truncated_file_is_named_with_its_size(kind, tmp_path):
    path = tmp_path / 'w.pth'
    state = {'a': torch.ones(100, 100)}
    if kind == 'safetensors':
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == 'zip')
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(WeightsError, match=r'w\.pth is damaged or cut short \([\d,]+ bytes\)'):
        read_checkpoint(path)


@pytest.mark.parametrize('content', [b'<!DOCTYPE html><html>', b'version https://git-lfs.github'])
def test_page_saved_in_place_of_weights_is_called_that(content, tmp_path):
    (tmp_path / 'w.pth').write_bytes(content)
    with pytest.raises(WeightsError, match='is a text file, not weights'):
        read_checkpoint(tmp_path / 'w.pth')


def test_empty_file_is_damaged(tmp_path):
    (tmp_path / 'w.pth').write_bytes(b'')
    with pytest.raises(WeightsError, match='damaged or cut short'):
        read_checkpoint(tmp_path / 'w.pth')


def test_file_without_tensors_shows_its_keys(tmp_path):
    with pytest.raises(WeightsError, match=r"holds no tensors; .* \['epoch'\]"):
        read_checkpoint(saved({'epoch': 3}, tmp_path / 'w.pth'))


def test_old_pytorch_format_is_read(tmp_path):
    torch.save({'a': torch.arange(3)}, tmp_path / 'w.pth', _use_new_zipfile_serialization=False)
    assert torch.equal(read_checkpoint(tmp_path / 'w.pth')['a'], torch.arange(3))


def test_what_lies_beside_the_tensors_is_kept_apart(tmp_path):
    stored = {'meta': {'epoch': 2}, 'state_dict': {'module.a': torch.ones(2), 'note': 'hello'}}
    file = open_weights(saved(stored, tmp_path / 'w.pth'))
    assert list(file.tensors) == ['a']
    assert file.rest == {'meta': {'epoch': 2}, 'note': 'hello'}
    assert file.container == 'torch'


def test_averaged_weights_come_before_the_last_ones(tmp_path):
    stored = {'state_dict': {'a': torch.zeros(1)}, 'state_dict_ema': {'a': torch.ones(1)}}
    assert read_checkpoint(saved(stored, tmp_path / 'w.pth'))['a'] == 1


def test_numpy_archive_of_jax_weights_is_told(tmp_path):
    np.savez(tmp_path / 'w.npz', a=np.ones(2))
    with pytest.raises(WeightsError, match='is a NumPy archive'):
        read_checkpoint(tmp_path / 'w.npz')
