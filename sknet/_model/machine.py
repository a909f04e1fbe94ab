"""Memory and threads: errors for what does not fit, a limit on BLAS threads, and threads for rows and for networks.

BLAS gets a single thread if matrix products are too small to be split, else all its threads. The last bits of a product
depend on how BLAS splits it, and the limit holds for the whole process. So results are equal to the last bit for the
same number of threads, if one fit runs at a time.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import copy_context
from functools import cache
from math import inf
from pathlib import Path
from threading import RLock, Thread, current_thread, get_ident, main_thread
from weakref import WeakSet

import scipy
from threadpoolctl import LibController, ThreadpoolController

from sknet._vectors import blocks_of_batch

# --- memory ----------------------------------------------------------------------------------------------------------

LEAST_BYTES_PER_WEIGHT = 12
"""What every solver takes: theta, its gradient and a snapshot, in float32."""

N_LAYER_BUFFERS = 4
"""How many arrays of the size of a layer's outputs a batch may need: sums, gradient, dropout mask, dropped outputs."""

MIN_NETWORK_BYTES = 2**14
"""Bytes that the Python objects of a network in training take, in addition to its arrays."""

BYTES_THAT_ALWAYS_FIT = 2**25
"""Every machine has this much memory. For less, the limit is not looked up, which takes as long as a training step."""


def check_fits_in_memory(
    what: str, n_weights: int, n_bytes: int | None = None, *, n_networks: int = 1, has_batches: bool = False
) -> None:
    """Raise if networks would need more memory than there is: at least `n_bytes`, in addition to Python objects.

    `n_weights` counts all networks together. By default, their arrays take the least that every solver needs.
    """
    needed_bytes = LEAST_BYTES_PER_WEIGHT * n_weights if n_bytes is None else n_bytes
    needed_bytes += n_networks * MIN_NETWORK_BYTES
    memory = memory_limit() if needed_bytes > BYTES_THAT_ALWAYS_FIT else inf
    if needed_bytes > memory:
        needed_gib = -(-needed_bytes // 2**30)  # rounded up, in integers: it may be too large for a float
        remedy = "smaller layers" if n_networks == 1 else "fewer or smaller networks"
        raise ValueError(
            f"{what} makes {n_weights:,} weights, which take at least {needed_gib:,} GiB, and this machine has "
            f"{memory / 2**30:,.1f} GiB: use {remedy}{', or smaller batches' if has_batches else ''}."
        )


def check_table_fits_in_memory(n_rows: int, n_inputs: int, n_bytes: int) -> None:
    """Raise if encoded rows of this many bytes do not fit in the memory."""
    memory = memory_limit() if n_bytes > BYTES_THAT_ALWAYS_FIT else inf
    if n_bytes > memory:
        raise ValueError(
            f"X becomes {n_rows:,} rows of {n_inputs:,} inputs; to keep them takes {n_bytes / 2**30:,.1f} GiB beside "
            f"X, and this machine has {memory / 2**30:,.1f} GiB: read X batch by batch, with sknet.stream.fit or from "
            "a memory-mapped array; or set a smaller max_categories, numeric_encoding='raw' or dtype='float32'."
        )


def memory_limit() -> float:
    """Return how many bytes of memory this process may use; infinite if unknown."""
    limits = []
    with suppress(ImportError, AttributeError, ValueError, OSError):  # the system may be no POSIX system, or not Linux
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

        soft_limit, _ = getrlimit(RLIMIT_AS)  # set by `ulimit -v`; the hard limit is only the most it may be raised to
        limits += [soft_limit] if soft_limit != RLIM_INFINITY else []
        container_file = Path("/sys/fs/cgroup/memory.max")  # cgroup v2
        if container_file.is_file() and (limit := container_file.read_text().strip()).isdigit():  # "max" is no limit
            limits.append(int(limit))
    return min(limits, default=inf)


# --- threads ---------------------------------------------------------------------------------------------------------

MIN_PRODUCT_FOR_BLAS_THREADS = 3 * 10**7
"""How many multiply-adds the largest product must have for BLAS to get more than one thread.

On two idle cores, threads save a quarter of the time from a third of this size on. On busy cores, threads wait for each
other at every product, and take twice the time.
"""

MIN_SPLIT_PRODUCT = 2**18
"""BLAS never splits a product of two matrices with fewer multiply-adds than this."""

MIN_SPLIT_VECTOR_PRODUCT = 2**13
"""BLAS never splits a matrix-vector product with fewer multiply-adds than this."""

MIN_BLOCKS_PER_THREAD = 4
"""A thread is started for at least this many blocks of a table."""

MIN_PRODUCT_FOR_NETWORK_THREADS = 10**6
"""How many multiply-adds the largest product must have for several networks to be trained in threads.

Steps of smaller networks are mostly Python code, and threads would wait for the GIL.
"""


class _HoldToken:
    """Identifies a call that holds a library at one thread."""


class _OneThreadLimit:
    """A limit of one thread for a BLAS library: the first of overlapping calls sets it, the last one resets it.

    References to the calls' tokens are weak: if a call is interrupted before it releases its token, the token
    disappears with the call.
    """

    def __init__(self, controller: LibController) -> None:
        self.controller = controller
        self._lock = RLock()  # reentrant, since a signal handler may predict too
        # OpenBLAS with OpenMP has a limit per thread; otherwise the limit holds for the process, and the key is None
        self._is_per_thread = getattr(controller, "threading_layer", None) == "openmp"
        self._tokens: defaultdict[int | None, WeakSet[_HoldToken]] = defaultdict(WeakSet)
        self._n_threads_before: dict[int | None, int] = {}  # while a call holds the library

    def hold(self, token: _HoldToken) -> None:
        """Limit the library to one thread until all tokens are released."""
        key = self._key()
        with self._lock:
            self._tokens[key].add(token)
            if key not in self._n_threads_before:
                self._n_threads_before[key] = self.controller.get_num_threads()
            self._set_num_threads(1)

    def release(self, token: _HoldToken) -> None:
        """Release a token; if it is the last one, reset the number of threads."""
        key = self._key()
        with self._lock:
            self._tokens[key].discard(token)
            if key in self._n_threads_before and not self._tokens[key]:
                self._set_num_threads(self._n_threads_before[key])
                del self._n_threads_before[key], self._tokens[key]

    def _key(self) -> int | None:
        return get_ident() if self._is_per_thread else None

    def _set_num_threads(self, n_threads: int) -> None:
        """Set the number of threads, whichever thread has set it before."""
        # Since version 3.8, threadpoolctl lets only one controlling thread set the limit of OpenBLAS, and ignores other
        # threads until it is cleared. Here, different threads may set the limit and reset it.
        clear_controlling_thread = getattr(self.controller, "clear_controlling_thread", lambda force: None)
        clear_controlling_thread(force=True)
        self.controller.set_num_threads(n_threads)
        clear_controlling_thread(force=True)


@cache
def _blas_limits() -> tuple[_OneThreadLimit, ...]:
    """Return the limits of the BLAS libraries of this process (cached)."""
    return tuple(map(_OneThreadLimit, ThreadpoolController().select(user_api="blas").lib_controllers))


@cache
def _scipy_blas_limits() -> tuple[_OneThreadLimit, ...]:
    """Return the limit of SciPy's BLAS, if it differs from NumPy's."""
    folder = os.path.realpath(os.path.dirname(scipy.__file__))
    return tuple([limit for limit in _blas_limits() if limit.controller.filepath.startswith(folder)])


@contextmanager
def limit_blas_threads(largest_product: int) -> Iterator[None]:
    """Limit BLAS to one thread if the largest product has too few multiply-adds; else limit SciPy's BLAS alone."""
    # L-BFGS calls NumPy's and SciPy's BLAS in turn. Idle threads of SciPy's BLAS would keep the cores busy, and a fit
    # would take twice the time.
    limits = _blas_limits() if largest_product < MIN_PRODUCT_FOR_BLAS_THREADS else _scipy_blas_limits()
    token = _HoldToken()
    try:
        for limit in limits:
            limit.hold(token)
        yield
    finally:
        for limit in limits:
            limit.release(token)


def single_blas_thread() -> AbstractContextManager[None]:
    """Limit BLAS to one thread, whatever the size of its products."""
    return limit_blas_threads(0)


def n_blas_threads() -> int:
    """Return the present number of BLAS threads."""
    return max((limit.controller.get_num_threads() for limit in _blas_limits()), default=1)


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
    """Return whether this call may start threads: not in a user's thread, which shares the cores with others."""
    return current_thread() is main_thread() and _threads_can_start()


@contextmanager
def threads_for_networks(n_networks: int, largest_product: int) -> Iterator[int]:
    """Yield how many networks to train at a time, given the multiply-adds of their largest product.

    With several networks, BLAS has a single thread whether or not networks train in threads. So results do not depend
    on the number of threads.
    """
    n_threads = n_blas_threads()
    with limit_blas_threads(largest_product) if n_networks == 1 else single_blas_thread():
        are_large = largest_product >= MIN_PRODUCT_FOR_NETWORK_THREADS
        yield min(n_threads, n_networks) if are_large and _may_start_threads() else 1


@contextmanager
def threads_for_blocks(n_blocks: int, largest_product: int) -> Iterator[int]:
    """Yield how many threads to use for passing the blocks of a table through a network.

    With many blocks, it is the number of BLAS threads, and BLAS itself is limited to one thread. So the work between
    products is split too. With few blocks, outside of the main thread, or if threads cannot be started, it is 1.
    """
    are_many = n_blocks >= 2 * MIN_BLOCKS_PER_THREAD
    n_threads = n_blas_threads() if are_many else 1
    with single_blas_thread() if are_many else limit_blas_threads(largest_product):
        yield min(n_threads, n_blocks // MIN_BLOCKS_PER_THREAD) if are_many and _may_start_threads() else 1


def run_on_slices(work: Callable[[slice], None], rows: slice, size: int, n_threads: int) -> None:
    """Call `work` for all rows, or with several threads for slices of `size` rows each."""
    if n_threads == 1:
        work(rows)
        return
    slices = list(blocks_of_batch(rows, size))
    contexts = [copy_context() for _ in slices]  # np.errstate then holds in threads, too
    with ThreadPoolExecutor(n_threads) as pool:
        # `list` waits for all slices and raises the first error
        list(pool.map(lambda context, span: context.run(work, span), contexts, slices))
