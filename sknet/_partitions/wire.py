"""Calls from the driver to shards on dask workers, directly: a loop in a thread of its own sends and receives.

A dask task takes 15 ms, a call 1 to 7. Dask's actors, which are called directly too, wait for ever where a call fails
in another way than by a broken connection.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeAlias

from distributed import rpc
from distributed.protocol import to_serialize

from sknet._partitions.worker import HANDLER

Reply: TypeAlias = Mapping[str, Any]

CONNECT = 10.0
"""Seconds to wait for a connection."""


class Wire:
    """Connections to workers.

    Parameters
    ----------
    connection_args : mapping
        What a secure connection needs.
    """

    def __init__(self, connection_args: Mapping[str, object]) -> None:
        self._args, self._remotes = connection_args, dict[str, rpc]()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="sknet-wire", daemon=True)
        self._thread.start()

    def send(self, address: str, key: str, method: str, arguments: tuple[object, ...]) -> "Future[Reply]":
        """Call a method of a shard; the future raises an OSError if the worker is lost."""
        return asyncio.run_coroutine_threadsafe(self._call(address, key, method, arguments), self._loop)

    async def _call(self, address: str, key: str, method: str, arguments: tuple[object, ...]) -> Reply:
        if address not in self._remotes:
            self._remotes[address] = rpc(address, timeout=CONNECT, connection_args=dict(self._args))
        call = getattr(self._remotes[address], HANDLER)
        reply: Reply = await call(key=key, method=method, arguments=to_serialize(arguments))
        return reply

    def close(self) -> None:
        """Close all connections, and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CONNECT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CONNECT)
        if not self._thread.is_alive():
            self._loop.close()

    async def _close(self) -> None:
        for remote in self._remotes.values():
            await remote.close_rpc()
        own = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not own]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
