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

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse

from sknet._tables.categories import CategoryColumn, learn_category
from sknet._tables.columns import column_at, column_names, is_frame, kind_of, read_numbers
from sknet._tables.scaling import ColumnScaler, column_blocks, join_scalers, learn_scaler

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
        return [name + ending for name, of_column in zip(self.column_names, endings, strict=True) for ending in of_column]

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

    def encode(self, X: Any, dtype: DTypeLike | None = None) -> Any:
        """Encode a table into a new matrix of shape (n, n_inputs); a CSR matrix gives one."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        if isinstance(X, np.ndarray):
            return self._encode_array(np.asarray(X), dtype)
        if issparse(X):
            return self._encode_sparse(X, dtype)
        return self._encode_frame(X, dtype)

    def encode_rows(self, X: Array, rows: Any, out: Array) -> Array:
        """Encode the rows of an array given by an index array or a slice into `out`, and return it."""
        values = X[rows]
        if self.plain:
            self._scale(values, out)
        else:
            self._spread(values, out)
        return out

    def _encode_array(self, X: Array, dtype: np.dtype[Any]) -> Array:
        out = np.empty((len(X), self.n_inputs), dtype)
        for rows in row_blocks(*X.shape):
            self.encode_rows(X, rows, out[rows])
        return out

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
        if not self.scaler.scale_into(values, out):
            refuse_infinite(values, [self.column_names[j] for j in self.numbers])
            self._refuse_overflow(out)
        return out

    def _refuse_overflow(self, out: Array) -> None:
        if not np.isfinite(out).all():
            j = int(np.flatnonzero(~np.isfinite(out).all(axis=0))[0])
            name = self.column_names[self.numbers[j]]
            raise ValueError(
                f"Column {name!r} of X holds values too large for {out.dtype}: "
                "scale it, set input_scaling='robust', or set dtype='float64'."
            )

    def _encode_frame(self, frame: Any, dtype: np.dtype[Any]) -> Array:
        starts = self.starts
        out = np.zeros((len(frame), self.n_inputs), dtype)
        flagged = set(self.flagged.tolist())
        for k, position in enumerate(self.numbers):
            inputs = out[:, starts[position] : starts[position] + 1 + (k in flagged)]
            self._write_numbers(k, read_numbers(column_at(frame, position), self.column_names[position]), inputs)
        for category in self.categories:
            start = starts[category.position]
            category.write(column_at(frame, category.position), out[:, start : start + category.width])
        return out

    def _write_numbers(self, k: int, values: Array, inputs: Array) -> None:
        """Write one column of numbers, and its indicator if there is room for one."""
        one = TableEncoder(1, (self.column_names[self.numbers[k]],), self.scaler.column(k), _NONE, (), self.dtype)
        inputs[:, :1] = one._scale(values[:, None], np.empty((len(values), 1), inputs.dtype))
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


def refuse_infinite(values: Array, names: list[str]) -> None:
    """Raise a ValueError that names the first column with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        name = names[int(np.argmax(infinite))]
        raise ValueError(
            f"Column {name!r} of X contains infinity. Replace it by NaN if it stands for a missing value, "
            "or by a finite number."
        )


def refuse_bad_sparse(X: Any) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input only. "
            "Impute them first, or pass X as a dense array."
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


def _learn_sparse(
    X: Any, categorical_features: Any, method: str | None, weight: Array | None, dtype: np.dtype[Any]
) -> TableEncoder:
    if categorical_features is not None and not isinstance(categorical_features, str):
        raise ValueError(
            "categorical_features names columns of a sparse X, whose columns are always numbers: "
            "set categorical_features=None, or pass a dense array or a data frame."
        )
    refuse_bad_sparse(X)
    return TableEncoder(X.shape[1], None, learn_scaler(X, method, weight), _NONE, (), dtype)


def _learn_array(
    X: Array, categorical_features: Any, method: str | None, weight: Array | None, dtype: np.dtype[Any]
) -> TableEncoder:
    X = np.asarray(X)
    names = [f"x{j}" for j in range(X.shape[1])]
    chosen = np.zeros(len(names), dtype=bool) if _by_dtype(categorical_features) else _mask(categorical_features, names, False)
    categories = tuple(learn_category(int(j), X[:, j], weight) for j in np.flatnonzero(chosen))
    numbers = np.flatnonzero(~chosen)
    values = X if not categories else X[:, numbers]
    flagged = np.flatnonzero(_missing(values, [names[j] for j in numbers]))
    return TableEncoder(X.shape[1], None, learn_scaler(values, method, weight), flagged, categories, dtype)


def _missing(values: Array, names: list[str]) -> NDArray[np.bool_]:
    """Which columns of an array have a missing value; infinity is refused."""
    missing = np.zeros(values.shape[1], dtype=bool)
    for block in row_blocks(*values.shape):
        if not np.isfinite(values[block]).all():
            refuse_infinite(values[block], names)
            missing |= np.isnan(values[block]).any(axis=0)
    return missing


def _learn_frame(
    X: Any, categorical_features: Any, method: str | None, weight: Array | None, dtype: np.dtype[Any]
) -> TableEncoder:
    names = column_names(X)
    columns = [column_at(X, j) for j in range(len(names))]
    if _by_dtype(categorical_features):
        chosen = np.array([kind_of(c, n) == "category" for c, n in zip(columns, names, strict=True)], dtype=bool)
    else:
        chosen = _mask(categorical_features, list(names), True)
    categories = tuple(learn_category(int(j), columns[j], weight) for j in np.flatnonzero(chosen))
    scalers, flags = [], []
    for j in np.flatnonzero(~chosen):
        values = np.asarray(read_numbers(columns[j], names[j]))[:, None]
        flags.append(bool(_missing(values, [names[j]])[0]))
        scalers.append(learn_scaler(values, method, weight))
    like = ColumnScaler(np.empty(0), np.empty(0), clip=method == "robust", shift=method is not None)
    return TableEncoder(len(names), names, join_scalers(scalers, like), np.flatnonzero(flags), categories, dtype)


def _by_dtype(categorical_features: Any) -> bool:
    return isinstance(categorical_features, str) and categorical_features == "from_dtype"


def _mask(categorical_features: Any, names: list[str], named: bool) -> NDArray[np.bool_]:
    """Turn names, indices or a mask into a mask of the columns."""
    mask = np.zeros(len(names), dtype=bool)
    if categorical_features is None:
        return mask
    given = np.asarray(categorical_features)
    if given.size == 0:
        return mask
    if given.dtype.kind == "b":
        if given.shape != mask.shape:
            raise ValueError(
                f"categorical_features is a mask of shape {given.shape}, but X has {len(names)} columns: "
                "give one boolean a column."
            )
        return given
    if given.dtype.kind in "iu":
        bad = [int(j) for j in given.ravel() if not -len(names) <= j < len(names)]
        if bad:
            raise ValueError(
                f"categorical_features has the indices {bad}, but X has {len(names)} columns: give indices from 0 to "
                f"{len(names) - 1}."
            )
        mask[given.ravel()] = True
        return mask
    if given.dtype.kind in "UOT" and all(isinstance(name, str) for name in given.ravel().tolist()):
        unknown = [name for name in given.ravel().tolist() if name not in names]
        if unknown:
            raise ValueError(f"categorical_features names {unknown}, which are no columns of X; its columns are {names}.")
        mask[[names.index(name) for name in given.ravel().tolist()]] = True
        return mask
    raise ValueError(
        f"categorical_features={categorical_features!r} is not understood: give 'from_dtype', None, or an array of "
        "column names, indices or booleans."
    )
