"""Shards on the workers of a dask cluster: where each is put, how it is called, and what is done when a worker is lost.

A shard consists of the parts that were on one worker when the fit began. It stays one: where its worker is lost, all
of it is computed again on another, and what had been done with it is repeated. Its sums then are the same to the last
bit, and so is the fit.

Several runs call the same shards, each from a thread of its own. The first that finds a shard lost makes it anew; the
others wait, and then call it where it is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future as Called
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from itertools import count
from threading import Lock, RLock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from uuid import uuid4

import dask
from distributed import Client, Future, KilledWorker

from sknet._partitions import worker
from sknet._partitions.balance import balanced
from sknet._partitions.table import Arguments
from sknet._partitions.wire import Reply, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

Delayed: TypeAlias = Any
"""A part of a collection, not yet computed."""

ATTEMPTS = 5
"""So often a shard is made anew before the fit gives up: it may be what workers die of."""

TICK = 0.1
"""Seconds between two looks at what dask does."""


class Home(NamedTuple):
    """Where a shard is, and by which key the worker there knows it."""

    address: str
    key: str


class LostError(RuntimeError):
    """A worker was lost, and its shard with it."""


@dataclass(frozen=True)
class Patience:
    """How many seconds to wait for workers; the configuration of dask may set each as `sknet.<name>`.

    Attributes
    ----------
    straggler : float
        For the answer of a worker, before a warning names it.
    timeout : float
        For its answer, before the fit ends with an error.
    replacement : float
        For a new worker in the place of a lost one, before its shard goes to one of the others.
    workers : float
        For a first worker, before the fit ends with an error.
    """

    straggler: float = 60.0
    timeout: float = 600.0
    replacement: float = 10.0
    workers: float = 60.0

    @classmethod
    def configured(cls) -> Patience:
        """Return what the configuration says."""
        names = cls.__dataclass_fields__
        return cls(**{name: float(dask.config.get(f"sknet.{name}", getattr(cls, name))) for name in names})


class Workers:
    """The shards of one fit on a cluster; see `sknet._partitions.table.Shards`.

    Parameters
    ----------
    client : distributed.Client
    tables : sequence of Delayed
        The parts of the table.
    warn : callable
        Told of a worker that is waited for.
    """

    def __init__(self, client: Client, tables: Sequence[Delayed], warn: Callable[[str], None]) -> None:
        self._client, self._tables, self._warn = client, list(tables), warn
        self._patience, self._session = Patience.configured(), uuid4().hex
        self._wire = Wire(client.security.get_connection_args("client"))
        self._leases: dict[int, Future] = {}
        self._home: dict[int, Home] = {}
        self._named, self._naming = dict[str, float](), Lock()  # since when workers are waited for
        self._moves, self._lock = count(), RLock()
        self._failure: Exception | None = None  # why there is no shard where one was lost
        self._done: dict[int, list[tuple[str, Arguments]]] = {}
        self._held: list[list[int]] = []
        self._parts: list[Future] = []

    @property
    def held(self) -> Sequence[Sequence[int]]:
        """The numbers of the parts that each shard has."""
        return self._held

    # --- from the beginning to the end of a fit ----------------------------------------------------------------------

    def open(self) -> tuple[list[int], Any]:
        """Compute the parts and host their shards; return how many rows each part has, and two rows of the table."""
        self._parts = self._computed_in_turn()
        self.finish(self._parts)
        lengths = self.results([self._client.submit(worker.n_rows_of, part, pure=False) for part in self._parts])
        self._lengths = lengths
        first = next((i for i, length in enumerate(lengths) if length), 0)
        sample = self.results([self._client.submit(worker.first_rows, self._parts[first], pure=False)])[0]
        homes = self._client.who_has(self._parts)
        present = self._present()
        where = [next((a for a in homes.get(part.key, ()) if a in present), None) for part in self._parts]
        placed = balanced(where, lengths, sorted(present))
        self._held = list(placed.values())
        self._n_workers = len(present)
        for i, address in enumerate(placed):
            self._done[i], self._home[i] = [], Home(address, "")
            try:
                self._host(i, address)
            except LostError:
                self._replace(i, self._home[i])
        return lengths, sample

    def _computed_in_turn(self) -> list[Future]:
        """Start to compute the parts, those that follow one another on the same worker: shards are alike in all fits.

        Parts that have been computed already stay where they are.
        """
        present, found = sorted(self._present()), list[Future]()
        for i, address in enumerate(present):
            block = slice(i * len(self._tables) // len(present), (i + 1) * len(self._tables) // len(present))
            found += self._client.compute(self._tables[block], workers=[address], allow_other_workers=True)
        return found or self.compute(self._tables)

    def close(self) -> None:
        """Give everything back."""
        self._leases.clear()  # what dask holds for nobody it forgets
        self._parts.clear()
        self._wire.close()

    def compute(self, parts: Sequence[Delayed]) -> list[Future]:
        """Start to compute parts of a collection."""
        found: list[Future] = self._client.compute(list(parts))
        return found

    def finish(self, futures: Sequence[Future]) -> None:
        """Wait until dask has computed something; errors are raised as they are."""
        idle = monotonic()
        while not all(future.done() for future in futures):
            idle = monotonic() if self._present() else idle
            if monotonic() - idle > self._patience.workers:
                raise RuntimeError(f"The dask cluster has had no workers for {self._patience.workers:g} s: start some.")
            sleep(TICK)
        for future in futures:
            if future.status != "finished":
                raise _failure(future)

    def results(self, futures: Sequence[Future]) -> list[Any]:
        """Return what dask has computed."""
        self.finish(futures)
        found: list[Any] = self._client.gather(list(futures))
        return found

    # --- calls -------------------------------------------------------------------------------------------------------

    def call(self, method: str, arguments: Mapping[int, Arguments], *, changes: bool = False) -> dict[int, object]:
        """Call a method of some shards, at the same time; what a lost worker did not answer, another one does."""
        if not changes:
            return self._answered(method, arguments)
        with self._lock:  # a shard that is made anew meanwhile would lack the change
            answers = self._answered(method, arguments)
            for i, given in arguments.items():
                self._done[i].append((method, given))
            if method == "release":
                self._parts = []
        return answers

    def _answered(self, method: str, arguments: Mapping[int, Arguments]) -> dict[int, object]:
        answers: dict[int, object] = {}
        waiting = dict(arguments)
        while waiting:
            homes = {i: self._home[i] for i in waiting}
            found, lost = self._attempt(method, waiting, homes)
            answers |= found
            waiting = {i: waiting[i] for i in lost}
            for i in lost:
                self._replace(i, homes[i])
        return answers

    def _attempt(
        self, method: str, arguments: Mapping[int, Arguments], homes: Mapping[int, Home]
    ) -> tuple[dict[int, object], list[int]]:
        """Call once, where the shards are; return the answers, and which shards have been lost."""
        sent = {self._wire.send(*homes[i], method, given): i for i, given in arguments.items()}
        answers: dict[int, object] = {}
        lost: list[int] = []
        for call, gone in self._as_answered({call: homes[i].address for call, i in sent.items()}):
            reply = None if gone else _reply(call)
            if reply is None or reply["status"] == "unknown":  # another process, or one that dask let forget it
                lost.append(sent[call])
            elif reply["status"] == "error":
                raise reply["error"]
            else:
                answers[sent[call]] = reply["answer"]
        return answers, sorted(lost)

    def _as_answered(self, sent: Mapping[Called[Reply], str]) -> Iterator[tuple[Called[Reply], bool]]:
        """Yield calls as they end, and whether their workers are gone; name those that take too long."""
        pending, patience, started = set(sent), self._patience, monotonic()
        while pending:
            done, pending = wait_for(pending, patience.straggler, return_when="FIRST_COMPLETED")
            yield from ((call, False) for call in done)
            if done:
                for address in {sent[call] for call in done}:
                    if self._named.get(address, started) < started:  # others may still wait for what is named already
                        self._named.pop(address, None)
                continue
            present = self._present()
            for call in [call for call in pending if sent[call] not in present]:
                pending.discard(call)
                call.cancel()
                yield call, True
            late, waited = sorted({sent[call] for call in pending}), monotonic() - started
            if late and waited > patience.timeout:
                raise TimeoutError(
                    f"{late} did not answer for {waited:.0f} s: see what these workers do, or stop them."
                )
            with self._naming:
                is_new = not self._named.keys() >= set(late)
                self._named |= dict.fromkeys(late, monotonic())
            if is_new:
                self._warn(f"{late} did not answer for {waited:.0f} s. These workers are waited for.")

    # --- where shards are --------------------------------------------------------------------------------------------

    def _present(self) -> set[str]:
        """Return the addresses of the workers that there are."""
        if self._client.status != "running":
            raise RuntimeError(f"The dask client is {self._client.status}: connect to a scheduler again.")
        return set(self._client.nthreads())

    def _host(self, i: int, address: str) -> None:
        """Put a shard on a worker, and repeat what had been done with it."""
        try:
            self._client.run(worker.install, workers=[address])
        except OSError as error:
            raise LostError(address) from error
        numbers, home = self._held[i], Home(address, f"{self._session}-{i}-{next(self._moves)}")
        at = {"workers": [address], "allow_other_workers": False}
        parts = [self._parts[j] for j in numbers] if self._parts else self._client.compute(
            [self._tables[j] for j in numbers], **at
        )  # fmt: skip
        lease = self._client.submit(worker.host, home.key, *parts, pure=False, **at)
        self._leases[i] = lease
        while not lease.done():
            if address not in self._present():
                raise LostError(address)
            sleep(TICK)
        if lease.status != "finished":
            raise _failure(lease)
        for method, given in self._done[i]:
            _, lost = self._attempt(method, {i: given}, {i: home})
            if lost:
                raise LostError(address)
        self._home[i] = home  # nobody calls it before

    def _replace(self, i: int, gone: Home) -> None:
        """Put a lost shard on another worker, unless that has been done since it was lost."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                if self._home[i] is gone:
                    self._move(i, gone.address)
            except Exception as error:
                self._failure = error  # nobody waits for it again
                raise

    def _move(self, i: int, lost: str) -> None:
        for _ in range(ATTEMPTS):
            self._leases.pop(i, None)
            try:
                lost = self._worker_for(i, lost)
                self._host(i, lost)
                return
            except LostError:
                continue
        raise RuntimeError(
            f"{ATTEMPTS} workers in a row were lost with the same {len(self._held[i])} parts of the table, of "
            f"{sum(self._lengths[j] for j in self._held[i]):,} rows: give workers more memory, or use more of them."
        )

    def _worker_for(self, i: int, lost: str) -> str:
        """Choose a worker for a shard: a new one where it comes soon, else the one that has the fewest rows."""
        since = monotonic()
        while True:
            alive = [address for address in self._present() if address != lost or self._answers(address)]
            waited = monotonic() - since
            if len(alive) >= self._n_workers or (alive and waited > self._patience.replacement):
                self._n_workers = len(alive)  # nobody waits again for one that does not come
                return min(sorted(alive), key=lambda address: self._n_rows(address, i))
            if waited > self._patience.workers:
                raise RuntimeError(f"The dask cluster has had no workers for {waited:.0f} s: start some.")
            sleep(TICK)

    def _answers(self, address: str) -> bool:
        """Whether a worker is still there, to which a connection broke."""
        done, _ = wait_for([self._wire.send(address, "", "", ())], self._patience.replacement)
        return any(_reply(call) is not None for call in done)

    def _n_rows(self, address: str, but: int) -> int:
        """Return how many rows of the other shards a worker has."""
        own = [i for i, home in self._home.items() if home.address == address and i != but and i in self._leases]
        return sum(self._lengths[j] for i in own for j in self._held[i])


def _reply(call: Called[Reply]) -> Reply | None:
    """Return what a worker replied; None if it is lost."""
    try:
        return call.result()
    except OSError:
        return None


def _failure(future: Future) -> BaseException:
    """Return the error of a task that did not finish."""
    if future.status == "error":
        error = future.exception()
        if isinstance(error, KilledWorker):
            return RuntimeError(f"Computing a part of the table killed several workers: {error}")
        return error
    return RuntimeError(
        f"dask has {future.status} a part of the table ({future.key}). Data that was scattered to a worker is lost "
        "with it: make the collection of files, or of a function."
    )
