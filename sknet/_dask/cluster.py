"""Run the tasks of one fit on the workers of a dask cluster.

A task takes results of other tasks. If a worker is lost, dask computes its results again, beginning with the user's
collection, and repeats the task. So this module only tracks what it must release.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import CancelledError, wait
from threading import Lock
from time import monotonic, sleep
from typing import Any, TypeAlias
from weakref import WeakSet

import dask
from distributed import Client, get_worker

from sknet._typing import Future

Delayed: TypeAlias = Any
"""A partition of a collection, not yet computed."""

WORKER_CHECK_SECONDS = 1.0
"""Seconds between two checks that the cluster has workers."""

ANSWER_TIMEOUT = 3.0
"""Seconds in which each worker must answer a first direct call; otherwise, calls go through the scheduler."""


class KeptValueActor:
    """A value on a worker, in a dask actor. `KeptValues` calls its methods from the driver."""

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        self._value = make(*arguments)

    async def call(self, method: str, arguments: list[object]) -> object:
        """Call a method of the value, and return its result."""
        # this runs in the threads of tasks, because dask has a single thread for all actors of a worker
        threads = get_worker().executor
        return await asyncio.get_running_loop().run_in_executor(threads, getattr(self._value, method), *arguments)

    async def ping(self) -> None:
        """Return None, to show that the driver can reach the worker."""


class KeptValues:
    """Values that stay on the workers, where they are made from results of tasks.

    A call of a method is not a task, so a training step takes less than half the time; see `Cluster.actors`. But dask
    does not repeat the call if a worker is lost.

    Parameters
    ----------
    cluster : Cluster
    make : callable
    arguments : sequence of sequences
        As of `map`.
    """

    def __init__(self, cluster: Cluster, make: Callable[..., object], arguments: Sequence[Sequence[object]]) -> None:
        self._cluster = cluster
        self._arguments = [[make] * len(arguments[0]), *arguments]
        self._futures: list[Future] = []
        self._actors: list[Any] = []

    def call_each(self, method: str, arguments: Sequence[tuple[object, ...] | None]) -> list[Any] | None:
        """Call a method of each value that has arguments; return the results, or None after an error.

        After an error, the caller must do the same with tasks. If a worker was lost, they run on another worker;
        otherwise they raise the method's own error. The first call makes the values, and so does the first call after
        an error.
        """
        sent = [None if call_arguments is None else list(call_arguments) for call_arguments in arguments]
        try:
            if not self._actors:
                self._futures = self._cluster.start_tasks(KeptValueActor, *self._arguments, as_actors=True)
                self._actors = self._cluster.actors(self._futures)
            pairs = zip(self._actors, sent, strict=True)
            calls = [
                actor.call(method, call_arguments) for actor, call_arguments in pairs if call_arguments is not None
            ]
            return self._cluster.run_coroutine(_gather(calls), actors=self._futures)
        except Exception:  # dask raises exceptions of many types for a lost worker
            self.release()
            return None
        finally:
            # dask's calls are reference cycles, which would keep theta until they are collected
            for call_arguments in sent:
                if call_arguments is not None:
                    call_arguments.clear()

    def release(self) -> None:
        """Release the values on the workers; the next call makes them again."""
        _release(self._futures)
        self._futures, self._actors = [], []


async def _gather(calls: Sequence[Awaitable[object]]) -> list[Any]:
    """Return the results of calls that have been sent."""
    return [await call for call in calls]


async def _all_respond(actors: Sequence[Any]) -> bool:
    """Return whether each actor answers in time."""
    calls = [asyncio.wait_for(actor.ping(), ANSWER_TIMEOUT) for actor in actors]
    # an actor answers None; any other result is the exception of an actor that has not answered
    return all(answer is None for answer in await asyncio.gather(*calls, return_exceptions=True))


class Cluster:
    """A cluster that computes the tasks of one fit.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        """Wait until the cluster has a worker; raise a RuntimeError if none comes in time."""
        self._client: Any = client
        # `close` releases these; weak references are enough, since dask releases futures without references
        self._futures: WeakSet[Future] = WeakSet()
        self._seconds_to_wait = float(dask.config.get("sknet.workers", 60.0))
        self._last_had_workers = monotonic()
        while not self._thread_addresses():
            self._check_workers()
            sleep(WORKER_CHECK_SECONDS / 10)
        comm: Any = client.scheduler_comm
        scheduler: Any = client.scheduler
        self._message_log = comm.recent_message_log
        self._lock = Lock()
        self._actor_client: Any = Client(
            scheduler.address, security=client.security, loop=client.loop, name="sknet", set_as_default=False,
            direct_to_workers=client.direct_to_workers is not False,  # None if the user has not decided
        )  # fmt: skip

    @property
    def n_threads(self) -> int:
        """The number of tasks that are computed at the same time."""
        return len(self._thread_addresses())

    def _thread_addresses(self) -> list[str | None]:
        """Return the address of the worker of each thread."""
        self._check_client()
        return [address for address, n in sorted(self._client.nthreads().items()) for _ in range(n)]

    def _check_client(self) -> None:
        """Raise a RuntimeError if the client is asynchronous or closed."""
        if self._client.asynchronous:
            raise RuntimeError("The dask client is asynchronous: make one with asynchronous=False.")
        if self._client.status != "running":
            raise RuntimeError(f"The dask client is {self._client.status}: connect to a scheduler again.")

    def _check_workers(self) -> None:
        """Raise a RuntimeError if the cluster has had no workers for too long."""
        if self._thread_addresses():
            self._last_had_workers = monotonic()
        elif monotonic() - self._last_had_workers > self._seconds_to_wait:
            raise RuntimeError(
                f"The dask cluster has had no workers for {self._seconds_to_wait:g} s, the time in dask's "
                "configuration (sknet.workers): start some."
            )

    # --- tasks -------------------------------------------------------------------------------------------------------

    def compute(self, partitions: Sequence[Delayed]) -> list[Future]:
        """Start to compute partitions of a collection, neighbouring partitions on the same worker."""
        futures: list[Future] = []
        for address, block in self._split_among_threads(partitions):
            # if this worker is lost, another one computes them
            futures += self._client.compute(block, workers=address, allow_other_workers=True)
        self._futures.update(futures)
        return futures

    def start_tasks(
        self, function: Callable[..., object], *arguments: Iterable[object], spread: bool = False,
        as_actors: bool = False,
    ) -> list[Future]:  # fmt: skip
        """Start a task for each item of the arguments, on the worker that has its arguments, or on all workers.

        Parameters
        ----------
        function : callable
            A pure function of this package.
        arguments : iterables
            As for `map`; a future stands for its result.
        spread : bool, default=False
            Whether to divide the tasks among all workers, wherever their arguments are.
        as_actors : bool, default=False
            Whether the results are actors.

        Returns
        -------
        list of Future
        """
        self._check_client()
        # with pure=False, dask need not hash the arguments, such as theta, for the key of a task
        if spread:
            futures = [
                self._client.submit(
                    function, *task_arguments, pure=False, workers=address, allow_other_workers=address is not None
                )
                for address, block in self._split_among_threads(list(zip(*arguments, strict=True)))
                for task_arguments in block
            ]
        else:
            futures = self._client.map(function, *arguments, pure=False, actor=as_actors)
        self._futures.update(futures)
        return futures

    def keep(self, make: Callable[..., object], *arguments: Sequence[object]) -> KeptValues:
        """Return values that `make` makes from each item of the arguments, on the worker that has the item."""
        return KeptValues(self, make, arguments)

    def actors(self, futures: Sequence[Future]) -> list[Any]:
        """Return actors that are called directly, or through the scheduler if a worker cannot be reached.

        Calls of an actor go through the client that is current when the actor arrives. By default, a client sends them
        to the scheduler, which opens a connection for each call. So actors get a client of our own during the fit.
        """
        client = self._actor_client
        with self._lock, client.as_current():  # several networks call this at the same time
            actors = self.results(futures)
            if client.direct_to_workers and not self.run_coroutine(_all_respond(actors)):
                client.direct_to_workers = False  # this holds for all actors of the client
        return actors

    def _split_among_threads(self, items: Sequence[Any]) -> list[tuple[str | None, list[Any]]]:
        """Split items into one block per thread; return the address of its worker (None: any worker) and the block."""
        threads = self._thread_addresses() or [None]  # without a worker now, None takes the first that comes
        n = len(items)
        blocks = [list(items[i * n // len(threads) : (i + 1) * n // len(threads)]) for i in range(len(threads))]
        return [(address, block) for address, block in zip(threads, blocks, strict=True) if block]

    def results(self, futures: Sequence[Future]) -> list[Any]:
        """Wait for tasks and return their results; raise their errors, or a RuntimeError for lost tasks."""
        try:
            return self.run_coroutine(self._client.gather(list(futures), asynchronous=True))
        except (CancelledError, asyncio.CancelledError) as error:
            self._check_client()
            raise RuntimeError(
                f"dask has cancelled a task: {error} Data that was scattered to a worker is lost with it: make the "
                "collection of files, or of a function."
            ) from error

    def run_coroutine(self, coroutine: Coroutine[Any, Any, Any], actors: Sequence[Future] = ()) -> Any:
        """Return the result of a coroutine; raise a RuntimeError if there are no workers, or if an actor is lost."""
        # dask's event loop has its own thread; this thread waits, and checks for lost workers at each tick
        call = asyncio.run_coroutine_threadsafe(coroutine, self._client.loop.asyncio_loop)
        try:
            while not wait([call], WORKER_CHECK_SECONDS).done:
                self._check_workers()
                if any(actor.status != "finished" for actor in actors):
                    raise RuntimeError("An actor is lost with its worker.")
            self._last_had_workers = monotonic()
            return call.result()
        finally:
            call.cancel()  # an error or Ctrl-C may leave it running; a call that has ended stays as it is
            self._message_log.clear()  # dask keeps the last thousand messages, which contain theta

    def map_tasks(self, function: Callable[..., object], *arguments: Iterable[object]) -> list[Any]:
        """Compute a task for each item of the arguments, release it, and return the results."""
        futures = self.start_tasks(function, *arguments)
        try:
            return self.results(futures)
        finally:
            _release(futures)

    def close(self) -> None:
        """Release everything that the workers keep for this fit."""
        _release(list(self._futures))  # some belong to kept values
        self._actor_client.close()  # this releases the keys of the actors
        self._message_log.clear()


def _release(futures: Sequence[Future]) -> None:
    """Release the results of tasks."""
    for future in futures:
        future.release()
