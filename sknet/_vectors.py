"""Operations on vectors for which NumPy needs more than one pass.

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

    NumPy multiplies and adds in two passes, with a temporary array, which takes twice the time for the weights of a
    network. A fit gives SciPy's BLAS one thread, so that idle threads do not keep the cores busy (`_model/machine.py`).
    """
    if y.size:  # SciPy's wrapper raises for empty arrays
        # BLAS writes into y only if y is contiguous and of its type; `reshape` then returns views
        AXPY[y.dtype](x.reshape(-1), y.reshape(-1), a=a)
