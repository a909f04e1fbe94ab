"""Workers in this process, as a cluster would have them: whatever is sent or fetched goes through pickle."""

import pickle

import numpy as np

from sknet._dask.table import PartitionedTable, Partitions


class LocalWorkers:
    """Two workers, which compute each task when it is asked for; a future is its result."""

    n_threads = 2

    def __init__(self):
        self.calls = []

    def compute(self, partitions):
        self.calls.append("compute")
        return list(partitions)

    def start_tasks(self, function, *arguments, spread=False):
        self.calls.append(function.__name__)
        each = zip(*arguments, strict=True)
        return [copied(function(*copied(call_arguments))) for call_arguments in each]

    map_tasks = start_tasks

    def keep(self, make, *arguments):
        return KeptHere(self.start_tasks(make, *arguments), self.calls)


class KeptHere:
    """Values that stay on workers; each seventh call fails, as if a worker were lost."""

    def __init__(self, values, calls):
        self.values, self.calls = values, calls

    def call_each(self, method, arguments):
        self.calls.append(method)
        if self.calls.count(method) % 7 == 0:
            return None
        pairs = zip(self.values, arguments, strict=True)
        return [copied(getattr(value, method)(*copied(each))) for value, each in pairs if each is not None]


def copied(value):
    """Return a value as it is after its way to a worker, or back."""
    return pickle.loads(pickle.dumps(value))


def cut(X, n_parts, seed=0):
    """Cut a table into parts, of other lengths each."""
    n = len(X)
    at = np.sort(np.random.default_rng(seed).choice(np.arange(1, n), n_parts - 1, replace=False)) if n_parts > 1 else []
    bounds = [0, *at, n]
    rows = list(map(slice, bounds[:-1], bounds[1:]))
    return [X.iloc[part] if hasattr(X, "iloc") else X[part] for part in rows]


def of_parts(parts):
    """A table of these parts."""
    return PartitionedTable(Partitions(LocalWorkers(), parts), np.arange(sum(map(len, parts))))


def parted(X, n_parts=3):
    """A table in parts: on both workers, where there are several."""
    return of_parts(cut(X, n_parts))


def calls_of(table):
    """Return the names of the tasks that were asked for."""
    return table.partitions.cluster.calls


def distance(one, other):
    """Return the largest difference of two fits' weights."""
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)
