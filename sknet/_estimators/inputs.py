"""What the user passes, checked: the table and the weights.

Conventions
-----------
X : (n, d)         array, CSR matrix or data frame, its values not yet encoded
y : (n,), (n, k)   labels or numbers
weight : (n,)      float64, positive; None where every row counts once
"""

import sys
import warnings
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sknet._tables.columns import column_names, is_frame, shortened

Array = npt.NDArray[Any]


MERGED = 2**20
"""Up to so many values, a table's equal rows are looked for."""


@dataclass(frozen=True)
class Data:
    """A table, its targets and its weights; the rows' groups, for a splitter.

    Where rows of weight 0 were dropped, `whole` is what the user passed, and
    `place` says where in it each row is.
    """

    X: Any
    y: Array
    weight: Array | None = None
    groups: Array | None = None
    whole: "Data | None" = None
    place: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> "Data":
        """Return some of the rows."""
        weight, groups = (None if part is None else part[rows] for part in (self.weight, self.groups))
        return Data(take_rows(self.X, rows), self.y[rows], weight, groups)

    def without_weightless(self) -> "Data":
        """Drop the rows of weight 0: they are no rows."""
        if self.weight is None or self.weight.all():
            return self
        rows = np.flatnonzero(self.weight)
        place = rows if self.place is None else self.place[rows]
        return replace(self.take(rows), whole=self.whole or self, place=place)

    def in_memory(self) -> "Data":
        """Load the table's rows where they lie in a file."""
        return replace(self, X=np.array(self.X)) if is_memory_mapped(self.X) else self

    def merged(self) -> "Data":
        """Merge equal rows of an array or CSR matrix, adding up their weights, in an order that is theirs alone.

        A row of weight 2 then is two rows to the last bit, however far a
        solver's steps carry rounding errors.
        """
        if (not isinstance(self.X, np.ndarray) and not is_sparse(self.X)) or self.X.shape[0] * self.X.shape[1] > MERGED:
            return self
        X = self.X.toarray() if is_sparse(self.X) else self.X
        codes = [np.unique(column, return_inverse=True)[1] for column in self.y.reshape(len(self), -1).T]
        first, place = distinct_rows(X, np.unique(codes, axis=1, return_inverse=True)[1].ravel())
        if self.weight is None and len(first) == len(self):
            return self
        weight = np.bincount(place, weights=self.weight).astype(np.float64)
        return self.take(first).weighted(None if (weight == 1.0).all() else weight)

    def weighted(self, weight: Array | None) -> "Data":
        """Return the same rows under other weights."""
        return replace(self, weight=weight)


def distinct_rows(X: Array, labels: Array) -> tuple[Array, Array]:
    """Find equal rows of numbers under the same label.

    Parameters
    ----------
    X : (n, d) array
    labels : (n,) array of int

    Returns
    -------
    first : (m,) array of int
        One row of each kind, in an order that depends on what they hold alone.

    place : (n,) array of int
        Of which kind each row is.
    """
    factors = np.random.default_rng(0).random(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        keys = (X * factors).sum(axis=1) + labels  # of equal rows to the last bit, as a BLAS' sums might not be
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    kind = first[place]
    if np.array_equal(labels, labels[kind]) and np.array_equal(X, X[kind]):
        return first, place
    # rows with missing values, or different ones that happen to have one key
    values = np.hstack([np.ascontiguousarray(part).view(np.uint8).reshape(len(X), -1) for part in (X, labels)])
    _, first, place = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return first, place.ravel()


class MappedRows:
    """Some rows of a memory-mapped array, read when they are asked for.

    Parameters
    ----------
    values : (n, d) array
    rows : array of int
    """

    def __init__(self, values: Array, rows: Array) -> None:
        self._values, self._rows = np.asarray(values), rows
        self.shape, self.dtype = (len(rows), values.shape[1]), values.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Array:
        if not isinstance(key, tuple):
            return self._values[self._rows[key]]
        rows, columns = self._rows[key[0]], np.arange(self.shape[1])[key[1]]
        return self._values[rows[:, np.newaxis], columns] if columns.ndim else self._values[rows, columns]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return np.asarray(self[:], dtype)

    def take(self, rows: Array) -> "MappedRows":
        """Return some of these rows."""
        return MappedRows(self._values, self._rows[rows])


def take_rows(X: Any, rows: Any) -> Any:
    """Return some rows of an array, a CSR matrix or a data frame; an index into a file is kept as such."""
    if isinstance(X, MappedRows):
        return X.take(rows)
    if is_memory_mapped(X) and not isinstance(rows, slice):
        return MappedRows(X, rows)
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def read_table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Check a table, its column names and their number against the estimator.

    Sets, on the estimator, with `reset`: n_features_in_, feature_names_in_.
    """
    if is_frame(X):
        names = column_names(X)
        if len(set(names)) < len(names):
            raise ValueError(
                f"X has several columns with one name, {shortened(sorted({n for n in names if names.count(n) > 1}))}: "
                "rename them, or drop the copies with X.loc[:, ~X.columns.duplicated()]."
            )
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        for size, what in zip(X.shape, ("sample", "feature"), strict=True):
            if size == 0:
                raise ValueError(
                    f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required "
                    f"by {type(estimator).__name__}."
                )
        return X
    if not reset and is_ready(estimator, X):
        return X
    if isinstance(X, np.ndarray) and X.dtype == object:
        X = np.where(pd.isna(X), np.nan, X)  # None and pandas.NA, too
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the sum by which infinities are looked for
            X = validate_data(
                estimator, X, reset=reset, accept_sparse="csr", dtype="numeric", ensure_all_finite="allow-nan"
            )
    except ValueError as error:
        if "could not convert string to float" not in str(error) and "bytes/strings" not in str(error):
            raise
        raise ValueError(
            f"{error} X holds text, which is taken as categories in pandas and polars data frames only: "
            "pass X as one, or encode it."
        ) from error
    ours = X.dtype.kind in "iu" or X.dtype in (np.float32, np.float64)
    return X if ours or is_memory_mapped(X) else X.astype(np.float64)


def is_ready(estimator: Any, X: Any) -> bool:
    """Whether X is what `validate_data` would return as it is, which takes it longer than to predict a row."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and X.shape[0] > 0
        and not hasattr(estimator, "feature_names_in_")
        and _has_finite_sum(X)
    )


def _has_finite_sum(X: Array) -> bool:
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def float_type(X: Any) -> np.dtype[Any]:
    """Return the type of fitted arrays and predictions: the table's own float type, float64 if it has none."""
    types = {str(kind).lower() for kind in X.dtypes} if hasattr(X, "dtypes") else {str(getattr(X, "dtype", ""))}
    return np.dtype(np.float32 if types == {"float32"} else np.float64)


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
    with np.errstate(over="ignore"):
        finite = np.isfinite(weight.sum())
    if not finite:
        raise ValueError(f"{name} adds up to more than a float holds, with weights of {weight.max():g}: divide it.")
    if not weight.any():
        raise ValueError(f"{name} is zero for every row: at least one weight must be positive.")
    return weight


def read_groups(groups: Any, n: int) -> Array | None:
    """Check the groups of the rows: one a row."""
    if groups is None:
        return None
    values: Array = np.asarray(groups)
    if values.shape != (n,):
        raise ValueError(f"groups has shape {values.shape}, expected ({n},): one group a row of X.")
    return values


def is_memory_mapped(X: Any) -> bool:
    """Whether a dense array's values lie in a file."""
    if isinstance(X, MappedRows):
        return True
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def is_sparse(X: Any) -> bool:
    """Whether X is a sparse matrix or array."""
    return bool(sp.issparse(X))


def gather(table: Any, target: Array, sample_weight: Any, groups: Any = None, name: str = "sample_weight") -> Data:
    """Put a table, its targets, weights and groups together, one of each a row; rows of weight 0 are dropped."""
    n = len(target)
    if table.shape[0] != n:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: [{table.shape[0]}, {n}]")
    return Data(table, target, read_weight(sample_weight, n, name), read_groups(groups, n)).without_weightless()


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first one up the stack that is neither in this package nor in scikit-learn."""
    frame, level = sys._getframe(1), 2
    while frame.f_globals.get("__name__", "").split(".")[0] in _OURS and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


_OURS = {"sknet", "sklearn"}
