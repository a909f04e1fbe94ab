"""The sample of rows that columns are learnt from, and the folds of cross-fitting.

Columns are learnt from all rows of a small table, and from a sample of a large one. Whether a row is in the sample
depends only on its index and the seed, so that tables in memory, in files and on workers have the same sample.

Conventions
-----------
n rows.

row_indices : (n,)       in the whole table
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sknet._typing import Array
from sknet._vectors import blocks_of_batch

SAMPLE_ROWS = 200_000
"""Columns are learnt from at most this many rows: more rows hardly change quantiles and means."""

ROWS_HASHED_AT_ONCE = 2**16
"""Rows whose random keys are in memory at a time, while the sample is drawn."""


def hash_integers(integers: NDArray[np.integer], seed: int = 0) -> NDArray[np.uint64]:
    """Return a pseudorandom integer of 64 bits for each integer (SplitMix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64; the constants are SplitMix's
        z = (integers.astype(np.uint64) + np.uint64(seed) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def exceeds_sample_size(n: int) -> bool:
    """Whether a table of n rows is larger than the sample that columns are learnt from."""
    return n > SAMPLE_ROWS


def sample_rows(n: int, seed: int) -> NDArray[np.intp]:
    """Return the indices of the rows, of n, that columns are learnt from, (m,), increasing.

    Each row has a random key, and the rows with the smallest keys are drawn.
    """
    if not exceeds_sample_size(n):
        return np.arange(n)
    smallest, its_keys = np.empty(0, np.intp), np.empty(0, np.uint64)
    # the keys of all rows at once would take as much memory as y
    for block in blocks_of_batch(slice(0, n), ROWS_HASHED_AT_ONCE):
        new = np.arange(block.start, block.stop)
        new_keys = hash_integers(new, seed)
        if len(smallest) == SAMPLE_ROWS:  # most rows of a large table can be left out at once
            is_smaller = new_keys < its_keys.max()
            new, new_keys = new[is_smaller], new_keys[is_smaller]
        row_indices, keys = np.append(smallest, new), np.append(its_keys, new_keys)
        first = np.argpartition(keys, SAMPLE_ROWS)[:SAMPLE_ROWS] if len(keys) > SAMPLE_ROWS else slice(None)
        smallest, its_keys = row_indices[first], keys[first]
    return np.sort(smallest)


N_ENCODING_FOLDS = 5
"""In how many folds the training rows are encoded, as in scikit-learn."""


def cross_fit_folds(
    target: Array, row_indices: NDArray[np.integer], n_rows: int, n_folds: int = N_ENCODING_FOLDS
) -> NDArray[np.intp]:
    """Assign training rows to the folds of cross-fitting, so that no row is encoded by its own target.

    In a small table, each fold has its share of each label, or of small and of large numbers; all rows must be given.
    In a large table, the fold follows from a row's index alone, so that the rows may come in blocks. The same rows
    always have the same folds. The whole table has `n_rows` rows; the target has a row for each of `row_indices`.
    """
    if exceeds_sample_size(n_rows):
        return (hash_integers(row_indices) % np.uint64(n_folds)).astype(np.intp)
    # sort by the target, equal ones in random order, and assign in turn
    shuffled = np.random.default_rng(0).permutation(len(target))
    by_target = shuffled[np.lexsort(np.round(target[shuffled], 3).T)]
    encoding_fold = np.empty(len(target), dtype=np.intp)
    encoding_fold[by_target] = np.arange(len(target)) % n_folds
    return encoding_fold
