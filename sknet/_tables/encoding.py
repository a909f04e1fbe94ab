"""From a table to the matrix a network is fed: numbers scaled, categories spelt out, missing values marked.

The table is a float array, a CSR matrix or a data frame. The order of its columns is kept: each becomes one input or
several, side by side.

Conventions
-----------
n rows; d columns, d_num of them numbers.

X : (n, d)               the table
values : (n, d_num)      its numbers as they come, NaN where missing
out : (n, n_inputs)      what the network is fed
flagged : (m,)           indices into the d_num numbers, of those with an indicator of missing values
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse

from sknet._tables.categories import CategoryColumn, learn_category
from sknet._tables.columns import (
    chosen_categories,
    column_at,
    column_names,
    held_as_array,
    is_frame,
    kind_of,
    read_numbers,
)
from sknet._tables.scaling import ColumnScaler, all_finite, learn_scaler, scaler_of

Array = NDArray[Any]

BLOCK = 2**16
"""How many values are scaled in one piece, so that they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class TableEncoder:
    """How a table becomes the network's input.

    Attributes
    ----------
    n_columns : int
        Columns of the table.
    names : tuple of str, or None
        Names of the columns; None for an array, whose columns are x0, x1, …
    scaler : ColumnScaler
        Of the columns that are numbers, in order.
    flagged : ndarray of ints
        Which of these numbers are followed by an indicator: they had missing values in training.
    categories : tuple of CategoryColumn
        The other columns.
    dtype : numpy.dtype
        What `encode` returns unless told otherwise.
    """

    n_columns: int
    names: tuple[str, ...] | None
    scaler: ColumnScaler
    flagged: NDArray[np.intp]
    categories: tuple[CategoryColumn, ...]
    dtype: np.dtype[Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TableEncoder):
            return NotImplemented
        plain = [(e.n_columns, e.names, e.scaler, e.categories, e.dtype) for e in (self, other)]
        return plain[0] == plain[1] and np.array_equal(self.flagged, other.flagged)

    __hash__ = None  # type: ignore[assignment]

    @property
    def n_inputs(self) -> int:
        """How many inputs the network has."""
        return len(self.scaler.center) + len(self.flagged) + sum(column.width for column in self.categories)

    @property
    def column_names(self) -> tuple[str, ...]:
        """A name for each column of the table."""
        return self.names or tuple(f"x{j}" for j in range(self.n_columns))

    @property
    def feature_names(self) -> list[str]:
        """A name for each input: the column's, followed by the level's or by "missing"."""
        endings: list[list[str]] = [[""] for _ in range(self.n_columns)]
        for j in self.numbers[self.flagged]:
            endings[j] = ["", "_missing"]
        for category in self.categories:
            endings[category.position] = [f"_{ending}" for ending in category.endings]
        return [
            name + ending for name, of_column in zip(self.column_names, endings, strict=True) for ending in of_column
        ]

    @property
    def numbers(self) -> NDArray[np.intp]:
        """Positions of the columns that are numbers."""
        return np.delete(np.arange(self.n_columns), [category.position for category in self.categories])

    @property
    def starts(self) -> NDArray[np.intp]:
        """First input of each column."""
        widths = np.ones(self.n_columns, dtype=np.intp)
        widths[self.numbers[self.flagged]] = 2
        for category in self.categories:
            widths[category.position] = category.width
        return np.cumsum(widths) - widths

    @property
    def plain(self) -> bool:
        """Whether every column is one number and nothing else."""
        return not self.categories and not self.flagged.size

    def encode(self, X: Any, dtype: DTypeLike | None = None, *, ones: bool = False) -> Any:
        """Encode a table into a new matrix of shape (n, n_inputs); a CSR matrix gives one.

        With `ones`, a dense matrix has one more column, whose values are all 1.
        """
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        if issparse(X):
            return self._encode_sparse(X, dtype)
        out = np.empty((len(X), self.n_inputs + ones), dtype)
        out[:, self.n_inputs :] = 1.0
        array = np.asarray(X) if isinstance(X, np.ndarray) else held_as_array(X)
        if array is None:
            self._encode_frame(X, out[:, : self.n_inputs])
        else:
            self._encode_array(array, out[:, : self.n_inputs])
        return out

    def encode_rows(self, X: Array, rows: Any, out: Array) -> Array:
        """Encode the rows of an array given by an index array or a slice into `out`, and return it."""
        values = (np.asarray(X) if isinstance(X, np.ndarray) else X)[rows]
        # a dozen passes over rows that lie apart take longer than a copy
        dense = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        if self.plain:
            self._scale(values, dense)
        else:
            self._spread(values, dense)
        if dense is not out:
            out[...] = dense
        return out

    def _encode_array(self, X: Array, out: Array) -> None:
        for rows in row_blocks(*X.shape):
            self.encode_rows(X, rows, out[rows])

    def _spread(self, values: Array, out: Array) -> None:
        """Encode rows of an array, some of whose columns become several inputs."""
        numbers, starts = self.numbers, self.starts
        out[...] = 0.0
        observed = values[:, numbers]
        out[:, starts[numbers]] = self._scale(observed, np.empty(observed.shape, out.dtype))
        out[:, starts[numbers[self.flagged]] + 1] = np.isnan(observed[:, self.flagged])
        for category in self.categories:
            start = starts[category.position]
            category.write(values[:, category.position], out[:, start : start + category.width])

    def _scale(self, values: Array, out: Array) -> Array:
        """Scale and impute numbers of shape (n, d_num)."""
        return scale_or_refuse(self.scaler, values, out, lambda k: self.column_names[self.numbers[k]])

    def _encode_frame(self, frame: Any, out: Array) -> None:
        out[...] = 0.0
        names, starts, flagged = self.column_names, self.starts, set(self.flagged.tolist())
        for k, position in enumerate(self.numbers):
            values = read_numbers(column_at(frame, position), names[position])
            self._write_number(k, values, names[position], out[:, starts[position] :][:, : 1 + (k in flagged)])
        for category in self.categories:
            start = starts[category.position]
            category.write(column_at(frame, category.position), out[:, start : start + category.width])

    def _write_number(self, k: int, values: Array, name: str, inputs: Array) -> None:
        """Write one column of numbers, and its indicator if there is room for one."""
        scaled = np.empty((len(values), 1), inputs.dtype)
        inputs[:, :1] = scale_or_refuse(self.scaler.column(k), values[:, None], scaled, lambda _: name)
        inputs[:, 1:] = np.isnan(values)[:, None]

    def _encode_sparse(self, X: Any, dtype: np.dtype[Any]) -> Any:
        refuse_bad_sparse(X)
        Z = X.astype(dtype, copy=True)
        Z.data *= self.scaler.scale.astype(dtype)[Z.indices]
        return Z


_NONE = np.empty(0, dtype=np.intp)


def row_blocks(n: int, d: int) -> Iterator[slice]:
    """Cut n rows of d columns into blocks of about `BLOCK` values."""
    height = max(1, BLOCK // max(d, 1))
    return (slice(start, min(start + height, n)) for start in range(0, n, height))


def scale_or_refuse(scaler: ColumnScaler, values: Array, out: Array, name_of: Callable[[int], str]) -> Array:
    """Write scaled values into `out` and return it; a ValueError names a column with infinite or too large values."""
    if not scaler.scale_into(values, out):
        refuse_infinite(values, name_of)
        _refuse_overflow(out, name_of)
    return out


def refuse_infinite(values: Array, name_of: Callable[[int], str]) -> None:
    """Raise a ValueError that names the first column with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise ValueError(
            f"Column {name_of(int(np.argmax(infinite)))!r} of X contains infinity: replace it by a finite number, "
            "or by NaN if it stands for a missing value."
        )


def _refuse_overflow(out: Array, name_of: Callable[[int], str]) -> None:
    excessive = ~np.isfinite(out).all(axis=0)
    if excessive.any():
        raise ValueError(
            f"Column {name_of(int(np.argmax(excessive)))!r} of X holds values too large for {out.dtype}: divide it "
            "by a number of its magnitude, set input_scaling='robust', or set dtype='float64'."
        )


def refuse_bad_sparse(X: Any) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )


def learn_encoder(
    X: Any,
    *,
    categorical_features: Any = "from_dtype",
    input_scaling: str | None = "robust",
    weight: ArrayLike | None = None,
    dtype: DTypeLike = np.float64,
) -> TableEncoder:
    """Learn how a table becomes the network's input.

    Parameters
    ----------
    X : ndarray, CSR matrix or data frame of shape (n, d)
        An array holds floats, with NaN where one is missing, and may be a read-only memory map.
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        Which columns are categories: by their dtype, name, index or mask.
    input_scaling : {"robust", "standard", None}
        How numbers are scaled.
    weight : array-like of shape (n,), default=None
        Positive; how often each row counts.
    dtype : dtype, default=float64
        What the encoder returns unless told otherwise.

    Returns
    -------
    TableEncoder
    """
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    learn = _learn_sparse if issparse(X) else _learn_frame if is_frame(X) else _learn_array
    return learn(X, categorical_features, input_scaling, w, np.dtype(dtype))


def _by_dtype(categorical_features: Any) -> bool:
    return isinstance(categorical_features, str) and categorical_features == "from_dtype"


def _learn_sparse(X: Any, chosen: Any, method: str | None, weight: Array | None, dtype: np.dtype[Any]) -> TableEncoder:
    if chosen is not None and not _by_dtype(chosen):
        raise ValueError(
            f"categorical_features={chosen!r} cannot be used with sparse X, whose columns are always numbers: set it "
            "to None, or pass a dense array or a data frame."
        )
    refuse_bad_sparse(X)
    return TableEncoder(X.shape[1], None, learn_scaler(X, method, weight), _NONE, (), dtype)


def _learn_array(
    X: Array,
    chosen: Any,
    method: str | None,
    weight: Array | None,
    dtype: np.dtype[Any],
    given_names: tuple[str, ...] | None = None,
) -> TableEncoder:
    X = np.asarray(X) if isinstance(X, np.ndarray) else X
    names = given_names or tuple(f"x{j}" for j in range(X.shape[1]))
    mask = chosen_categories(None if _by_dtype(chosen) else chosen, names)
    categories = tuple(learn_category(int(j), names[j], X[:, j], weight) for j in np.flatnonzero(mask))
    numbers = np.flatnonzero(~mask)
    flagged = np.flatnonzero(_missing(X, names, ~mask)[numbers])
    scaler = learn_scaler(X, method, weight, numbers if categories else None)
    return TableEncoder(X.shape[1], given_names, scaler, flagged, categories, dtype)


def _missing(X: Array, names: Sequence[str], numbers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which columns of an array have missing values; infinite numbers are refused."""
    missing = np.zeros(X.shape[1], dtype=bool)
    for rows in row_blocks(*X.shape):
        if not all_finite(X[rows]):
            refuse_infinite(np.where(numbers, X[rows], 0.0), names.__getitem__)
            missing |= np.isnan(X[rows]).any(axis=0)
    return missing


def _learn_frame(X: Any, chosen: Any, method: str | None, weight: Array | None, dtype: np.dtype[Any]) -> TableEncoder:
    names = column_names(X)
    array = held_as_array(X)
    if array is not None:
        return _learn_array(array, chosen, method, weight, dtype, names)
    mask = None if _by_dtype(chosen) else chosen_categories(chosen, names)
    categories, numbers = [], []
    for j, name in enumerate(names):
        column = column_at(X, j)
        if kind_of(column, name) == "category" if mask is None else mask[j]:
            categories.append(learn_category(j, name, column, weight))
        else:
            numbers.append(_learn_number(column, name, method, weight))
    scaler = scaler_of([(one.center, one.scale) for one, _ in numbers], method)
    flagged = np.flatnonzero([flag for _, flag in numbers])
    return TableEncoder(len(names), names, scaler, flagged, tuple(categories), dtype)


def _learn_number(column: pd.Series, name: str, method: str | None, weight: Array | None) -> tuple[ColumnScaler, bool]:
    """Learn one column's scaling, and whether it has missing values."""
    values = read_numbers(column, name)[:, None]
    missing = _missing(values, [name], np.array([True]))
    return learn_scaler(values, method, weight), bool(missing[0])
