"""Work spread over processes that end with the one that started them."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_all_start_methods, get_context, parent_process
from threading import Thread
from typing import TypeVar

import cv2

Item = TypeVar('Item')
Result = TypeVar('Result')


def spread(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, chunk: int = 8
) -> Iterator[Result]:
    """Call a function for every item, in several processes.

    Args:
        function: to call; it and the items travel to other processes.
        items: what to call it with.
        workers: number of processes; with one, or with few items, all is done in this one.
        chunk: number of items that a process takes at once.

    Yields:
        The results, in the order of the items.
    """
    if workers <= 1 or len(items) <= chunk:
        yield from map(function, items)
        return
    # Forked workers have the package already; importing it takes longer than many images.
    method = 'fork' if 'fork' in get_all_start_methods() else 'spawn'
    # Set before the fork: OpenCV's threads do not come along, and setting it there waits for them.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    start = partial(_start_worker, threads=None if method == 'fork' else 1)
    pool = ProcessPoolExecutor(workers, get_context(method), start)
    try:
        yield from pool.map(function, items, chunksize=chunk)
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(threads)


def _start_worker(threads: int | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends them
    if threads is not None:
        cv2.setNumThreads(threads)

    def end_with_parent() -> None:
        parent_process().join()
        os._exit(1)

    # A killed parent cannot tell its workers, and they would wait for more forever.
    Thread(target=end_with_parent, daemon=True).start()
