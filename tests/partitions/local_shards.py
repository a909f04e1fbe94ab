"""Shards in this process, as a cluster would hold them; they can be lost."""

import pickle
from threading import Lock

import numpy as np

from sknet._partitions.shard import Shard
from sknet._partitions.table import PartedTable
from sknet._partitions.training import on_shards


class LocalShards:
    """Shards whose calls go through pickle, as on their way to workers and back."""

    def __init__(self, parts, held):
        self.parts, self.held = parts, held
        self.shards = [Shard([parts[number] for number in numbers]) for numbers in held]
        self.calls, self.lock = [], Lock()

    def call(self, method, arguments, *, changes=False):
        self.calls.append(method)
        arguments = pickle.loads(pickle.dumps(arguments))
        with self.lock:  # a shard answers one call after the other
            answers = {i: getattr(self.shards[i], method)(*given) for i, given in arguments.items()}
            return pickle.loads(pickle.dumps(answers))


def cut(X, n_parts, seed=0):
    """Cut a table into parts, of other lengths each; the last one may be empty."""
    n = len(X)
    at = np.sort(np.random.default_rng(seed).choice(np.arange(1, n), n_parts - 1, replace=False)) if n_parts > 1 else []
    bounds = [0, *at, n]
    rows = list(map(slice, bounds[:-1], bounds[1:]))
    return [X.iloc[own] if hasattr(X, "iloc") else X[own] for own in rows]


def parted(X, n_parts=3, held=None, warn=lambda text: None):
    """A table in parts on shards: two of them, which hold the parts in turn, where there are several."""
    parts = cut(X, n_parts)
    if held is None:
        held = [list(range(0, n_parts, 2)), list(range(1, n_parts, 2))] if n_parts > 1 else [[0]]
    shards = LocalShards(parts, held)
    sample = X.iloc[:2] if hasattr(X, "iloc") else X[:2]
    return PartedTable(shards, [len(part) for part in parts], np.arange(len(X)), sample, on_shards(warn))
