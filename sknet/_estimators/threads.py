"""How many threads BLAS may use: one, where its matrix products are too small to be shared out, or it is not alone."""

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise
from threading import current_thread, main_thread
from typing import Any

import scipy
from threadpoolctl import ThreadpoolController

SHARED_OUT = 3 * 10**7
"""Multiply-adds of the largest product from which BLAS may share it out.

On two idle cores threads take three quarters of the time from a third of it
on; beside other work they wait for each other at every product, and take
twice the time.
"""


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
