"""Operations on vectors that NumPy has no single pass for.

Conventions
-----------
x, y : arrays of the same length, contiguous and of the same type, float32 or float64
"""

import numpy as np
from scipy.linalg.blas import daxpy, saxpy

from sknet._typing import Array

AXPY = {np.dtype(np.float32): saxpy, np.dtype(np.float64): daxpy}
"""BLAS's y += a x, by type."""


def add_multiple(y: Array, a: float, x: Array) -> None:
    """Add a x to y, in place.

    NumPy multiplies and adds in two passes, with a temporary array: for the weights of a network twice the time. A fit
    gives SciPy's BLAS one thread, so that its idle ones do not keep the cores busy (see `_model/machine.py`).
    """
    if y.size:  # SciPy's wrapper refuses empty arrays
        # It writes into y only if that is contiguous and of its type, and else into a copy; reshape then makes views.
        AXPY[y.dtype](x.reshape(-1), y.reshape(-1), a=a)
