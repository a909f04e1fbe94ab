"""From a table to the network's input: numbers are scaled, categories and text encoded, missing values marked.

The table is a float array, a CSR matrix or a data frame. The network's inputs are the bins of all columns first, then
all other inputs; the order of the table's columns is kept in both.

Conventions
-----------
n rows; d columns, d_num of them numbers.

X : (n, d)               the table
observed : (n, d_num)    its numbers as they come, NaN where a value is missing
out : (n, n_inputs)      the network's input
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from sknet._tables.categories import TargetTotals, compute_target_totals, learn_category
from sknet._tables.column import Column, ColumnKind, ColumnSettings, InputFormula
from sknet._tables.dates import learn_datetime
from sknet._tables.encoding import ColumnLayout, LookedUpCategories, choose_lookups, compute_layout
from sknet._tables.kinds import ColumnChoices, Survey, survey_columns
from sknet._tables.numbers import (
    BinnedColumn,
    learn_quantiles,
    learn_robust,
    learn_sparse,
    learn_standard,
    learn_steps,
    learn_unscaled,
    raise_for_excessive_values,
    scale_and_check,
    with_bins,
)
from sknet._tables.read import (
    ColumnValues,
    as_uniform_array,
    check_not_infinite,
    check_sparse_is_finite,
    column_as_floats,
    column_at,
    column_names,
    is_sparse,
    read_categories,
)
from sknet._tables.statistics import SortedColumns
from sknet._tables.text import EncodedTextInput, learn_text
from sknet._typing import Array, Batch, DType, Positions, Table

T = TypeVar("T")

DEFAULT_SETTINGS = ColumnSettings()

INPUTS_ENCODED_AT_ONCE = 2**20
"""How many inputs are encoded at a time: little beside the table, but many rows for a loop over columns."""

VALUES_LEARNT_AT_ONCE = 2**16
"""How many values columns of numbers are learnt from at a time: little memory, but many columns of a small table."""


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

    @cached_property
    def n_inputs(self) -> int:
        """How many inputs the network has."""
        return int(self._layout.starts_after_bins[-1])

    @cached_property
    def lookups(self) -> LookedUpCategories | None:
        """The categories that are looked up instead of multiplied; None where there are few."""
        if self._layout.only_numbers:
            return None
        return choose_lookups(self.columns, self._layout.starts_after_bins)

    @cached_property
    def encoder_without_lookups(self) -> TableEncoder:
        """Encodes the inputs that are multiplied: all but the categories in `lookups`."""
        return self if self.lookups is None else TableEncoder(self.names, self.lookups.other_inputs(self.columns))

    @cached_property
    def _layout(self) -> ColumnLayout:
        return compute_layout(self.columns)

    def with_names_of(self, X: Table) -> TableEncoder:
        """Return the encoder, learnt from an array, with the column names of a frame: errors then name these."""
        return TableEncoder(column_names(X), self.columns) if isinstance(X, pd.DataFrame) else self

    def __reduce__(self) -> tuple[type[TableEncoder], tuple[object, ...]]:
        return TableEncoder, (self.names, self.columns)  # without the cached properties

    @property
    def n_columns(self) -> int:
        """How many columns the table has."""
        return len(self.columns)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """A name for each column of the table."""
        return self.names or tuple(f"x{j}" for j in range(self.n_columns))

    @property
    def feature_names(self) -> list[str]:
        """A name for each input: the column's, followed by the category's or by "missing"; no two are the same."""
        pairs = zip(self.column_names, self.columns, strict=True)
        names = self.bins_first([[name + suffix for suffix in column.suffixes] for name, column in pairs])
        taken: set[str] = set()
        for i, name in enumerate(names):  # a column "a_x" beside the category "x" of a column "a"
            while name in taken:
                name += "_"
            taken.add(name)
            names[i] = name
        return names

    @property
    def input_formulas(self) -> list[tuple[str, InputFormula]]:
        """The column of each input, and how it is computed."""
        pairs = zip(self.column_names, self.columns, strict=True)
        return self.bins_first([[(name, formula) for formula in column.input_formulas] for name, column in pairs])

    def bins_first(self, by_column: Sequence[Sequence[T]]) -> list[T]:
        """Put what there is for each input of each column in the order of the network's inputs."""
        pairs = list(zip(self.columns, by_column, strict=True))
        bins = [value for column, values in pairs for value in values[: column.n_bins]]
        return bins + [value for column, values in pairs for value in values[column.n_bins :]]

    @property
    def n_bins(self) -> int:
        """How many of the network's inputs, the first ones, are bins."""
        return int(self._layout.bin_starts[-1])

    @property
    def bins_per_column(self) -> NDArray[np.intp]:
        """How many bins the column of each bin has, (n_bins,)."""
        counts = np.diff(self._layout.bin_starts)
        return np.repeat(counts, counts)

    @property
    def input_starts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The first bin of each column, and its first other input; at the end the number of bins, and of inputs."""
        return self._layout.bin_starts, self._layout.starts_after_bins

    def input_positions(self, j: int) -> Positions:
        """Return which of the network's inputs are those of column j, its bins first; a slice, if it has none."""
        bins, others = (slice(int(starts[j]), int(starts[j + 1])) for starts in self.input_starts)
        return others if bins.start == bins.stop else np.r_[bins, others]

    @property
    def input_columns(self) -> NDArray[np.intp]:
        """The number of each input's column, (n_inputs,)."""
        return np.concatenate([np.repeat(np.arange(self.n_columns), np.diff(starts)) for starts in self.input_starts])

    @property
    def is_numeric(self) -> bool:
        """Whether every column is one of numbers, scaled in NumPy: encoding then takes no time in Python."""
        return not self._layout.other_columns

    @property
    def keeps_zeros(self) -> bool:
        """Whether zeros are encoded as zeros in every column, so that a sparse table stays sparse."""
        # scaling then only multiplies; `scaled_sparse` does nothing else
        return self._layout.only_numbers and not (self._layout.scaler.shift or self._layout.scaler.bend)

    def encode(
        self, X: Table, dtype: DTypeLike, *, ones: bool = False, encoding_fold: NDArray[np.intp] | None = None
    ) -> Table:
        """Encode a table into a new matrix of shape (n, n_inputs), a CSR matrix into one if it `keeps_zeros`.

        With `ones`, a dense matrix has one more column, whose values are all 1. With `encoding_fold`, of shape (n,),
        the rows are those of training: they are encoded by target means that do not contain the targets of their fold.
        """
        if is_sparse(X):
            if self.keeps_zeros:
                check_sparse_is_finite(X)
                Z = self._layout.scaler.scaled_sparse(X, np.dtype(dtype))
                excessive = Z.indices[~np.isfinite(Z.data)]
                if excessive.size:
                    raise_for_excessive_values(self.column_names[excessive.min()], Z.dtype)
                return Z
            X = self.as_dense(X)
        m, out = self.n_inputs, np.empty((len(X), self.n_inputs + ones), dtype)
        out[:, m:] = 1.0  # no column without `ones`
        array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else np.asarray(X)
        for rows in self.chunks(len(out)):
            self.encode_rows(X if array is None else array, rows, out[rows, :m], encoding_fold)
        return out

    def chunks(self, n: int) -> Iterator[slice]:
        """Yield which of n rows are encoded at a time."""
        size = max(1, INPUTS_ENCODED_AT_ONCE // max(self.n_inputs, self.n_columns))
        for start in range(0, n, size):
            yield slice(start, min(start + size, n))

    def encode_rows(self, X: Table, rows: Batch, out: Array, encoding_fold: NDArray[np.intp] | None = None) -> Array:
        """Encode the rows of an array or a frame given by an index array or a slice into `out`, and return it."""
        if isinstance(X, pd.DataFrame):
            values: Table = X.iloc[rows]
        else:  # a memory map as a plain array; `MemoryMappedRows` read what is asked for
            values = (np.asarray(X) if isinstance(X, np.ndarray) else X)[rows]
        if self._layout.only_numbers:
            return scale_and_check(self._layout.scaler, self._numbers_to_scale(values), out, self._name_of_number)
        self._encode_columns(values, out, None if encoding_fold is None else encoding_fold[rows])
        return out

    def _name_of_number(self, k: int) -> str:
        return self.column_names[self._layout.number_columns[k]]

    def _numbers_to_scale(self, X: Table) -> Array:
        """Return the numbers of an array or a frame that are scaled together, (n, d_num)."""
        columns = self._layout.number_columns
        if not isinstance(X, pd.DataFrame):
            return X if len(columns) == X.shape[1] else X[:, columns]
        observed = np.empty((len(columns), len(X))).T  # each column adjacent in memory
        for k, j in enumerate(columns):
            observed[:, k] = column_as_floats(column_at(X, j), self.column_names[j])
        return observed

    def _encode_columns(self, X: Table, out: Array, encoding_fold: NDArray[np.intp] | None) -> None:
        """Encode rows of an array or a frame, some of whose columns are no numbers or become several inputs."""
        layout = self._layout
        if layout.other_columns:
            out[...] = 0.0  # categories set only the inputs that are not 0
        observed = self._numbers_to_scale(X)
        scaled = np.empty_like(observed, out.dtype)
        scale_and_check(layout.scaler, observed, scaled, self._name_of_number)
        if layout.bins is not None:
            layout.bins.write(observed, out)  # first: it writes zeros between the bins, too
        out[:, layout.number_inputs] = scaled
        # an indicator of missing values is the input after its number
        out[:, layout.number_inputs[layout.indicated] + 1] = np.isnan(observed[:, layout.indicated])
        for j in layout.other_columns:
            self._write(j, column_at(X, j), out, encoding_fold)

    def _write(self, j: int, values: ColumnValues, out: Array, encoding_fold: NDArray[np.intp] | None) -> None:
        """Set the inputs of one column."""
        column, positions = self.columns[j], self.input_positions(j)
        if column.n_bins:  # they lie apart
            inputs = np.zeros((len(out), column.n_inputs), out.dtype)
            column.write(values, inputs, self.column_names[j])
            out[:, positions] = inputs
            return
        column.write(values, out[:, positions], self.column_names[j])
        if encoding_fold is not None:  # training rows get other means of the target
            column.write_cross_fitted(values, encoding_fold, out[:, positions])

    @cached_property
    def encoder_after_text(self) -> TableEncoder:
        """Encodes what `encode_text` returns into the inputs that this encoder makes of the table itself."""
        names: list[str] = []
        columns: list[Column] = []
        for name, column in zip(self.column_names, self.columns, strict=True):
            names += [name + suffix for suffix in column.suffixes] if column.is_text else [name]
            columns += [EncodedTextInput()] * column.n_inputs if column.is_text else [column]
        return TableEncoder(tuple(names), tuple(columns))

    def encode_text(self, X: pd.DataFrame, dtype: DTypeLike) -> pd.DataFrame:
        """Encode the columns of text, which takes longest: each of their inputs becomes a column of the table."""
        values: list[ColumnValues] = []
        for j, (name, column) in enumerate(zip(self.column_names, self.columns, strict=True)):
            if column.is_text:
                Z = np.zeros((len(X), column.n_inputs), dtype)
                column.write(column_at(X, j), Z, name)
                values += [*Z.T]
            else:
                values.append(column_at(X, j))
        # by number first: two columns may have one name
        frame = pd.DataFrame(dict(enumerate(values)), index=X.index, copy=False)
        return frame.set_axis(pd.Index(self.encoder_after_text.names, dtype=object), axis=1)

    @property
    def text_columns(self) -> tuple[Column, ...]:
        """The columns of free text."""
        return tuple([column for column in self.columns if column.is_text])

    @property
    def has_target_encoding(self) -> bool:
        """Whether a column is encoded by the target: training rows are then encoded in folds."""
        return any(column.uses_target for column in self.columns)

    def target_totals(
        self, X: Table, target: Array, weight: Array | None, encoding_fold: NDArray[np.intp]
    ) -> dict[int, TargetTotals]:
        """Add up the target, (n, k), per category of each target-encoded column, by the column's index.

        `encoding_fold` is a row's cross-fitting fold, −1: held out.
        """
        totals = {}
        for j, column in enumerate(self.columns):
            if column.uses_target:
                totals[j] = compute_target_totals(*read_categories(column_at(X, j)), target, weight, encoding_fold)
        return totals

    def with_target_totals(self, totals: Mapping[int, TargetTotals]) -> TableEncoder:
        """Return the encoder with categories and target means from totals of all rows; all else stays as learnt."""
        columns = list(self.columns)
        for j, column_totals in totals.items():
            columns[j] = columns[j].with_categories_and_means(column_totals.keys, column_totals.means())
        return TableEncoder(self.names, tuple(columns))

    def with_steps(self, X: Table, target: Array, weight: Array | None) -> TableEncoder:
        """Return the encoder with steps where the rows' target clearly jumps, and with no others.

        Only columns of numbers with bins have steps.
        """
        binned = {
            j: replace(column, steps=()) for j, column in enumerate(self.columns) if isinstance(column, BinnedColumn)
        }
        if not binned:
            return self
        numbers = np.stack([column_as_floats(column_at(X, j), self.column_names[j]) for j in binned], axis=1)
        binned |= learn_steps(binned, numbers, target, weight)
        columns = tuple(binned.get(j, column) for j, column in enumerate(self.columns))
        return self if columns == self.columns else TableEncoder(self.names, columns)

    def as_dense(self, X: Table) -> Array:
        """Convert sparse rows to dense ones, for an encoder that does not keep zeros."""
        check_sparse_is_finite(X)
        for name, column in zip(self.column_names, self.columns, strict=True):
            if not column.is_number:
                raise ValueError(
                    f"Column {name!r} held other things than numbers in fit, and a sparse X holds nothing else: pass X "
                    "as it was in fit, a data frame or a dense array."
                )
        return np.asarray(X.toarray())


def merge_totals(parts: Iterable[Mapping[int, TargetTotals]]) -> dict[int, TargetTotals]:
    """Merge what `TableEncoder.target_totals` returned for each part of a table."""
    merged: dict[int, TargetTotals] = {}
    for part in parts:
        for j, totals in part.items():
            merged[j] = merged[j].merge(totals) if j in merged else totals
    return merged


# --- learning --------------------------------------------------------------------------------------------------------


def learn_encoder(X: Table, settings: ColumnSettings = DEFAULT_SETTINGS, survey: Survey | None = None) -> TableEncoder:
    """Learn how a table becomes the network's input.

    Parameters
    ----------
    X : ndarray, CSR matrix or data frame of shape (n, d)
        An array holds numbers, with NaN where one is missing; it may be a memory map, which is read a few
        columns at a time.
    settings : ColumnSettings, default=DEFAULT_SETTINGS
    survey : Survey, default=None
        What its columns are; None to look.

    Returns
    -------
    TableEncoder
    """
    choices = ColumnChoices(settings.categorical_features, settings.text_features)
    if is_sparse(X):
        return _learn_sparse(X, choices, settings)
    survey = survey_columns(X, choices) if survey is None else survey
    columns: dict[int, Column] = {}
    errors = dict(survey.errors)
    kinds = list(survey.kinds.items())
    for block in gen_batches(len(kinds), max(1, VALUES_LEARNT_AT_ONCE // X.shape[0])):
        numbers: dict[DType, dict[int, Array]] = {}  # of each type, which are learnt together
        for j, kind in kinds[block]:
            try:
                if kind == "number":
                    own_numbers = _read_number(column_at(X, j), survey.names[j])
                    numbers.setdefault(own_numbers.dtype, {})[j] = own_numbers
                else:
                    values = survey.categorical[j] if j in survey.categorical else column_at(X, j)
                    columns[j] = LEARNERS[kind](values, survey.names[j], settings)
            except (TypeError, ValueError) as error:
                errors[j] = error
        for of_type in numbers.values():
            columns |= zip(of_type, _learn_numbers(np.stack(list(of_type.values())), settings), strict=True)
    if errors:  # all at once: the user repairs a table in one go
        in_order = [errors[j] for j in sorted(errors)]
        raise in_order[0] if len(errors) == 1 else type(in_order[0])("\n".join(map(str, in_order)))
    names = survey.names if isinstance(X, pd.DataFrame) else None
    return TableEncoder(names, tuple(columns[j] for j in range(len(columns))))


def _learn_sparse(X: Table, choices: ColumnChoices, settings: ColumnSettings) -> TableEncoder:
    for parameter, given in choices.columns_by_parameter.items():  # if there is one at all
        raise ValueError(
            f"{parameter}={given!r} cannot be used with sparse X, whose columns are always numbers: set it to None, or "
            "pass a dense array or a data frame."
        )
    check_sparse_is_finite(X)
    return TableEncoder(None, tuple(learn_sparse(X, settings)))


def _read_number(values: ColumnValues, name: str) -> Array:
    """Return a column's values as floats that are adjacent in memory; a ValueError where they are infinite."""
    numbers = column_as_floats(values, name)
    # float32 is kept: it takes half the memory
    numbers = np.ascontiguousarray(numbers, np.float32 if numbers.dtype == np.float32 else np.float64)
    check_not_infinite(numbers[:, np.newaxis], lambda _: name)
    return numbers


def _learn_number(values: ColumnValues, name: str, settings: ColumnSettings) -> Column:
    return _learn_numbers(_read_number(values, name)[np.newaxis], settings)[0]


def _learn_numbers(numbers: Array, settings: ColumnSettings) -> Sequence[Column]:
    """Learn columns of numbers, (b, n): how each is scaled, and its bins if it has some."""
    sorted_columns = SortedColumns.of(numbers, settings.weight)
    columns = SCALINGS[settings.input_scaling](numbers, sorted_columns, settings)
    return columns if settings.numeric_encoding == "raw" else with_bins(columns, sorted_columns, settings.n_bins)


SCALINGS: dict[str | None, Callable[[Array, SortedColumns, ColumnSettings], Sequence[Column]]] = {
    "robust": learn_robust,
    "standard": learn_standard,
    None: learn_unscaled,
    "quantile": learn_quantiles,
}
"""How columns of numbers are learnt, by `input_scaling`: from their values, (b, n), and these in order."""

LEARNERS: dict[ColumnKind, Callable[[ColumnValues, str, ColumnSettings], Column]] = {
    "number": _learn_number,
    "category": learn_category,
    "text": learn_text,
    "date": lambda values, name, settings: learn_datetime(values, name, settings, _learn_number),
}
"""How a column of each kind is learnt, from its values and its name."""
