import os

import cv2
import numpy as np
import pytest

from rein.runtime.files import replace_file
from rein.runtime.workers import spread


def square(number):
    return number * number, os.getpid()


def threads(number):
    return cv2.getNumThreads()


@pytest.mark.parametrize('workers', [1, 2, 3])
def test_results_come_in_the_order_of_the_items(workers):
    results = list(spread(square, range(50), workers, chunk=4))
    assert [value for value, _ in results] == [k * k for k in range(50)]
    assert len({process for _, process in results} - {os.getpid()}) <= workers
    assert (os.getpid() in {process for _, process in results}) == (workers == 1)


def test_few_items_are_done_without_other_processes():
    assert {process for _, process in spread(square, range(8), 4, chunk=8)} == {os.getpid()}


@pytest.mark.timeout(60)
def test_workers_start_when_opencv_has_threads_already_and_have_one_each():
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (31, 31), 5)  # makes OpenCV's threads
    try:
        assert set(spread(threads, range(40), 2)) == {1}
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(before)


def fail(number):
    raise ValueError(f'item {number} is bad')


def test_an_error_in_a_worker_is_the_callers():
    with pytest.raises(ValueError, match='item 0 is bad'):
        list(spread(fail, range(40), 2))


def test_a_file_is_replaced_at_once_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / 'new/folder/a.txt'
    replace_file(path, b'one')
    replace_file(path, b'two')
    assert path.read_bytes() == b'two'
    assert [each.name for each in path.parent.iterdir()] == ['a.txt']


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / 'a.txt'
    replace_file(path, b'one')
    (tmp_path / 'a.txt.part').mkdir()
    with pytest.raises(OSError, match=r'a\.txt\.part'):
        replace_file(path, b'two')
    assert path.read_bytes() == b'one'
