"""From a table to the network's input: numbers scaled, categories one-hot encoded, missing values marked.

The table is a float array, a CSR matrix or a data frame. The order of its columns is kept: each becomes one input or
several, side by side.

Conventions
-----------
n rows; d columns, d_num of them numbers.

X : (n, d)               the table
values : (n, d) or less  rows of an array as they come, NaN where a value is missing
out : (n, n_inputs)      the network's input
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse

from sknet._tables.columns import Column, ColumnSettings
from sknet._tables.columns.category import learn_category
from sknet._tables.columns.number import (
    BLOCK,
    ColumnScaler,
    NumberColumn,
    learn_numbers,
    learn_sparse,
    missing_columns,
    refuse_excessive,
    scale_or_refuse,
    stacked,
)
from sknet._tables.columns.quantile import QuantileColumn, learn_quantiles
from sknet._tables.frames import (
    Kind,
    chosen_categories,
    column_at,
    column_names,
    held_as_array,
    kind_of,
    number_values,
)
from sknet._tables.rows import is_frame
from sknet._typing import Array, Batch, DType, Table

NUMBERS = (NumberColumn, QuantileColumn)
"""Kinds of columns whose values are numbers, as those of a sparse table are."""


@dataclass(frozen=True)
class _Plan:
    """Where each column's inputs are, and which columns are scaled at once.

    Attributes
    ----------
    starts : ndarray of ints, of shape (d + 1,)
        First input of each column; at last, how many inputs there are.
    numbers, inputs : ndarray of ints, of shape (d_num,)
        Positions of the columns of numbers in the table, and of their numbers among the inputs.
    indicated : ndarray of ints, of shape (m,)
        Which of these have an indicator of missing values, right after their input.
    scaler : ColumnScaler
        Of the numbers.
    plain : bool
        Whether every column is one number and nothing else.
    """

    starts: NDArray[np.intp]
    numbers: NDArray[np.intp]
    inputs: NDArray[np.intp]
    indicated: NDArray[np.intp]
    scaler: ColumnScaler
    plain: bool


@dataclass(frozen=True)
class TableEncoder:
    """How a table becomes the network's input.

    Attributes
    ----------
    names : tuple of str, or None
        Names of the columns; None for an array, whose columns are x0, x1, …
    columns : tuple of Column
        What was learnt about each column, in the table's order.
    """

    names: tuple[str, ...] | None
    columns: tuple[Column, ...]

    def __reduce__(self) -> tuple[type[TableEncoder], tuple[object, ...]]:
        return TableEncoder, (self.names, self.columns)  # without what is found again from them

    @property
    def n_columns(self) -> int:
        """How many columns the table has."""
        return len(self.columns)

    @cached_property
    def _plan(self) -> _Plan:
        starts, positions, numbers = [0], [], []
        for j, column in enumerate(self.columns):
            if isinstance(column, NumberColumn):
                positions.append(j)
                numbers.append(column)
                starts.append(starts[-1] + 1 + column.has_missing_indicator)
            else:
                starts.append(starts[-1] + column.n_inputs)
        first, where = np.array(starts, dtype=np.intp), np.array(positions, dtype=np.intp)
        indicated = np.flatnonzero(np.diff(first)[where] == 2)
        plain = len(numbers) == len(self.columns) == starts[-1]
        return _Plan(first, where, first[where], indicated, stacked(numbers), plain)

    @property
    def n_inputs(self) -> int:
        """How many inputs the network has."""
        return int(self._plan.starts[-1])

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """A name for each column of the table."""
        return self.names or tuple(f"x{j}" for j in range(self.n_columns))

    @property
    def feature_names(self) -> list[str]:
        """A name for each input: the column's, followed by the level's or by "missing"."""
        pairs = zip(self.column_names, self.columns, strict=True)
        return [name + suffix for name, column in pairs for suffix in column.suffixes]

    @property
    def plain(self) -> bool:
        """Whether every column is one number and nothing else."""
        return self._plan.plain

    @property
    def keeps_zeros(self) -> bool:
        """Whether a zero stays one in every column: a sparse table then stays sparse."""
        scaler = self._plan.scaler
        return self._plan.plain and not (scaler.shift or scaler.clip)

    def encode(self, X: Table, dtype: DTypeLike, *, ones: bool = False) -> Table:
        """Encode a table into a new matrix of shape (n, n_inputs); a CSR matrix gives one.

        With `ones`, a dense matrix has one more column, whose values are all 1.
        """
        if issparse(X):
            refuse_bad_sparse(X)
            if self.keeps_zeros:
                return self._encode_sparse(X, np.dtype(dtype))
            X = self._as_dense(X)
        m = self.n_inputs
        out = np.empty((len(X), m + ones), dtype)
        out[:, m:] = 1.0
        array = np.asarray(X) if isinstance(X, np.ndarray) else held_as_array(X)
        if array is None:
            self._encode_frame(X, out[:, :m])
            return out
        height = max(1, BLOCK // max(array.shape[1], 1))
        for start in range(0, len(array), height):  # in pieces that stay in the processor's cache
            rows = slice(start, min(start + height, len(array)))
            self.encode_rows(array, rows, out[rows, :m])
        return out

    def encode_rows(self, X: Table, rows: Batch, out: Array) -> Array:
        """Encode the rows of an array given by an index array or a slice into `out`, and return it."""
        values = (np.asarray(X) if isinstance(X, np.ndarray) else X)[rows]
        # a dozen passes over rows that lie apart take longer than a copy
        dense = out if out.flags.c_contiguous else np.empty(out.shape, out.dtype)
        if self._plan.plain:
            scale_or_refuse(self._plan.scaler, values, dense, self._name_of_number)
        else:
            self._spread(values, dense)
        if dense is not out:
            out[...] = dense
        return out

    def _name_of_number(self, k: int) -> str:
        return self.column_names[self._plan.numbers[k]]

    def _spread(self, values: Array, out: Array) -> None:
        """Encode rows of an array, some of whose columns become several inputs."""
        plan = self._plan
        out[...] = 0.0
        observed = values[:, plan.numbers]  # (n, d_num)
        scaled = np.empty(observed.shape, out.dtype)
        out[:, plan.inputs] = scale_or_refuse(plan.scaler, observed, scaled, self._name_of_number)
        out[:, plan.inputs[plan.indicated] + 1] = np.isnan(observed[:, plan.indicated])
        for j in np.delete(np.arange(self.n_columns), plan.numbers).tolist():
            self.columns[j].write(values[:, j], out[:, plan.starts[j] : plan.starts[j + 1]], self.column_names[j])

    def _encode_frame(self, frame: Table, out: Array) -> None:
        out[...] = 0.0
        starts = self._plan.starts
        for j, column in enumerate(self.columns):
            column.write(column_at(frame, j), out[:, starts[j] : starts[j + 1]], self.column_names[j])

    def _encode_sparse(self, X: Table, dtype: DType) -> Table:
        scale = self._plan.scaler.scale
        with np.errstate(over="ignore"):
            Z = X.astype(dtype, copy=True)
            if self._plan.scaler.single:
                Z.data *= scale.astype(dtype)[Z.indices]
            else:  # where float32 has not the range, float64 does it, and the result is rounded once
                Z.data = (X.data * scale[X.indices]).astype(dtype)
        excessive = Z.indices[~np.isfinite(Z.data)]
        if excessive.size:
            refuse_excessive(self.column_names[excessive.min()], dtype)
        return Z

    def _as_dense(self, X: Table) -> Array:
        """Return sparse rows as dense ones, which is what they are to an encoder that moves zeros."""
        strangers = [j for j, column in enumerate(self.columns) if not isinstance(column, NUMBERS)]
        if strangers:
            raise ValueError(
                f"Column {self.column_names[strangers[0]]!r} held other things than numbers in fit, and a sparse X "
                "holds nothing else: pass X as it was in fit, a data frame or a dense array."
            )
        dense: Array = X.toarray()
        return dense


def refuse_bad_sparse(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )


# --- learning --------------------------------------------------------------------------------------------------------


def learn_encoder(
    X: Table,
    *,
    categorical_features: object = "from_dtype",
    input_scaling: str | None = "robust",
    weight: ArrayLike | None = None,
) -> TableEncoder:
    """Learn how a table becomes the network's input.

    Parameters
    ----------
    X : ndarray, CSR matrix or data frame of shape (n, d)
        An array holds floats, with NaN where one is missing, and may be a read-only memory map.
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        Which columns are categories: by their dtype, name, index or mask.
    input_scaling : {"robust", "standard", "quantile", None}
        How numbers are scaled.
    weight : array-like of shape (n,), default=None
        Sample weights, positive.

    Returns
    -------
    TableEncoder
    """
    settings = ColumnSettings(input_scaling, None if weight is None else np.asarray(weight, dtype=np.float64))
    by_dtype = isinstance(categorical_features, str) and categorical_features == "from_dtype"
    chosen = None if by_dtype else categorical_features
    if isinstance(X, np.ndarray):
        return _learn_array(np.asarray(X), chosen, settings)
    if is_frame(X):
        return _learn_frame(X, chosen, by_dtype, settings)
    return _learn_sparse(X, chosen, settings) if issparse(X) else _learn_array(X, chosen, settings)


def _learn_sparse(X: Table, chosen: object, settings: ColumnSettings) -> TableEncoder:
    if chosen is not None:
        raise ValueError(
            f"categorical_features={chosen!r} cannot be used with sparse X, whose columns are always numbers: set it "
            "to None, or pass a dense array or a data frame."
        )
    refuse_bad_sparse(X)
    return TableEncoder(None, tuple(learn_sparse(X, settings)))


def _learn_array(
    X: Table, chosen: object, settings: ColumnSettings, given_names: tuple[str, ...] | None = None
) -> TableEncoder:
    learn = SCALINGS[settings.input_scaling]
    if chosen is None:
        missing = missing_columns(X, lambda j: given_names[j] if given_names else f"x{j}")
        return TableEncoder(given_names, tuple(learn(X, None, missing, settings)))
    names = given_names or tuple(f"x{j}" for j in range(X.shape[1]))
    mask = chosen_categories(chosen, names)
    categories = {int(j): LEARNERS["category"](X[:, j], names[j], settings) for j in np.flatnonzero(mask)}
    missing = missing_columns(X, names.__getitem__, ~mask)
    numbers = iter(learn(X, np.flatnonzero(~mask), missing, settings))
    return TableEncoder(given_names, tuple(categories[j] if is_one else next(numbers) for j, is_one in enumerate(mask)))


def _learn_frame(X: Table, chosen: object, by_dtype: bool, settings: ColumnSettings) -> TableEncoder:
    names = column_names(X)
    array = held_as_array(X)
    if array is not None:
        return _learn_array(array, chosen, settings, names)
    mask = None if by_dtype else chosen_categories(chosen, names)
    columns = []
    for j, name in enumerate(names):
        values = column_at(X, j)
        kind: Kind = kind_of(values, name) if mask is None else "category" if mask[j] else "number"
        columns.append(LEARNERS[kind](values, name, settings))
    return TableEncoder(names, tuple(columns))


def _learn_number(values: Table, name: str, settings: ColumnSettings) -> Column:
    """Learn one column of numbers of a frame."""
    numbers = number_values(values, name)[:, np.newaxis]  # (n, 1)
    missing = missing_columns(numbers, lambda _: name)
    return SCALINGS[settings.input_scaling](numbers, None, missing, settings)[0]


SCALINGS: dict[str | None, Callable[[Array, Array | None, Array, ColumnSettings], Sequence[Column]]] = {
    "robust": learn_numbers,
    "standard": learn_numbers,
    "quantile": learn_quantiles,
    None: learn_numbers,
}
"""How columns of numbers are learnt, by `input_scaling`: from a matrix, their positions, and which miss values."""

LEARNERS: dict[Kind, Callable[[Table, str, ColumnSettings], Column]] = {
    "number": _learn_number,
    "category": learn_category,
}
"""How a column of each kind is learnt, from its values and its name."""
