"""Threads: the number that BLAS may have, and threads of our own for rows and for networks.

BLAS gets one thread where the matrix products are too small to be split, else all that it has. How a product is split
decides its last bits, and the number of BLAS's threads is the whole process's: results are the same to the last bit
for the same number of threads, as long as one fit runs at a time.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from threading import RLock, Thread, current_thread, local, main_thread
from weakref import WeakSet

import scipy
from threadpoolctl import LibController, ThreadpoolController

MIN_PRODUCT_FOR_BLAS_THREADS = 3 * 10**7
"""How many multiply-adds the largest product must have for BLAS to get more than one thread.

On two idle cores, threads save a quarter of the time from a third of this size on; on busy ones they wait for each
other at every product, and take twice the time.
"""

UNSPLIT_PRODUCT, UNSPLIT_VECTOR_PRODUCT = 2**18, 2**13
"""BLAS itself splits no product of fewer multiply-adds than the first; than the second where one factor is a vector."""

MIN_PIECES_PER_THREAD = 4
"""How many pieces of a table a thread must get to be worth starting."""

MIN_PRODUCT_FOR_NETWORK_THREADS = 10**6
"""How many multiply-adds the largest product must have for several networks to be trained in threads.

The steps of smaller networks are mostly Python, and threads would wait for each other at its global lock.
"""


class _HoldToken:
    """What a call holds a library by."""


class _HoldTokens:
    """The calls that hold a BLAS library at one thread, by a token each.

    Tokens are held weakly: that of a call which was interrupted before it could take it back vanishes with the call.
    """

    def __init__(self) -> None:
        self.tokens: WeakSet[_HoldToken] = WeakSet()
        self.n_threads_before: int | None = None  # None while nobody holds the library


class _ThreadHoldTokens(_HoldTokens, local):
    """The holders of a limit of the thread that asks, each thread by itself."""


class _Library:
    """A BLAS library that overlapping calls hold at one thread: the first one sets it, the last one gives it back."""

    def __init__(self, controller: LibController) -> None:
        self.controller = controller
        self._lock = RLock()  # not a plain lock: the handler of a signal may predict, too
        # of OpenBLAS with OpenMP each thread has a number of its own, else there is one for the whole process
        is_per_thread = getattr(controller, "threading_layer", None) == "openmp"
        self._holders = _ThreadHoldTokens() if is_per_thread else _HoldTokens()

    def hold(self, token: _HoldToken) -> None:
        """Let the library have one thread until this token and all others are released."""
        with self._lock:
            self._holders.tokens.add(token)
            if self._holders.n_threads_before is None:
                self._holders.n_threads_before = self.controller.get_num_threads()
            self._set_num_threads(1)

    def release(self, token: _HoldToken) -> None:
        """Give the library the threads that it had before the first token, if this one was the last."""
        with self._lock:
            self._holders.tokens.discard(token)
            if self._holders.n_threads_before is not None and not self._holders.tokens:
                self._set_num_threads(self._holders.n_threads_before)
                self._holders.n_threads_before = None

    def _set_num_threads(self, n_threads: int) -> None:
        # From version 3.8 on, threadpoolctl lets only one thread set OpenBLAS's number until that has given it up, and
        # ignores all others: here, the thread that gives the number back may be another than the one that has set it.
        give_up = getattr(self.controller, "clear_controlling_thread", lambda force: None)
        give_up(force=True)
        self.controller.set_num_threads(n_threads)
        give_up(force=True)


@cache
def _all_blas() -> tuple[_Library, ...]:
    """Return the BLAS libraries of this process; looked for once."""
    return tuple(map(_Library, ThreadpoolController().select(user_api="blas").lib_controllers))


@cache
def _blas_of_scipy() -> tuple[_Library, ...]:
    """Return SciPy's own BLAS, where it has one beside NumPy's."""
    folder = os.path.realpath(os.path.dirname(scipy.__file__))
    return tuple([library for library in _all_blas() if library.controller.filepath.startswith(folder)])


@contextmanager
def limit_blas_threads(largest_product: int) -> Iterator[None]:
    """Limit BLAS to one thread where the largest product has too few multiply-adds to share; else SciPy's alone."""
    # L-BFGS calls NumPy's and SciPy's BLAS in turn: the idle threads of SciPy's would keep the cores busy while NumPy's
    # compute, and a fit would take twice the time.
    libraries, token = _all_blas() if largest_product < MIN_PRODUCT_FOR_BLAS_THREADS else _blas_of_scipy(), _HoldToken()
    try:
        for library in libraries:
            library.hold(token)
        yield
    finally:
        for library in libraries:
            library.release(token)


def n_blas_threads() -> int:
    """Return how many threads BLAS may have now."""
    return max((library.controller.get_num_threads() for library in _all_blas()), default=1)


@cache
def _threads_can_start() -> bool:
    """Return whether this platform can start a thread: Pyodide, which runs Python in a browser, cannot."""
    try:
        thread = Thread(target=lambda: None)
        thread.start()
    except RuntimeError:
        return False
    thread.join()
    return True


def _may_start_threads() -> bool:
    """Return whether this call may: a fit in a thread of the user's shares the cores with others, and starts none."""
    return current_thread() is main_thread() and _threads_can_start()


@contextmanager
def threads_for_networks(n_networks: int, largest_product: int) -> Iterator[int]:
    """Yield how many networks to train at a time, given the multiply-adds of their largest product.

    Where there are several, BLAS has one thread for each, however many there are: what is learnt does not depend on
    their number.
    """
    n_threads = n_blas_threads()
    with limit_blas_threads(largest_product if n_networks == 1 else 0):  # 0: one BLAS thread
        are_large = largest_product >= MIN_PRODUCT_FOR_NETWORK_THREADS
        yield min(n_threads, n_networks) if are_large and _may_start_threads() else 1


@contextmanager
def split_among_threads(n_pieces: int, largest_product: int) -> Iterator[int]:
    """Yield how many threads, each with rows of its own, are to pass pieces of a table through a network.

    Of a table of many pieces, these are as many as BLAS has, and BLAS has one within each: so the work between the
    products is split, too. There is one thread for few pieces, for a caller that is not the main thread, and where no
    thread can be started.
    """
    are_many = n_pieces >= 2 * MIN_PIECES_PER_THREAD
    n_threads = n_blas_threads() if are_many else 1
    with limit_blas_threads(0 if are_many else largest_product):
        yield min(n_threads, n_pieces // MIN_PIECES_PER_THREAD) if are_many and _may_start_threads() else 1


def run_on_slices(work: Callable[[slice], None], rows: slice, size: int, n_threads: int) -> None:
    """Call `work` for all rows; where there are several threads, for slices of `size` rows each."""
    if n_threads == 1:
        work(rows)
        return
    starts = range(rows.start, rows.stop, size)
    slices = [slice(start, min(start + size, rows.stop)) for start in starts]
    contexts = [copy_context() for _ in slices]  # np.errstate holds in them, too
    with ThreadPoolExecutor(n_threads) as pool:
        # `list` waits for all, and raises the first error
        list(pool.map(lambda context, span: context.run(work, span), contexts, slices))
