"""Calls to a worker that is not there."""

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
