"""What runs on a worker."""

import asyncio
import gc
import pickle

import numpy as np
import pytest

from sknet._partitions import worker

pytestmark = pytest.mark.dask


def replies(*call):
    pytest.importorskip("distributed")
    return asyncio.run(worker.answer(*call))


def test_a_shard_answers_as_long_as_it_is_leased():
    lease = worker.host("key", np.arange(6.0).reshape(3, 2))
    assert replies("key", "select", ("all", [np.arange(3)]))["status"] == "done"
    failed = replies("key", "raw", ("all", np.zeros(3)))
    assert failed["status"] == "error" and "not encoded" in str(failed["error"].data)
    del lease
    gc.collect()
    assert replies("key", "digests", ("all",)) == {"status": "unknown"}


def test_a_lease_stays_where_it_is():
    with pytest.raises(TypeError, match="stays on its worker"):
        pickle.dumps(worker.host("other", np.zeros((1, 1))))
