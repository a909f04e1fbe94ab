"""The encoder of a table: it turns each column into inputs of the network.

The table is a float array, a CSR matrix or a data frame. The first inputs are the bins of all columns, and then come
all other inputs. Both follow the order of the columns.

The encoder scales the numbers of all columns in one pass, and computes all their bins in another, because a loop over
columns would spend its time in Python: `sknet._tables.formulas` stacks the formulas. One-hot inputs of columns with
many categories may be looked up, see `sknet._tables.lookups`.

Conventions
-----------
n rows; d columns; n_inputs inputs of the network. Together, the formulas take `a` arguments: one for a column of
numbers, several for one of dates.

X : (n, d)                   the table
arguments : (n, a)           numbers, NaN where a value is missing
out : (n, n_inputs)          the network's input
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from sknet._tables.column import Column, ColumnSettings, FormulaColumn, WeightsAndTarget
from sknet._tables.formulas import Formula, InputDescription, PlacedFormula, ScaledNumber, stack_formulas
from sknet._tables.kinds import KINDS, Survey
from sknet._tables.lookups import LookedUpCategories, choose_lookups
from sknet._tables.numbers import NumberColumn, learn_numbers, learn_sparse, read_number_column
from sknet._tables.raw_table import (
    as_uniform_array,
    check_sparse_is_finite,
    column_at,
    default_names,
    is_sparse,
    take_optional,
)
from sknet._typing import Array, Batch, DType, Positions, Table
from sknet._vectors import blocks_of_batch

INPUTS_ENCODED_AT_ONCE = 2**20
"""How many inputs are encoded at a time: they take little memory, and a loop over columns takes little of the time."""

NUMBERS_ENCODED_AT_ONCE = 2**17
"""How many inputs are encoded at a time if all columns are numbers, and need no loop: these fit in the cache."""

VALUES_LEARNT_AT_ONCE = 2**16
"""How many values are learnt from at a time. These take little memory, but include many columns of a small table."""


@dataclass(frozen=True)
class TableEncoder:
    """How a table becomes the network's input.

    Attributes
    ----------
    names : tuple of str, or None
        Names of the columns; None for an array, whose columns are x0, x1, …
    columns : tuple of Column
        The learnt columns, in the table's order.
    """

    names: tuple[str, ...] | None
    columns: tuple[Column, ...]

    @property
    def n_columns(self) -> int:
        """How many columns the table has."""
        return len(self.columns)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """A name for each column of the table."""
        return self.names or default_names(self.n_columns)

    def with_columns(self, changed: Mapping[int, Column]) -> TableEncoder:
        """Return the encoder with other columns at some indices."""
        return replace(self, columns=tuple([changed.get(j, column) for j, column in enumerate(self.columns)]))

    def __reduce__(self) -> tuple[type[TableEncoder], tuple[object, ...]]:
        return TableEncoder, (self.names, self.columns)  # a pickle leaves the cached properties out

    # --- the inputs, in their order

    @cached_property
    def input_starts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The index of the first bin of each column and of its first other input, (d + 1,) each; last the ends.

        The bins of all columns come first, and then the other inputs, column by column.
        """
        n_bins = [column.n_bins for column in self.columns]
        n_not_bins = [column.n_inputs - n for column, n in zip(self.columns, n_bins, strict=True)]
        return np.cumsum([0, *n_bins], dtype=np.intp), np.cumsum([sum(n_bins), *n_not_bins], dtype=np.intp)

    @cached_property
    def n_inputs(self) -> int:
        """How many inputs the network has."""
        return int(self.input_starts[1][-1])

    @property
    def n_bins(self) -> int:
        """How many of the network's inputs, the first ones, are bins."""
        return int(self.input_starts[0][-1])

    @property
    def bins_per_column(self) -> NDArray[np.intp]:
        """For each bin, how many bins its column has, (n_bins,)."""
        counts = np.diff(self.input_starts[0])
        return np.repeat(counts, counts)

    def inputs_of_column(self, j: int) -> Positions:
        """Return the indices of the inputs of column j, bins first; a slice if it has no bins."""
        bins, other_inputs = (slice(int(starts[j]), int(starts[j + 1])) for starts in self.input_starts)
        return other_inputs if bins.start == bins.stop else np.r_[bins, other_inputs]

    @property
    def input_columns(self) -> NDArray[np.intp]:
        """The index of each input's column, (n_inputs,)."""
        return np.concatenate([np.repeat(np.arange(self.n_columns), np.diff(starts)) for starts in self.input_starts])

    @property
    def input_descriptions(self) -> list[tuple[str, InputDescription]]:
        """The column's name and the description of each input."""
        bins, other_inputs = [], []
        for name, column in zip(self.column_names, self.columns, strict=True):
            of_column = [(name, description) for description in column.input_descriptions]
            bins += of_column[: column.n_bins]
            other_inputs += of_column[column.n_bins :]
        return bins + other_inputs

    @property
    def feature_names(self) -> list[str]:
        """A unique name for each input: the column's name and a suffix, such as a category or "missing"."""
        names = [name + description.suffix for name, description in self.input_descriptions]
        used_names: set[str] = set()
        for i, name in enumerate(names):  # a column "a_x" beside the category "x" of a column "a"
            while name in used_names:
                name += "_"
            used_names.add(name)
            names[i] = name
        return names

    @cached_property
    def training_ranges(self) -> Array:
        """The smallest and the largest training value of each column, (2, d); zeros where they are unknown."""
        return np.array([column.training_range for column in self.columns]).T

    # --- which ways of encoding are possible

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers that are encoded together, without a loop over columns."""
        return all(column.is_number for column in self.columns) and all(
            placed.formula.stack_key is not None for placed in self.placed_formulas
        )

    @property
    def keeps_zeros(self) -> bool:
        """Whether zeros stay zeros in every column, so that a sparse table stays sparse."""
        return self.is_numeric and all(placed.formula.keeps_zeros for placed in self.placed_formulas)

    @property
    def has_target_encoding(self) -> bool:
        """Whether a column uses the target, so that training rows are encoded in folds."""
        return any(column.uses_target for column in self.columns)

    @cached_property
    def lookups(self) -> LookedUpCategories | None:
        """The categories that are looked up; None if there are few categories."""
        return None if self.is_numeric else choose_lookups(self.columns, self.input_starts[1])

    @cached_property
    def dense_encoder(self) -> TableEncoder:
        """The encoder of all inputs that are not looked up."""
        if self.lookups is None:
            return self
        return self.with_columns({j: self.columns[j].without_one_hot() for j in self.lookups.one_hot})

    # --- encoding

    def encode(
        self, X: Table, dtype: DTypeLike, *, ones: bool = False, encoding_fold: NDArray[np.intp] | None = None
    ) -> Table:
        """Return the inputs of a table, (n, n_inputs): a CSR matrix if the table is one and the encoder `keeps_zeros`.

        With `ones`, a dense matrix has a last column of ones. With `encoding_fold`, of shape (n,), the table holds the
        training rows, and each row is encoded by target means of the other folds.
        """
        if is_sparse(X):
            if self.keeps_zeros:
                check_sparse_is_finite(X)
                (scaled_numbers,) = self.placed_formulas
                return scaled_numbers.formula.encode_sparse(X, np.dtype(dtype), self.column_names)
            X = self.sparse_to_dense(X)
        m = self.n_inputs
        out = np.empty((len(X), self.n_inputs + ones), dtype)
        out[:, m:] = 1.0  # without `ones`, the slice is empty
        array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else np.asarray(X)
        for rows in self.row_blocks(len(out)):
            self.encode_rows_into(X if array is None else array, rows, out[rows, :m], encoding_fold)
        return out

    def sparse_to_dense(self, X: Table) -> Array:
        """Return sparse rows as an array, for an encoder that does not keep zeros."""
        check_sparse_is_finite(X)
        for name, column in zip(self.column_names, self.columns, strict=True):
            if not column.is_number:
                raise ValueError(
                    f"Column {name!r} held other things than numbers in fit, and a sparse X holds nothing else: pass X "
                    "as it was in fit, a data frame or a dense array."
                )
        return np.asarray(X.toarray())

    def row_blocks(self, n: int) -> Iterator[slice]:
        """Return slices of n rows that are encoded at a time."""
        n_at_once = NUMBERS_ENCODED_AT_ONCE if self.is_numeric else INPUTS_ENCODED_AT_ONCE
        return blocks_of_batch(slice(0, n), max(1, n_at_once // max(self.n_inputs, self.n_columns)))

    def encode_rows_into(
        self, X: Table, rows: Batch, out: Array, encoding_fold: NDArray[np.intp] | None = None
    ) -> Array:
        """Write the inputs of some rows of an array or a frame into `out`, (b, n_inputs), and return it."""
        if isinstance(X, pd.DataFrame):
            values: Table = X.iloc[rows]
        else:  # a memory map becomes a plain array; `MemoryMappedRows` reads only these rows
            values = (np.asarray(X) if isinstance(X, np.ndarray) else X)[rows]
        encoding_fold = take_optional(encoding_fold, rows)
        arguments = self._arguments(values)
        for placed in self.placed_formulas:
            placed.encode_into(arguments, out, self._argument_names)
        if len(self._formula_columns) == self.n_columns:
            return out
        for j, (name, column) in enumerate(zip(self.column_names, self.columns, strict=True)):
            if j not in self._formula_columns:
                column_inputs = out[:, self.inputs_of_column(j)]
                column_inputs[...] = 0.0  # categories write only inputs that are not 0
                column.encode_into(column_at(values, j), column_inputs, name, encoding_fold)
        return out

    @cached_property
    def _formula_columns(self) -> dict[int, FormulaColumn]:
        return {j: column for j, column in enumerate(self.columns) if isinstance(column, FormulaColumn)}

    @cached_property
    def _argument_names(self) -> list[str]:
        return [self.column_names[j] for j, column in self._formula_columns.items() for _ in column.formulas]

    def _arguments(self, X: Table) -> Array:
        """Return what the formulas take instead of n rows of an array or a frame."""
        columns = self._formula_columns
        if not isinstance(X, pd.DataFrame) and all(column.is_number for column in columns.values()):
            return X if len(columns) == X.shape[1] else X[:, list(columns)]
        arguments = np.empty((len(self._argument_names), len(X))).T  # each column adjacent in memory
        names = self.column_names
        by_column = (column.arguments(column_at(X, j), names[j]) for j, column in columns.items())
        for k, array in enumerate(chain.from_iterable(by_column)):
            arguments[:, k] = array
        return arguments

    @cached_property
    def placed_formulas(self) -> list[PlacedFormula]:
        """The formulas of all columns, stacked. They take the columns of `_arguments`."""
        columns: Any = self.columns
        if {*map(type, columns)} == {NumberColumn} and self.n_inputs == self.n_columns:
            stack_keys = {(column.bend, column.shift) for column in columns}
            if len(stack_keys) == 1:
                # a shortcut for wide sparse tables, whose columns have the parameters of their only formula
                every = np.arange(self.n_columns)
                return [PlacedFormula(ScaledNumber.stack(columns), every, every)]
        return stack_formulas(self._formulas_and_inputs())

    def _formulas_and_inputs(self) -> Iterator[tuple[tuple[Formula, ...], list[int]]]:
        """Yield the formulas that take each argument, and the indices of their inputs."""
        bin_starts, other_starts = map(np.ndarray.tolist, self.input_starts)
        for j, column in self._formula_columns.items():
            # all formulas of a column share the iterators: each takes the indices of its own inputs
            bins, other_inputs = (iter(range(starts[j], starts[j + 1])) for starts in (bin_starts, other_starts))
            for formulas in column.formulas:
                yield formulas, [i for f in formulas for i in islice(bins if f.are_bins else other_inputs, f.n_inputs)]


# --- learning --------------------------------------------------------------------------------------------------------


def learn_encoder(X: Table, settings: ColumnSettings, survey: Survey, rows: WeightsAndTarget) -> TableEncoder:
    """Learn how a table becomes the inputs of the network.

    An array holds numbers, NaN where one is missing. A memory map is read a few columns at a time.
    """
    if is_sparse(X):
        check_sparse_is_finite(X)
        return TableEncoder(None, tuple(learn_sparse(X, settings, rows.weight)))
    columns: dict[int, Column] = {}
    errors = dict(survey.errors)
    kinds = list(survey.kinds.items())
    for block in gen_batches(len(kinds), max(1, VALUES_LEARNT_AT_ONCE // X.shape[0])):
        numbers: dict[DType, dict[int, Array]] = {}  # columns of one type are learnt together
        for j, kind in kinds[block]:
            try:
                if kind == "number":
                    column_numbers = read_number_column(column_at(X, j), survey.names[j])
                    numbers.setdefault(column_numbers.dtype, {})[j] = column_numbers
                else:
                    columns[j] = KINDS[kind].learn(column_at(X, j), survey.names[j], settings, rows)
            except (TypeError, ValueError) as error:
                errors[j] = error
        for of_type in numbers.values():
            columns |= zip(of_type, learn_numbers(np.stack(list(of_type.values())), settings, rows.weight), strict=True)
    if errors:  # report all errors at once
        in_order = [errors[j] for j in sorted(errors)]
        raise in_order[0] if len(errors) == 1 else type(in_order[0])("\n".join(map(str, in_order)))
    names = survey.names if isinstance(X, pd.DataFrame) else None
    return TableEncoder(names, tuple(columns[j] for j in range(len(columns))))
