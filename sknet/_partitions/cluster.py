"""Tasks on the workers of a dask cluster, for the time of one fit.

Everything is a task of dask's on the results of others: where a worker is lost, dask computes again what it held, from
the user's collection on, and does the task again. Nothing has to be remembered here but what is to be given back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, wait
from time import monotonic, sleep
from typing import Any, TypeAlias
from weakref import WeakSet

import dask
from distributed import Client, KilledWorker

from sknet._partitions.table import Future

Delayed: TypeAlias = Any
"""A partition of a collection, not yet computed."""

TICK = 1.0
"""Seconds between two looks at whether there are workers at all."""


class Cluster:
    """A cluster that computes tasks of one fit.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        self._futures: WeakSet[Future] = WeakSet()
        self._patience = float(dask.config.get("sknet.workers", 60.0))
        self._seen = monotonic()  # when there were workers
        while not self._threads():
            self._refuse_without_workers()
            sleep(TICK / 10)
        keep_no_messages(self._client.scheduler_comm)
        self._client.run_on_scheduler(lambda dask_scheduler: keep_no_messages(*dask_scheduler.stream_comms.values()))

    @property
    def n_threads(self) -> int:
        """How many tasks are computed at the same time."""
        return len(self._threads())

    def _threads(self) -> list[str | None]:
        """Return the address of each worker's threads."""
        self._refuse_closed()
        return [address for address, n in sorted(self._client.nthreads().items()) for _ in range(n)]

    def _refuse_closed(self) -> None:
        if self._client.status != "running":
            raise RuntimeError(f"The dask client is {self._client.status}: connect to a scheduler again.")

    def _refuse_without_workers(self) -> None:
        if self._threads():
            self._seen = monotonic()
        elif monotonic() - self._seen > self._patience:
            raise RuntimeError(
                f"The dask cluster has had no workers for {self._patience:g} s, as long as the configuration of dask "
                "waits for them (sknet.workers): start some."
            )

    # --- tasks -------------------------------------------------------------------------------------------------------

    def compute(self, partitions: Sequence[Delayed]) -> list[Future]:
        """Start to compute partitions of a collection, those that follow one another on the same worker."""
        futures: list[Future] = []
        for address, block in self._spread(partitions):
            futures += self._client.compute(block, workers=address, allow_other_workers=True)
        self._futures.update(futures)
        return futures

    def start(
        self, function: Callable[..., object], *arguments: Iterable[object], spread: bool = False
    ) -> list[Future]:
        """Start a task for each of the arguments, near the results that it needs or, to `spread` them, on all workers.

        Parameters
        ----------
        function : callable
            A pure function of this package.
        arguments : iterables
            As of `map`; futures stand for their results.
        spread : bool, default=False

        Returns
        -------
        list of Future
        """
        self._refuse_closed()
        if spread:
            futures = [
                self._client.submit(function, *each, pure=False, workers=address, allow_other_workers=True)
                for address, block in self._spread(list(zip(*arguments, strict=True)))
                for each in block
            ]
        else:
            futures = self._client.map(function, *arguments, pure=False)
        self._futures.update(futures)
        return futures

    def _spread(self, items: Sequence[Any]) -> list[tuple[str | None, list[Any]]]:
        """Return each thread's address, if there are threads, with its share of the items, which follow one another."""
        threads, n = self._threads() or [None], len(items)
        blocks = [list(items[i * n // len(threads) : (i + 1) * n // len(threads)]) for i in range(len(threads))]
        return [(address, block) for address, block in zip(threads, blocks, strict=True) if block]

    def results(self, futures: Sequence[Future]) -> list[Any]:
        """Return what tasks give; their errors are raised as they are, and what dask gives up as a RuntimeError."""
        gather = self._client.gather(list(futures), asynchronous=True)
        call = asyncio.run_coroutine_threadsafe(gather, self._client.loop.asyncio_loop)
        try:
            while not wait([call], TICK).done:
                self._refuse_without_workers()
            self._seen = monotonic()
            values: list[Any] = call.result()
            return values
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
        finally:
            call.cancel()

    def run(self, function: Callable[..., object], *arguments: Iterable[object]) -> list[Any]:
        """Compute a task for each of the arguments; return what they give."""
        futures = self.start(function, *arguments)
        try:
            return self.results(futures)
        finally:
            _release(futures)

    def close(self) -> None:
        """Give back all that the workers hold for this fit."""
        _release(list(self._futures))


def keep_no_messages(*comms: Any) -> None:
    """Let senders keep no messages: dask keeps the last thousand for its developers, and ours have theta in them."""
    for comm in comms:
        comm.recent_message_log = deque(maxlen=0)


def _release(futures: Sequence[Future]) -> None:
    for future in futures:
        future.release()
