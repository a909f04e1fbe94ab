"""What runs on a dask worker: it hosts shards, and answers calls to them.

A call comes by the worker's own server, as its other messages do, and is answered by a thread of the shard's. It takes
a fourteenth of the time of a task, which goes by way of the scheduler.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sknet._partitions.shard import Shard
from sknet._typing import Table

if TYPE_CHECKING:
    from distributed import Worker

HANDLER = "sknet_call"


@dataclass(frozen=True)
class Hosted:
    """A shard, and the thread that works on it."""

    shard: Shard
    thread: ThreadPoolExecutor


_HOSTED: dict[str, Hosted] = {}
"""The shards of this process, by key."""


class Lease:
    """What dask holds for as long as a shard is needed: where the driver is lost, dask forgets it, and the shard goes.

    Parameters
    ----------
    key : str
    parts : sequence of table
    """

    def __init__(self, key: str, parts: list[Table]) -> None:
        self.key = key
        _HOSTED[key] = Hosted(Shard(parts), ThreadPoolExecutor(1, "sknet"))

    def __del__(self) -> None:
        hosted = _HOSTED.pop(self.key, None)
        if hosted is not None:
            hosted.thread.shutdown(wait=False)  # calls of other runs that have come are answered

    def __reduce__(self) -> str:
        raise TypeError("a shard stays on its worker")  # neither to a file nor to another worker: it would be made anew


def host(key: str, *parts: Table) -> Lease:
    """Host a shard of these parts."""
    return Lease(key, list(parts))


def n_rows_of(part: Table) -> int:
    """Return how many rows a part has."""
    return int(part.shape[0])


def first_rows(part: Table) -> Table:
    """Return two rows of a part."""
    return part[:2]


def install(dask_worker: "Worker") -> None:
    """Let a worker answer calls to shards."""
    dask_worker.handlers[HANDLER] = answer


async def answer(key: str, method: str, arguments: tuple[object, ...]) -> dict[str, object]:
    """Call a method of a shard; the reply says if there is none of this key, or what went wrong."""
    from distributed.protocol import to_serialize

    hosted = _HOSTED.get(key)
    if hosted is None:
        return {"status": "unknown"}
    work = partial(getattr(hosted.shard, method), *arguments)
    try:
        answered = asyncio.get_running_loop().run_in_executor(hosted.thread, work)
    except RuntimeError:  # its lease has just ended
        return {"status": "unknown"}
    try:
        found = await answered
    except Exception as error:
        return {"status": "error", "error": to_serialize(error)}
    return {"status": "done", "answer": to_serialize(found)}
