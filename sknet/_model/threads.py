"""BLAS's threads and our own, and who gets them.

BLAS gets one thread where its matrix products are too small to be split, else all that it has. Where the rows of a
table are split instead, each of our threads has a BLAS of one thread.

How a product is split decides its last bits, and the number of BLAS's threads is the whole process's. So work that
needs another number than what goes on in another thread waits for its turn, which comes after the present step.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from threading import Condition, RLock, current_thread, get_ident, main_thread
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np
import scipy
from threadpoolctl import ThreadpoolController

from sknet._training.solver import Objective, Observer
from sknet._training.state import State
from sknet._typing import Array, Batch, Gradient

SHARED_OUT = 3 * 10**7
"""How many multiply-adds the largest product must have for BLAS to split it.

On two idle cores, threads save a quarter of the time from a third of this size
on; on busy ones they wait for each other at every product, and take twice the
time.
"""

NEVER_SHARED_OUT, NEVER_BY_A_VECTOR = 2**18, 2**13
"""Below so many multiply-adds, and so many where one factor is a vector, BLAS splits no product by itself."""

PIECES = 4
"""How many pieces of a table a thread must get to be worth starting."""


class Library(NamedTuple):
    """A BLAS, how many threads it has, and what gives it another number."""

    path: str
    number: Callable[[], int]
    give: Callable[[int], None]


@dataclass(eq=False)
class Hold:
    """Work in one thread, and whether its products are large."""

    large: bool


class Turns:
    """Who computes with BLAS: large products in any number of threads, or small ones, in turn.

    While a thread does work within its work, it gives up what it holds, so that
    no thread waits while another waits for it. A hold is kept by who took it
    and only known here: what an interrupt leaves behind goes with its frame.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin with no work at all, as a forked process does."""
        self.lock = RLock()  # a `with` of a Condition itself may leave it locked if an interrupt comes at its end
        self.changed = Condition(self.lock)
        self.holds: WeakValueDictionary[int, Hold] = WeakValueDictionary()  # by thread
        self.queue: list[Hold] = []  # that wait
        self.kind: bool | None = None  # whether BLAS's numbers of threads are those for large products; None: its own
        self.before: list[tuple[Library, int]] = []  # every BLAS that has another number than its own, and that
        self.settled = True

    def exchange(self, new: Hold | None) -> Hold | None:
        """Give up what this thread holds, wait for the turn of its new hold and take it; return what was given up.

        The caller has the lock, and must take it on one line with the call: so that no interrupt comes between lines
        of a `with`, where it would leave the lock closed for ever.
        """
        thread = get_ident()
        given_up = self.holds.pop(thread, None)
        kind = self.kind if self.holds else None
        if new is not None:
            if self.queue or kind not in (None, new.large):
                self._wait(new)
            self.holds[thread], kind = new, new.large
        if kind is not self.kind or not self.settled:
            self.settled = False  # an interrupt may come between any two lines: then the next call begins here
            while self.before:
                blas, n_threads = self.before[-1]
                blas.give(n_threads)
                self.before.pop()
            for blas in () if kind is None else limited(kind):
                self.before.append((blas, blas.number()))
                blas.give(1)
            self.kind, self.settled = kind, True
        if self.queue:
            self.changed.notify_all()
        return given_up

    def _wait(self, new: Hold) -> None:
        """Wait until no other kind of products is being computed or has waited longer."""
        self.queue.append(new)
        try:
            self.changed.notify_all()  # something may just have been given up
            while (self.holds and self.kind is not new.large) or any(
                one.large is not new.large for one in takewhile(lambda one: one is not new, self.queue)
            ):
                self.changed.wait(0.1)  # nobody tells of a hold that an interrupt has left behind
        finally:
            self.queue.remove(new)

    def forked(self) -> None:
        """Lift the limit in a forked process, which has none of the other threads."""
        before = self.before
        self.reset()
        for blas, n_threads in before:
            blas.give(n_threads)


TURNS = Turns()
"""The one value of the package that changes: it stands for what all threads of a process share."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=TURNS.forked)


@cache
def libraries() -> list[Library]:
    """Return every BLAS in this process that can be told; some, such as Apple's, cannot."""
    found = []
    for blas in ThreadpoolController().select(user_api="blas").lib_controllers:
        # from 3.7 on, threadpoolctl lets only the first thread that asked do so, lest threads undo each other's limits
        give = getattr(blas, "_real_set_num_threads", blas.set_num_threads)
        found.append(Library(blas.filepath, blas.get_num_threads, give))
    return found


@cache
def limited(large: bool) -> list[Library]:
    """Return every BLAS that has one thread while products are large, or small.

    While they are large, SciPy's own, where it has one beside NumPy's. L-BFGS
    calls both in turn, and the idle threads of one would keep the cores busy
    with waiting while the other works: a fit then takes twice the time.
    """
    place = os.path.realpath(os.path.dirname(scipy.__file__))  # by name NumPy's, too, is scipy_openblas
    return [blas for blas in libraries() if not large or blas.path.startswith(place)]


# --- what the rest of the package calls ------------------------------------------------------------------------------


@contextmanager
def suitable_threads(product: int | None) -> Iterator[None]:
    """Compute products of so many multiply-adds at most, with as many of BLAS's threads as suit them.

    None lets go of BLAS, for what a user wrote: it may wait for other threads.
    """
    mine = None if product is None else Hold(large=product >= SHARED_OUT)
    with TURNS.lock: given_up = TURNS.exchange(mine)  # noqa: E701  # fmt: skip
    try:
        yield
    finally:
        with TURNS.lock: TURNS.exchange(given_up)  # noqa: E701  # fmt: skip


def give_way() -> None:
    """Let those go first who wait for their turn with other products."""
    if TURNS.queue:
        with suitable_threads(None):
            pass


def giving_way(objective: Objective) -> Objective:
    """Return an objective that lets others go first before every step."""

    def call(theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None) -> tuple[float, Gradient]:
        give_way()
        return objective(theta, batch, out, rng)

    return call


@dataclass(frozen=True)
class Outside:
    """An observer that is told without a hold on BLAS: it may be a user's."""

    observer: Observer

    def begin(self, state: State) -> None:
        """Pass it on."""
        with suitable_threads(None):
            self.observer.begin(state)

    def end(self, state: State) -> bool:
        """Pass it on."""
        with suitable_threads(None):
            return self.observer.end(state)


def blas_threads() -> int:
    """Return how many threads BLAS may have now."""
    return max((blas.number() for blas in libraries()), default=1)


WORTH_A_THREAD = 10**6
"""How many multiply-adds the largest product must have for the members of an ensemble to be trained in threads.

The steps of smaller networks are mostly Python, and threads would wait for each other at its global lock.
"""


@contextmanager
def threads_for_members(n_members: int, product: int) -> Iterator[int]:
    """Yield how many members are to be trained at a time, whose largest product has so many multiply-adds.

    BLAS has one thread for each, however many there are: what is learnt does not depend on their number.
    """
    n_threads = blas_threads()
    with suitable_threads(0):
        many = product >= WORTH_A_THREAD and current_thread() is main_thread()
        yield min(n_threads, n_members) if many else 1


@contextmanager
def threads_for_rows(n_pieces: int, product: int) -> Iterator[int]:
    """Yield how many threads, each with rows of its own, are to pass pieces of a table through a network.

    As many as BLAS has, which gets one within each: so what lies between the
    products is split as well. One thread for few pieces, and within a thread.
    """
    many = n_pieces >= 2 * PIECES
    n_threads = blas_threads()
    with suitable_threads(0 if many else product):
        yield min(n_threads, n_pieces // PIECES) if many and current_thread() is main_thread() else 1


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
