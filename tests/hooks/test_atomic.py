import errno
import os
import resource
import signal

import pytest

from rein.hooks.atomic import AtomicBackend, write_atomically


@pytest.fixture
def small_files_only():
    """The kernel refuses to let a file grow beyond 100,000 bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / 'deep' / 'iter_1.pth'
    write_atomically(path, b'old')
    AtomicBackend().put(b'new', path)
    assert path.read_bytes() == b'new'
    assert os.listdir(path.parent) == ['iter_1.pth']


def test_a_full_disk_keeps_the_old_file_and_says_what_is_needed(tmp_path, small_files_only):
    path = tmp_path / 'iter_1.pth'
    write_atomically(path, b'old')
    with pytest.raises(OSError, match=r'iter_1.pth needs 2\.0 MB and .* free') as caught:
        write_atomically(path, bytes(2_000_000))
    assert caught.value.errno == errno.EFBIG
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['iter_1.pth']


@pytest.mark.parametrize('moment', ['fsync', 'replace'])
def test_a_kill_while_writing_keeps_the_old_file(tmp_path, moment):
    path = tmp_path / 'iter_1.pth'
    write_atomically(path, b'old')
    child = os.fork()
    if child == 0:
        setattr(os, moment, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        write_atomically(path, b'new')
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert path.read_bytes() == b'old'
    write_atomically(path, b'newer')  # the partial file of the killed write is no obstacle
    assert os.listdir(tmp_path) == ['iter_1.pth']
