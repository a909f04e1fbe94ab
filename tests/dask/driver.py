"""What goes from the driver to the workers of a cluster: to time it, and to do something at one of its calls."""

import threading
from contextlib import contextmanager
from unittest.mock import patch

from sknet._dask.cluster import Cluster, KeptValues
from sknet._dask.table import NETWORKS_AT_ONCE, EncodedOnWorkers

NETWORKS_AT_ONCE = NETWORKS_AT_ONCE
cluster_of = Cluster


def networks_at_once(n):
    """How many networks wait for workers at a time, instead of `NETWORKS_AT_ONCE`."""
    return patch.object(EncodedOnWorkers, "n_networks_awaited_at_once", n)


@contextmanager
def at_call(nth, act, name=None):
    """Do something as tasks or methods, those of a name perhaps, are called for the nth time.

    Yields the names of what was called since, in a list.
    """
    lock, since, left = threading.Lock(), [], [nth]

    def watched(call, name_of):
        def called(self, what, *arguments, **more):
            with lock:  # members call from threads of their own
                is_counted = name is None or name_of(what) == name
                left[0] -= is_counted
                is_now = is_counted and left[0] == 0 and not since
                if left[0] <= 0:
                    since.append(name_of(what))
            if is_now:
                act()
            return call(self, what, *arguments, **more)

        return called

    start_tasks = watched(Cluster.start_tasks, lambda function: function.__name__)
    with (
        patch.object(Cluster, "start_tasks", start_tasks),
        patch.object(KeptValues, "call_each", watched(KeptValues.call_each, str)),
    ):
        yield since
