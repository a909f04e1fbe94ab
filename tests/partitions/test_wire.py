"""Calls to a worker that is not there."""

import asyncio
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.dask


def test_a_lost_worker_is_an_oserror(monkeypatch):
    pytest.importorskip("distributed")
    from sknet._partitions import wire

    monkeypatch.setattr(wire, "CONNECT", 0.5)
    opened = wire.Wire({})
    call = opened.send("tcp://127.0.0.1:9", "key", "step", ())
    with pytest.raises(OSError):
        call.result(20)
    opened.close()
    assert not opened._thread.is_alive()


def test_closing_ends_calls_under_way_and_a_busy_thread_keeps_its_loop(monkeypatch):
    pytest.importorskip("distributed")
    from sknet._partitions import wire

    opened = wire.Wire({})
    call = asyncio.run_coroutine_threadsafe(asyncio.sleep(60), opened._loop)
    thread, opened._thread = opened._thread, SimpleNamespace(join=lambda timeout: None, is_alive=lambda: True)
    opened.close()
    thread.join(10)
    assert call.cancelled() and not opened._loop.is_closed()
    opened._loop.close()
