"""What the user passes, checked: the table and the weights.

Conventions
-----------
X : (n, d)         array, CSR matrix or data frame, its values not yet encoded
y : (n,), (n, k)   labels or numbers
weight : (n,)      float64, positive; None where every row counts once
"""

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sknet._tables.columns import is_frame

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Data:
    """A table, its targets and its weights."""

    X: Any
    y: Array
    weight: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> "Data":
        """Return some of the rows."""
        return Data(take_rows(self.X, rows), self.y[rows], None if self.weight is None else self.weight[rows])

    def without_weightless(self) -> "Data":
        """Drop the rows of weight 0: they are no rows."""
        if self.weight is None or self.weight.all():
            return self
        return self.take(np.flatnonzero(self.weight))

    def weighted(self, weight: Array | None) -> "Data":
        """Return the same rows under other weights."""
        return replace(self, weight=weight)


def take_rows(X: Any, rows: Any) -> Any:
    """Return some rows of an array, a CSR matrix or a data frame."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def read_table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Check a table, its column names and their number against the estimator.

    Sets, on the estimator, with `reset`: n_features_in_, feature_names_in_.
    """
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        for size, what in zip(X.shape, ("sample", "feature"), strict=True):
            if size == 0:
                raise ValueError(
                    f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required "
                    f"by {type(estimator).__name__}."
                )
        return X
    X = validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype="numeric", ensure_all_finite="allow-nan")
    ours = X.dtype.kind in "iu" or X.dtype in (np.float32, np.float64)
    return X if ours else X.astype(np.float64)


def float_type(X: Any) -> np.dtype[Any]:
    """Return the type of fitted arrays and predictions: the table's own float type, float64 if it has none."""
    return np.dtype(np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64)


def read_weight(sample_weight: Any, n: int, name: str = "sample_weight") -> Array | None:
    """Check sample weights: one a row, none negative, not all zero."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    weight: Array = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name=name)
    if weight.shape != (n,):
        raise ValueError(f"{name} has shape {weight.shape}, expected ({n},): one weight a row of X.")
    if (weight < 0.0).any():
        raise ValueError(f"{name} holds a negative weight, {weight.min():g}: weights must be 0 or more.")
    if not weight.any():
        raise ValueError(f"{name} is zero for every row: at least one weight must be positive.")
    return weight


def is_memory_mapped(X: Any) -> bool:
    """Whether a dense array's values lie in a file."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix or array."""
    return bool(sp.issparse(X))


def check_rows(table: Any, target: Array) -> None:
    """Raise unless the table and the targets have the same number of rows."""
    if table.shape[0] != len(target):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: [{table.shape[0]}, {len(target)}]"
        )
