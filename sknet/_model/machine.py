"""What this machine has: threads, and who gets them; memory, and what cannot fit into it; packages, or not.

BLAS gets one thread where its matrix products are too small to be split, or where it is called from a thread, else all.
Where the rows of a table are split instead, each of our threads has a BLAS of one thread.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import cache
from operator import mul
from pathlib import Path
from threading import current_thread, main_thread

import scipy
from threadpoolctl import ThreadpoolController

SHARED_OUT = 3 * 10**7
"""How many multiply-adds the largest product must have for BLAS to split it.

On two idle cores, threads save a quarter of the time from a third of this size
on; on busy ones they wait for each other at every product, and take twice the
time.
"""

PIECES = 4
"""How many pieces of a table a thread must get to be worth starting."""


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks for the libraries, which takes longer than everything else here


def suitable_threads(n_rows: int, sizes: tuple[int, ...]) -> AbstractContextManager[object]:
    """Limit BLAS to one thread unless batches of `n_rows` rows and layers of these sizes make large products.

    The limit is the whole process's; so only its main thread sets it: limits
    that overlap could not be lifted in the right order.
    """
    largest = n_rows * max(map(mul, sizes, sizes[1:]))
    if largest >= SHARED_OUT or current_thread() is not main_thread():
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@contextmanager
def threads_for_rows(n_pieces: int, n_rows: int, sizes: tuple[int, ...]) -> Iterator[int]:
    """Yield how many threads, each with rows of its own, are to pass pieces of `n_rows` rows through a network.

    As many as BLAS has, which gets one within each: so what lies between the
    products is split as well. One thread for few pieces.
    """
    if n_pieces < 2 * PIECES or current_thread() is not main_thread():
        with suitable_threads(n_rows, sizes):
            yield 1
    else:
        known = _controller().select(user_api="blas").lib_controllers  # none where BLAS is, say, Apple's
        n_threads = max((blas.num_threads for blas in known), default=1)
        with _controller().limit(limits=1, user_api="blas"):
            yield min(n_threads, n_pieces // PIECES)


def in_parts(work: Callable[[slice], None], rows: slice, size: int, n_threads: int) -> None:
    """Do some work for all rows, in parts of `size` rows where there are several threads."""
    if n_threads == 1:
        work(rows)
        return
    starts = range(rows.start, rows.stop, size)
    parts = [slice(start, min(start + size, rows.stop)) for start in starts]
    contexts = [copy_context() for _ in parts]  # np.errstate holds in them, too
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda context, part: context.run(work, part), contexts, parts))


def one_thread_for_scipy() -> AbstractContextManager[object]:
    """Limit SciPy's own BLAS, where it has one beside NumPy's, to one thread.

    L-BFGS calls both in turn, and the idle threads of one keep the cores busy
    with waiting while the other works: a fit then takes twice the time.
    """
    place = os.path.realpath(os.path.dirname(scipy.__file__))  # by name NumPy's, too, is scipy_openblas
    own = [blas.filepath for blas in _controller().lib_controllers if blas.filepath.startswith(place)]
    if not own or current_thread() is not main_thread():
        return nullcontext()
    return _controller().select(filepath=own).limit(limits=1)


# --- memory ----------------------------------------------------------------------------------------------------------

COPIES = 6
"""Arrays as long as theta that training may hold: theta, its gradient, two moments, the average, the best epoch's."""


BUFFERS = 4
"""Arrays as large as a layer's outputs for a batch: the sums, their gradient, and for dropout the mask and the rest."""


def refuse_beyond_memory(what: str, n_weights: int, itemsize: int, n_outputs: int = 0) -> None:
    """Raise if theta, its gradient and moments, and a batch's `n_outputs` of all layers, cannot fit in the memory."""
    needed = (COPIES * n_weights + BUFFERS * n_outputs) * itemsize
    memory = memory_limit()
    if memory is not None and needed > memory:
        raise ValueError(
            f"{what} makes {n_weights:,} weights; to train them takes {needed // 2**30:,} GiB, and this machine has "
            f"{memory / 2**30:,.1f} GiB: use smaller layers{', or smaller batches' if n_outputs else ''}."
        )


def memory_limit() -> int | None:
    """Return how many bytes of memory this process may have: the machine's, or less; None where nothing tells."""
    limits = []
    try:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

        limits += [limit for limit in getrlimit(RLIMIT_AS)[:1] if limit != RLIM_INFINITY]
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))  # a container's; "max" is no limit
    except (ImportError, AttributeError, ValueError, OSError):  # not a POSIX system, or not Linux
        pass
    return min(limits, default=None)


# --- packages --------------------------------------------------------------------------------------------------------


@contextmanager
def needed(what: str, package: str, *, extra: str) -> Iterator[None]:
    """Name the extra to install where a package that something needs is not there."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package {package} ({error}): install it with pip install 'sknet-mlp[{extra}]'."
        ) from error
