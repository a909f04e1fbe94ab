"""Operations on vectors for which NumPy needs more than one pass, and blocks of rows.

Conventions
-----------
x, y : (n,)   contiguous and of the same type, float32 or float64
"""

from collections.abc import Iterator
from typing import overload

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

from sknet._typing import Array, Batch

AXPY_BY_DTYPE = {np.dtype(np.float32): saxpy, np.dtype(np.float64): daxpy}
"""BLAS's y += a x, by type."""


def add_multiple(y: Array, a: float, x: Array) -> None:
    """Add a x to y, in place.

    NumPy multiplies and adds in two passes, with a temporary array, which takes twice the time for the weights of a
    network. A fit gives SciPy's BLAS one thread, so that idle threads do not keep the cores busy (`_model/machine.py`).
    """
    if y.size:  # SciPy's wrapper raises for empty arrays
        AXPY_BY_DTYPE[y.dtype](x, y, a=a)


@overload
def blocks_of_batch(batch: slice, size: int) -> Iterator[slice]: ...


@overload
def blocks_of_batch(batch: Batch, size: int) -> Iterator[Batch]: ...


def blocks_of_batch(batch: Batch, size: int) -> Iterator[Batch]:
    """Split a batch of rows, a slice or an array of indices, into blocks of at most `size` rows."""
    if isinstance(batch, slice):
        for start in range(batch.start, batch.stop, size):
            yield slice(start, min(start + size, batch.stop))
    else:
        for start in range(0, len(batch), size):
            yield batch[start : start + size]


def shuffled_batches(n: int, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    """Return the batches of an epoch of n rows; without `rng`, or if one batch has all rows, they are not shuffled."""
    return blocks_of_batch(slice(0, n) if rng is None or size >= n else rng.permutation(n), size)
