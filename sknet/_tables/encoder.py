"""The encoder of a table: it turns each column into inputs of the network.

The table is a float array, a CSR matrix or a data frame. The first inputs are the bins of all columns, and then come
all other inputs. Both follow the order of the columns.

The encoder scales the numbers of all columns in one pass, and computes all their bins in another, because a loop over
columns would spend its time in Python: `sknet._tables.formulas` stacks the formulas. One-hot inputs of columns with
many categories may be looked up: they are written into a sparse matrix, and the product with the weights picks one row
of the weights for each category. All other inputs are written into a dense matrix.

Conventions
-----------
n rows; d columns; n_inputs inputs of the network, of which m are not looked up, and n_not_bins are not bins. Formulas
take a arguments: one for a column of numbers, several for one of dates.

X : (n, d)                   the table
arguments : (n, a)           numbers, NaN where a value is missing
out : (n, n_inputs)          the network's input
dense_inputs : (m,)          indices of the inputs that are not looked up
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import gen_batches

from sknet._tables.categories import CategoryColumn, TargetStatistics, compute_target_statistics, one_hot_inputs
from sknet._tables.column import Column, ColumnSettings, FormulaColumn, TrainingRows
from sknet._tables.formulas import Formula, InputDescription, ScaledNumber, StackedFormula, stack_formulas
from sknet._tables.kinds import KINDS, Survey
from sknet._tables.numbers import (
    BinnedColumn,
    NumberColumn,
    learn_numbers,
    learn_sparse,
    learn_steps,
    read_number_column,
)
from sknet._tables.tables import (
    as_uniform_array,
    check_sparse_is_finite,
    column_at,
    column_names,
    default_names,
    is_sparse,
    take_optional,
)
from sknet._tables.text import EncodedTextInput
from sknet._tables.values import ColumnValues, column_as_floats, read_categories
from sknet._typing import Array, Batch, DType, Positions, Table
from sknet._vectors import blocks_of_batch

# --- categories that are looked up -----------------------------------------------------------------------------------


MIN_INPUTS_OF_LOOKED_UP_COLUMN = 32
"""Only columns of at least this many one-hot inputs are looked up: fewer are multiplied just as fast."""

MIN_LOOKED_UP_INPUTS = 400
"""From this many inputs of wide columns on, they are looked up. For fewer, multiplying them is at least as fast.

Three columns of 500 categories take .7 of the time, one takes 1.1 (`python -m tests.benchmarks --only categories`)."""


@dataclass(frozen=True)
class LookedUpCategories:
    """The columns whose one-hot inputs are stored as indices, and not as 0 and 1.

    Attributes
    ----------
    one_hot : dict of int to CategoryColumn
        The one-hot inputs of each of the c columns, by the index of the column.
    first_inputs : ndarray of ints, of shape (c,)
        The index of the first one-hot input of each column, counted without the bins.
    n_not_bins : int
        How many inputs of the network are not bins.
    dense_inputs : ndarray of ints, of shape (m,)
        The indices of the inputs that are not looked up.
    """

    one_hot: dict[int, CategoryColumn]
    first_inputs: NDArray[np.intp]
    n_not_bins: int
    dense_inputs: NDArray[np.intp]

    def other_inputs(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Return a table's columns without the inputs that are looked up."""
        return tuple(column.without_one_hot() if j in self.one_hot else column for j, column in enumerate(columns))

    def one_hot_rows(self, X: Table, dtype: DType) -> OneHotOfSlots:
        """Return the one-hot inputs of n rows."""
        widest = max(len(column.categories) + 2 for column in self.one_hot.values())
        # the smallest signed type: unknown categories have the slot −1
        slot = np.empty((X.shape[0], len(self.one_hot)), np.min_scalar_type(-widest))
        for i, (j, column) in enumerate(self.one_hot.items()):
            slot[:, i] = column.slots_of_values(column_at(X, j))
        return OneHotOfSlots(self, slot, dtype)


@dataclass(frozen=True)
class OneHotOfSlots:
    """The one-hot inputs of n rows, stored as slots. Indexing by rows makes a CSR matrix of 0 and 1.

    Attributes
    ----------
    lookups : LookedUpCategories
    slot : ndarray of ints, of shape (n, c)
        Which of its one-hot inputs is 1, for each column that is looked up; −1 for an unknown category.
    dtype : dtype
        The float type of the matrix.
    """

    lookups: LookedUpCategories
    slot: NDArray[np.signedinteger]
    dtype: DType

    def __getitem__(self, rows: Batch) -> sp.csr_array:
        """Return the inputs of b rows without bins, (b, n_not_bins); inputs that are not looked up are 0."""
        slot = self.slot[rows]
        is_known = slot >= 0
        inputs = (slot + self.lookups.first_inputs)[is_known]
        # in SciPy's words, `inputs` are the indices, and `ends` is the indptr
        ends = np.concatenate([[0], is_known.sum(axis=1).cumsum()])
        return sp.csr_array(
            (np.ones(len(inputs), self.dtype), inputs, ends), shape=(len(slot), self.lookups.n_not_bins)
        )


def choose_lookups(columns: Sequence[Column], first_inputs: NDArray[np.intp]) -> LookedUpCategories | None:
    """Choose the columns that are looked up; None if multiplying is as fast."""
    categories = ((j, one_hot_inputs(column)) for j, column in enumerate(columns))
    wide = {
        j: one_hot
        for j, one_hot in categories
        if one_hot is not None and one_hot.n_inputs >= MIN_INPUTS_OF_LOOKED_UP_COLUMN
    }
    if sum(one_hot.n_inputs for one_hot in wide.values()) < MIN_LOOKED_UP_INPUTS:
        return None
    is_dense = np.ones(first_inputs[-1], dtype=bool)  # of each input, (n_inputs,)
    for j, one_hot in wide.items():
        is_dense[first_inputs[j] : first_inputs[j] + one_hot.n_inputs] = False
    n_bins = int(first_inputs[0])
    return LookedUpCategories(wide, first_inputs[list(wide)] - n_bins, len(is_dense) - n_bins, np.flatnonzero(is_dense))


# --- the encoder -----------------------------------------------------------------------------------------------------


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

    @cached_property
    def n_inputs(self) -> int:
        """How many inputs the network has."""
        return int(self.input_starts[1][-1])

    @cached_property
    def lookups(self) -> LookedUpCategories | None:
        """The categories that are looked up; None if there are few categories."""
        return None if self.is_numeric else choose_lookups(self.columns, self.input_starts[1])

    @cached_property
    def dense_encoder(self) -> TableEncoder:
        """The encoder of all inputs that are not looked up."""
        return self if self.lookups is None else TableEncoder(self.names, self.lookups.other_inputs(self.columns))

    @cached_property
    def _formula_columns(self) -> dict[int, FormulaColumn]:
        return {j: column for j, column in enumerate(self.columns) if isinstance(column, FormulaColumn)}

    @cached_property
    def stacked_formulas(self) -> list[StackedFormula]:
        """The formulas of all columns, stacked. They take the columns of `_arguments`."""
        if {*map(type, self.columns)} == {NumberColumn} and self.n_inputs == self.n_columns:
            # in short for wide sparse tables: these columns have the parameters of their only formula
            columns: Any = self.columns
            every = np.arange(self.n_columns)
            return [StackedFormula(ScaledNumber.stack(columns), every, every)]
        return stack_formulas(self._formulas_and_inputs())

    def _formulas_and_inputs(self) -> Iterator[tuple[tuple[Formula, ...], list[int]]]:
        """Yield the formulas that take each argument, and the indices of their inputs."""
        bin_starts, other_starts = map(np.ndarray.tolist, self.input_starts)
        for j, column in self._formula_columns.items():
            # all formulas of a column share the iterators: each takes the indices of its own inputs
            bins, other_inputs = (iter(range(starts[j], starts[j + 1])) for starts in (bin_starts, other_starts))
            for formulas in column.formulas:
                yield formulas, [i for f in formulas for i in islice(bins if f.are_bins else other_inputs, f.n_inputs)]

    def restricted_to(self, columns: Sequence[int]) -> TableEncoder:
        """Return the encoder of a table that has only these columns, given by their indices."""
        names = None if self.names is None else tuple(self.names[j] for j in columns)
        return TableEncoder(names, tuple(self.columns[j] for j in columns))

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
        return self.names or default_names(self.n_columns)

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
    def n_bins(self) -> int:
        """How many of the network's inputs, the first ones, are bins."""
        return int(self.input_starts[0][-1])

    @property
    def bins_per_column(self) -> NDArray[np.intp]:
        """For each bin, how many bins its column has, (n_bins,)."""
        counts = np.diff(self.input_starts[0])
        return np.repeat(counts, counts)

    @cached_property
    def input_starts(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The index of the first bin of each column and of its first other input, (d + 1,) each; last the ends.

        The bins of all columns come first, and then the other inputs, column by column.
        """
        n_bins = [column.n_bins for column in self.columns]
        n_not_bins = [column.n_inputs - n for column, n in zip(self.columns, n_bins, strict=True)]
        return np.cumsum([0, *n_bins], dtype=np.intp), np.cumsum([sum(n_bins), *n_not_bins], dtype=np.intp)

    def inputs_of_column(self, j: int) -> Positions:
        """Return the indices of the inputs of column j, bins first; a slice if it has no bins."""
        bins, other_inputs = (slice(int(starts[j]), int(starts[j + 1])) for starts in self.input_starts)
        return other_inputs if bins.start == bins.stop else np.r_[bins, other_inputs]

    @property
    def input_columns(self) -> NDArray[np.intp]:
        """The index of each input's column, (n_inputs,)."""
        return np.concatenate([np.repeat(np.arange(self.n_columns), np.diff(starts)) for starts in self.input_starts])

    @cached_property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers that are encoded together, without a loop over columns."""
        return all(column.is_number for column in self.columns) and all(
            placed.formula.is_joint for placed in self.stacked_formulas
        )

    @property
    def keeps_zeros(self) -> bool:
        """Whether zeros stay zeros in every column, so that a sparse table stays sparse."""
        return self.is_numeric and all(placed.formula.keeps_zeros for placed in self.stacked_formulas)

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
                (placed,) = self.stacked_formulas  # the scaled numbers
                return placed.formula.encode_sparse(X, np.dtype(dtype), self.column_names)
            X = self.sparse_to_dense(X)
        m = self.n_inputs
        out = np.empty((len(X), self.n_inputs + ones), dtype)
        out[:, m:] = 1.0  # an empty slice without `ones`
        array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else np.asarray(X)
        for rows in self.row_blocks(len(out)):
            self.encode_rows_into(X if array is None else array, rows, out[rows, :m], encoding_fold)
        return out

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
        folds = take_optional(encoding_fold, rows)
        arguments = self._arguments(values)
        for placed in self.stacked_formulas:
            placed.encode_into(arguments, out, self._argument_names)
        if len(self._formula_columns) == self.n_columns:
            return out
        for j, (name, column) in enumerate(zip(self.column_names, self.columns, strict=True)):
            if j not in self._formula_columns:
                column_inputs = out[:, self.inputs_of_column(j)]
                column_inputs[...] = 0.0  # categories write only inputs that are not 0
                column.encode_into(column_at(values, j), column_inputs, name, folds)
        return out

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
    def encoder_after_text(self) -> TableEncoder:
        """The encoder of tables that `replace_text_by_inputs` returns; the inputs are those of this encoder."""
        names: list[str] = []
        columns: list[Column] = []
        for name, column in zip(self.column_names, self.columns, strict=True):
            names += (
                [name + description.suffix for description in column.input_descriptions]
                if column.is_free_text
                else [name]
            )
            columns += [EncodedTextInput()] * column.n_inputs if column.is_free_text else [column]
        return TableEncoder(tuple(names), tuple(columns))

    def replace_text_by_inputs(self, X: pd.DataFrame, dtype: DTypeLike) -> pd.DataFrame:
        """Return the table with the inputs of each column of text instead of this column. Text takes longest."""
        values: list[ColumnValues] = []
        for j, (name, column) in enumerate(zip(self.column_names, self.columns, strict=True)):
            if column.is_free_text:
                Z = np.zeros((len(X), column.n_inputs), dtype)
                column.encode_into(column_at(X, j), Z, name)
                values += [*Z.T]
            else:
                values.append(column_at(X, j))
        # the keys are integers at first, since two columns may have the same name
        frame = pd.DataFrame(dict(enumerate(values)), index=X.index, copy=False)
        return frame.set_axis(pd.Index(self.encoder_after_text.names, dtype=object), axis=1)

    @property
    def text_columns(self) -> tuple[Column, ...]:
        """The columns of free text."""
        return tuple([column for column in self.columns if column.is_free_text])

    @property
    def has_target_encoding(self) -> bool:
        """Whether a column uses the target, so that training rows are encoded in folds."""
        return any(column.uses_target for column in self.columns)

    def target_statistics(
        self, X: Table, target: Array, weight: Array | None, encoding_fold: NDArray[np.intp]
    ) -> dict[int, TargetStatistics]:
        """Return the statistics of the target, (n, k), by category of each column that uses it, by the column's index.

        `encoding_fold` is the fold of each row, (n,), or −1 for held-out rows.
        """
        statistics = {}
        for j, column in enumerate(self.columns):
            if column.uses_target:
                statistics[j] = compute_target_statistics(
                    *read_categories(column_at(X, j)), target, weight, encoding_fold
                )
        return statistics

    def with_target_statistics(self, statistics: Mapping[int, TargetStatistics]) -> TableEncoder:
        """Return the encoder with the categories and target means of all rows, and everything else unchanged."""
        columns = list(self.columns)
        for j, of_column in statistics.items():
            columns[j] = columns[j].with_categories_and_means(of_column.keys, of_column.means())
        return TableEncoder(self.names, tuple(columns))

    def with_learnt_steps(self, X: Table, target: Array, weight: Array | None) -> TableEncoder:
        """Return the encoder with steps where the target clearly jumps, instead of any that it has.

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


def merge_target_statistics(blocks: Iterable[Mapping[int, TargetStatistics]]) -> dict[int, TargetStatistics]:
    """Merge the results of `TableEncoder.target_statistics` for blocks of rows."""
    merged: dict[int, TargetStatistics] = {}
    for block in blocks:
        for j, statistics in block.items():
            merged[j] = merged[j] + statistics if j in merged else statistics
    return merged


# --- learning --------------------------------------------------------------------------------------------------------


def learn_encoder(X: Table, settings: ColumnSettings, survey: Survey, rows: TrainingRows) -> TableEncoder:
    """Learn how a table becomes the inputs of the network.

    Parameters
    ----------
    X : ndarray, CSR matrix or data frame of shape (n, d)
        An array holds numbers, with NaN where one is missing. A memory map is read a few columns at a time.
    settings : ColumnSettings
    survey : Survey
        The kinds of its columns.
    rows : TrainingRows

    Returns
    -------
    TableEncoder
    """
    if is_sparse(X):
        check_sparse_is_finite(X)
        return TableEncoder(None, tuple(learn_sparse(X, settings, rows.weight)))
    columns: dict[int, Column] = {}
    errors = dict(survey.errors)
    kinds = list(survey.kinds.items())
    for block in gen_batches(len(kinds), max(1, VALUES_LEARNT_AT_ONCE // X.shape[0])):
        numbers: dict[DType, dict[int, Array]] = {}  # by type: columns of one type are learnt together
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
