"""How many threads BLAS may use: one, where its matrix products are too small to be shared out, or it is not alone."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise
from threading import current_thread, main_thread
from typing import Any

import numpy as np
import scipy
from threadpoolctl import ThreadpoolController

SHARED_OUT = 3 * 10**7
"""Multiply-adds of the largest product from which BLAS may share it out.

On two idle cores threads take three quarters of the time from a third of it
on; beside other work they wait for each other at every product, and take
twice the time.
"""


PIECES = 4
"""A thread is worth its start from so many pieces of work on."""


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks for the libraries, which takes longer than everything else here


def suitable_threads(n_rows: int, sizes: tuple[int, ...]) -> AbstractContextManager[Any]:
    """Limit BLAS to one thread unless batches of `n_rows` rows and layers of these sizes make large products.

    The limit is the whole process's; so only its main thread sets it: limits
    that overlap could not be lifted in the right order.
    """
    largest = n_rows * max(fan_in * fan_out for fan_in, fan_out in pairwise(sizes))
    if largest >= SHARED_OUT or current_thread() is not main_thread():
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


def in_parts(work: Callable[[slice], None], rows: slice, piece: int) -> None:
    """Do some work for all rows: in parts, each in a thread of its own, if they make many pieces of `piece` rows.

    There are as many threads as BLAS has; it gets one within each, so that what
    lies between its products is shared out as well.
    """
    if rows.stop - rows.start < 2 * PIECES * piece or current_thread() is not main_thread():
        return work(rows)
    n_threads = max((blas.num_threads for blas in _controller().select(user_api="blas").lib_controllers), default=1)
    stops = np.linspace(rows.start, rows.stop, min(n_threads, (rows.stop - rows.start) // (PIECES * piece)) + 1)
    parts = [slice(int(start), int(stop)) for start, stop in pairwise(stops)]
    with _controller().limit(limits=1, user_api="blas"), ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(work, parts))
    return None


def one_thread_for_scipy() -> AbstractContextManager[Any]:
    """Limit SciPy's own BLAS, where it has one beside NumPy's, to one thread.

    L-BFGS goes to and fro between the two, and the threads of the one that
    rests keep the cores busy with waiting: a fit then takes twice the time.
    """
    place = os.path.realpath(os.path.dirname(scipy.__file__))  # by name NumPy's, too, is scipy_openblas
    own = [blas.filepath for blas in _controller().lib_controllers if blas.filepath.startswith(place)]
    if not own or current_thread() is not main_thread():
        return nullcontext()
    return _controller().select(filepath=own).limit(limits=1)
