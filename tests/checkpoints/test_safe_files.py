"""Files that hold more than data are named and never run."""

import argparse
import os
import pickle

import pytest
import torch

from rein.checkpoints.safe_files import DamagedFileError, UnsafeFileError, load_plain


class Bomb:
    """Creates a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_tensors_and_plain_data_come_back(tmp_path):
    stored = {'w': torch.arange(4.0), 'meta': {'seed': 3, 'names': ['a']}}
    torch.save(stored, tmp_path / 'a.pth')
    loaded = load_plain(tmp_path / 'a.pth')
    assert torch.equal(loaded['w'], stored['w'])
    assert loaded['meta'] == stored['meta']


@pytest.mark.parametrize('new_format', [True, False])
def test_code_in_a_file_is_named_and_not_run(tmp_path, new_format):
    path, trace = tmp_path / 'bomb.pth', tmp_path / 'exploded'
    bomb = {'w': Bomb(str(trace))}
    torch.save(bomb, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(UnsafeFileError, match='mkdir') as caught:
        load_plain(path)
    assert 'mkdir' in caught.value.wanted
    assert not trace.exists()


def test_class_that_the_caller_calls_harmless_is_read(tmp_path):
    torch.save({'args': argparse.Namespace(lr=1)}, tmp_path / 'a.pth')
    with pytest.raises(UnsafeFileError, match='Namespace'):
        load_plain(tmp_path / 'a.pth')
    assert load_plain(tmp_path / 'a.pth', [argparse.Namespace])['args'].lr == 1


@pytest.mark.parametrize('kept', [0, 10, 200])
def test_file_that_is_cut_short_is_damaged(tmp_path, kept):
    torch.save({'w': torch.arange(400.0)}, tmp_path / 'a.pth')
    (tmp_path / 'b.pth').write_bytes((tmp_path / 'a.pth').read_bytes()[:kept])
    with pytest.raises(DamagedFileError):
        load_plain(tmp_path / 'b.pth')


def test_plain_pickle_of_a_number_is_no_crash(tmp_path):
    (tmp_path / 'a.pth').write_bytes(pickle.dumps(3))
    with pytest.raises((DamagedFileError, UnsafeFileError)):
        load_plain(tmp_path / 'a.pth')
