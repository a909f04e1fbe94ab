"""The rows that columns are learnt from: all of them, or a sample that is drawn by row number.

A row is in the sample or not by its number and the seed alone, wherever the table is: in memory, in files, on workers.

Conventions
-----------
n rows; m of them in the sample.

numbers : (n,)           row numbers
"""

import numpy as np
from numpy.typing import NDArray

SAMPLE_ROWS = 200_000
"""The most rows that columns are learnt from: more change quantiles and means less than a network would notice."""

ROWS_HASHED_AT_ONCE = 2**18
"""Rows whose random keys are in memory at a time, while the sample is drawn."""


def hash_integers(numbers: NDArray[np.integer], seed: int = 0) -> NDArray[np.uint64]:
    """Hash integers into ones of 64 bits that look random (Steele et al. 2014, SplitMix)."""
    with np.errstate(over="ignore"):  # modulo 2**64 is what is wanted; the constants are SplitMix's
        z = (numbers.astype(np.uint64) + np.uint64(seed) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def exceeds_sample_size(n: int) -> bool:
    """Whether a table of n rows is larger than the sample that columns are learnt from."""
    return n > SAMPLE_ROWS


def sample_rows(n: int, seed: int) -> NDArray[np.intp]:
    """Return the numbers of the rows of a table that columns are learnt from, (m,), increasing.

    They are those with the smallest random keys.
    """
    if not exceeds_sample_size(n):
        return np.arange(n)
    smallest, its_keys = np.empty(0, np.intp), np.empty(0, np.uint64)
    # piece by piece: the keys of all rows would take as much memory as y
    for start in range(0, n, ROWS_HASHED_AT_ONCE):
        numbers = np.arange(start, min(start + ROWS_HASHED_AT_ONCE, n))
        numbers, keys = np.append(smallest, numbers), np.append(its_keys, hash_integers(numbers, seed))
        first = np.argpartition(keys, SAMPLE_ROWS)[:SAMPLE_ROWS] if len(keys) > SAMPLE_ROWS else slice(None)
        smallest, its_keys = numbers[first], keys[first]
    return np.sort(smallest)
