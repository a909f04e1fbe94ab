"""Tasks on the workers of a dask cluster, for the time of one fit.

Everything is a task of dask's on the results of others: where a worker is lost, dask computes again what it held, from
the user's collection on, and does the task again. Nothing has to be remembered here but what is to be given back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import CancelledError, wait
from threading import Lock
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeAlias
from weakref import WeakSet

import dask
from distributed import Client, KilledWorker, get_worker

from sknet._dask.tasks import Future

Delayed: TypeAlias = Any
"""A partition of a collection, not yet computed."""

TICK = 1.0
"""Seconds between two looks at whether there are workers at all."""

ANSWER_TIME = 3.0
"""Seconds that a worker has to answer the first direct call; else its calls go by way of the scheduler."""


class NoWorkersError(RuntimeError):
    """The cluster has no workers, or its client is closed."""


class MethodError(NamedTuple):
    """An error that a value's method has raised on a worker: of another type than those of dask for lost workers."""

    error: Exception


LOST_WORKER = (OSError, RuntimeError, LookupError, CancelledError)
"""What dask raises if a worker is lost: it cannot be reached, its actor is lost or unknown, or a task is cancelled."""


class OnWorker:
    """One of dask's actors on its worker: a value whose methods are called there. `KeptValues` is the driver's side."""

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        self._value = make(*arguments)

    async def call(self, method: str, arguments: list[object]) -> object:
        """Call a method of the value; return what it gives, or a `MethodError`."""
        # in a thread for tasks: dask has a single one for all actors of a worker
        threads = get_worker().executor
        # outside of the `try`: a worker that closes starts no thread, and then it is lost
        call = asyncio.get_running_loop().run_in_executor(threads, getattr(self._value, method), *arguments)
        try:
            return await call
        except Exception as error:
            return MethodError(error)

    async def answer(self) -> None:
        """Do nothing: the caller learns that this worker can be reached."""


class KeptValues:
    """Values that stay on the workers, each made there from arguments that are results of tasks.

    A call is no task, and takes a fifth of the time; see `Cluster.actors`. But dask does not repeat it: where a
    worker is lost, a task has to do the same instead.

    Parameters
    ----------
    cluster : Cluster
    make : callable
    arguments : sequence of sequences
        As of `map`.
    """

    def __init__(self, cluster: Cluster, make: Callable[..., object], arguments: Sequence[Sequence[object]]) -> None:
        self._cluster, self._arguments = cluster, [[make] * len(arguments[0]), *arguments]
        self._futures: list[Future] = []
        self._actors: list[Any] = []

    def call(self, method: str, arguments: Sequence[tuple[object, ...] | None]) -> list[Any] | None:
        """Call a method of each value that there are arguments for; return what they give, or None if a worker is lost.

        The values are made at the first call, and at the first one after `release`. An error of the method is raised.
        """
        sent = [None if each is None else list(each) for each in arguments]
        try:
            if not self._actors:
                self._futures = self._cluster.start_tasks(OnWorker, *self._arguments, as_actors=True)
                self._actors = self._cluster.actors(self._futures)
            pairs = zip(self._actors, sent, strict=True)
            calls = [actor.call(method, each) for actor, each in pairs if each is not None]
            results = self._cluster.wait_for(_all(calls), actors=self._futures)
        except NoWorkersError:
            self.release()
            raise
        except LOST_WORKER:
            self.release()
            return None
        finally:
            for each in sent:  # dask's calls are reference cycles, and would hold every theta until they are collected
                if each is not None:
                    each.clear()
        errors = [result.error for result in results if isinstance(result, MethodError)]
        if errors:
            self.release()
            raise errors[0]
        return results

    def release(self) -> None:
        """Give back what the workers keep; it is made anew where it is needed."""
        _release(self._futures)
        self._futures, self._actors = [], []


async def _all(calls: Sequence[Awaitable[object]]) -> list[Any]:
    """Return what calls give, which are under way already."""
    return [await call for call in calls]


async def _which_answer(actors: Sequence[Any]) -> list[bool]:
    """Return whether each actor answers in time."""
    calls = [asyncio.wait_for(actor.answer(), ANSWER_TIME) for actor in actors]
    # an actor answers None; what is not None is the exception of one that has not
    return [answer is None for answer in await asyncio.gather(*calls, return_exceptions=True)]


class Cluster:
    """A cluster that computes tasks of one fit.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        # what `close` gives back; weak, as what nobody refers to any more has been given back
        self._futures: WeakSet[Future] = WeakSet()
        self._kept: WeakSet[KeptValues] = WeakSet()
        self._own: dict[bool, Client] = {}  # clients of ours, by whether they call workers directly; see `actors`
        self._unreachable: set[str] = set()  # addresses of workers that direct calls do not reach
        self._lock = Lock()
        self._patience = float(dask.config.get("sknet.workers", 60.0))  # seconds without workers
        self._seen = monotonic()  # when there were workers last
        while not self._threads():
            self._refuse_without_workers()
            sleep(TICK / 10)
        self._silent_comm = self._client.scheduler_comm  # of this client alone: others use the scheduler's
        stop_logging(self._silent_comm)

    @property
    def n_threads(self) -> int:
        """How many tasks are computed at the same time."""
        return len(self._threads())

    def _threads(self) -> list[str | None]:
        """Return, for each thread of the workers, its worker's address."""
        self._refuse_closed()
        return [address for address, n in sorted(self._client.nthreads().items()) for _ in range(n)]

    def _refuse_closed(self) -> None:
        if self._client.status != "running":
            raise NoWorkersError(f"The dask client is {self._client.status}: connect to a scheduler again.")

    def _refuse_without_workers(self) -> None:
        if self._threads():
            self._seen = monotonic()
        elif monotonic() - self._seen > self._patience:
            raise NoWorkersError(
                f"The dask cluster has had no workers for {self._patience:g} s, as long as the configuration of dask "
                "waits for them (sknet.workers): start some."
            )

    # --- tasks -------------------------------------------------------------------------------------------------------

    def compute(self, partitions: Sequence[Delayed]) -> list[Future]:
        """Start to compute partitions of a collection, those that follow one another on the same worker."""
        futures: list[Future] = []
        for address, block in self._blocks_by_thread(partitions):
            # a wish only: where this worker is lost, another one computes them
            futures += self._client.compute(block, workers=address, allow_other_workers=True)
        self._futures.update(futures)
        return futures

    def start_tasks(
        self, function: Callable[..., object], *arguments: Iterable[object], spread: bool = False,
        as_actors: bool = False,
    ) -> list[Future]:  # fmt: skip
        """Start a task for each of the arguments, near the results that it needs or, to `spread` them, on all workers.

        Parameters
        ----------
        function : callable
            A pure function of this package.
        arguments : iterables
            As of `map`; futures stand for their results.
        spread : bool, default=False
            Whether each worker gets a part of the tasks, wherever their arguments are.
        as_actors : bool, default=False
            Whether the results are actors, which stay on their worker.

        Returns
        -------
        list of Future
        """
        self._refuse_closed()
        # pure=False: dask makes up a key for each task, and need not hash its arguments, theta among them, to find one
        if spread:
            futures = [
                self._client.submit(
                    function, *each, pure=False, workers=address, allow_other_workers=address is not None
                )
                for address, block in self._blocks_by_thread(list(zip(*arguments, strict=True)))
                for each in block
            ]
        else:
            futures = self._client.map(function, *arguments, pure=False, actor=as_actors)
        self._futures.update(futures)
        return futures

    def keep(self, make: Callable[..., object], *arguments: Sequence[object]) -> KeptValues:
        """Return values that are made of each of the arguments, and stay where these are."""
        kept = KeptValues(self, make, arguments)
        self._kept.add(kept)
        return kept

    def actors(self, futures: Sequence[Future]) -> list[Any]:
        """Return actors whose calls go straight to the workers that can be reached so; others by way of the scheduler.

        An actor's calls go by the client that is the current one where it arrives, and by default a client leaves them
        to the scheduler, which opens a connection for each. So actors get clients of ours, for the time of the fit.
        """
        with self._lock:  # several networks ask at the same time
            # what the user wants of the client holds for ours: None is nothing
            actors = self._arriving_at(
                self._client_of_ours(direct=self._client.direct_to_workers is not False), futures
            )
            where = self._client.who_has(list(futures))
            addresses = [where[future.key][0] for future in futures]
            # one actor of each worker is asked, whichever
            by_address = dict(zip(addresses, actors, strict=True))
            asked = [address for address in by_address if address not in self._unreachable]
            answers = self.wait_for(_which_answer([by_address[address] for address in asked]))
            self._unreachable.update(address for address, ok in zip(asked, answers, strict=True) if not ok)
            if self._unreachable.isdisjoint(addresses):
                return actors
            passed_on = self._arriving_at(self._client_of_ours(direct=False), futures)
            three = zip(addresses, actors, passed_on, strict=True)
            return [by_way if address in self._unreachable else direct for address, direct, by_way in three]

    def _arriving_at(self, client: Client, futures: Sequence[Future]) -> list[Any]:
        """Return the actors that tasks of the user's client have made, as actors of another one."""
        with client.as_current():
            return self.results(futures)

    def _client_of_ours(self, *, direct: bool) -> Client:
        """Return a client that calls workers directly or not; the user's where there can be no other."""
        if direct not in self._own:
            try:
                self._own[direct] = Client(
                    self._client.scheduler.address, security=self._client.security, loop=self._client.loop,
                    name="sknet", set_as_default=False, direct_to_workers=direct,
                )  # fmt: skip
            except Exception:  # slower, but it works: the user's client reaches the scheduler
                self._own[direct] = self._client
        return self._own[direct]

    def _blocks_by_thread(self, items: Sequence[Any]) -> list[tuple[str | None, list[Any]]]:
        """Cut items into a block for each thread of the workers; return (worker's address, block); None: any worker."""
        threads, n = self._threads() or [None], len(items)  # None: no worker just now, any one that comes
        blocks = [list(items[i * n // len(threads) : (i + 1) * n // len(threads)]) for i in range(len(threads))]
        return [(address, block) for address, block in zip(threads, blocks, strict=True) if block]

    def results(self, futures: Sequence[Future]) -> list[Any]:
        """Wait for tasks and return what they give; raise their errors, and a RuntimeError for lost ones."""
        try:
            return self.wait_for(self._client.gather(list(futures), asynchronous=True))
        except KilledWorker as error:
            raise RuntimeError(
                f"Several workers died of the same task: {error} Give workers more memory, or use more of them."
            ) from error
        except (CancelledError, asyncio.CancelledError) as error:
            self._refuse_closed()
            raise RuntimeError(
                f"dask has cancelled a task: {error} Data that was scattered to a worker is lost with it: make the "
                "collection of files, or of a function."
            ) from error

    def wait_for(self, values: Coroutine[Any, Any, list[Any]], actors: Sequence[Future] = ()) -> list[Any]:
        """Return awaited values; raise a RuntimeError where there are no workers, or one of the actors is lost."""
        # dask's event loop has its own thread; this one waits, and looks for lost workers at each tick
        call = asyncio.run_coroutine_threadsafe(values, self._client.loop.asyncio_loop)
        try:
            while not wait([call], TICK).done:
                self._refuse_without_workers()
                if any(actor.status != "finished" for actor in actors):
                    raise RuntimeError("An actor is lost with its worker.")
            self._seen = monotonic()
            return call.result()
        finally:
            call.cancel()  # after an error or Ctrl-C; what is done stays done

    def call_on_workers(self, function: Callable[..., object], *arguments: Iterable[object]) -> list[Any]:
        """Compute a task for each of the arguments; return what they give."""
        futures = self.start_tasks(function, *arguments)
        try:
            return self.results(futures)
        finally:
            _release(futures)

    def close(self) -> None:
        """Give back all that the workers hold for this fit, and the client's log."""
        if self._silent_comm is not None:
            resume_logging(self._silent_comm)
            self._silent_comm = None
        for kept in list(self._kept):
            kept.release()
        _release(list(self._futures))
        for client in self._own.values():
            if client is not self._client:
                client.close()  # with it, what actors hold of the keys is given back


class NoLog(deque[object]):
    """A log without messages, instead of the log of a sender, while some fits last."""

    def __init__(self, log: deque[object]) -> None:
        super().__init__(maxlen=0)
        self.log, self.n_fits = log, 0


_LOGS_LOCK = Lock()


def stop_logging(comm: Any) -> None:
    """Let a sender keep no messages: dask keeps the last thousand for its developers, and ours have theta in them."""
    with _LOGS_LOCK:
        if not isinstance(comm.recent_message_log, NoLog):
            comm.recent_message_log = NoLog(comm.recent_message_log)
        comm.recent_message_log.n_fits += 1


def resume_logging(comm: Any) -> None:
    """Give a sender its log back once the last fit has ended."""
    with _LOGS_LOCK:
        comm.recent_message_log.n_fits -= 1
        if not comm.recent_message_log.n_fits:
            comm.recent_message_log = comm.recent_message_log.log


def _release(futures: Sequence[Future]) -> None:
    for future in futures:
        future.release()
