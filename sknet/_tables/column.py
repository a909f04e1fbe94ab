"""The interface of all kinds of columns: how a column of a table becomes inputs of the network.

To add a kind, write a frozen dataclass that derives from `Column`, a function that learns it and a `ColumnKind`, and
add this value to the `KINDS` of `sknet._tables.kinds`. `docs/add_to_sknet.md` lists the steps.

Conventions
-----------
n rows; n_inputs inputs of the network; k columns of the target matrix.

values : (n,)            one column of the table as the user passed it: an array or a pandas Series
axis_values : (n,)       the number, date or duration at which a plot draws each value; NaN or NaT where missing
out : (n, n_inputs)      its inputs, bins first; zeros before `encode_into`
slopes : (n, n_inputs)   the derivative of each input by the value; where it jumps, the mean of both sides
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd

from sknet._tables.column_values import ColumnValues
from sknet._tables.formulas import Formula, InputDescription
from sknet._typing import Array

MIN_VALUES_TO_WARN = 20
"""Fewer new values may all be unknown or missing by chance, so there is no warning."""


class Column:
    """How one column of a table becomes inputs of the network, as it was learnt from training rows.

    A kind must implement `input_descriptions` and `encode_into`; or it derives from `FormulaColumn`, or from
    `ParsedNumberColumn` if its values stand for numbers. The other members have defaults that suit most kinds.

    Attributes
    ----------
    is_number : bool
        Whether the values are numbers: a sparse table holds nothing else.
    is_free_text : bool
        Whether the values are free text. Since encoding text takes long, it is done once for all epochs.
    uses_target : bool
        Whether the inputs depend on the target. They are then learnt from all rows (`with_categories_and_means`), and
        each training row gets inputs that were learnt from other folds.
    reads_axis_values : bool
        Whether axis values are values of the column, as those of numbers and dates are: a curve can then be drawn
        between the values of rows.
    left_out_message : str
        Why a column of this class may have no input except the indicator of missing values, and the remedy.
    categories : tuple of str
        The keys of the known categories; () for columns without categories.
    """

    __slots__ = ()
    is_number: ClassVar[bool] = False
    is_free_text: ClassVar[bool] = False
    uses_target: ClassVar[bool] = False
    reads_axis_values: ClassVar[bool] = False
    left_out_message: ClassVar[str] = ""
    categories: tuple[str, ...] = ()

    @property
    def n_inputs(self) -> int:
        """How many inputs the column becomes."""
        return len(self.input_descriptions)

    @property
    def n_bins(self) -> int:
        """How many of the inputs are bins. These come first, and a network may skip them."""
        return 0

    @property
    def input_descriptions(self) -> tuple[InputDescription, ...]:
        """The name of each input, and how it is computed."""
        raise NotImplementedError

    def encode_into(self, values: ColumnValues, out: Array, name: str, encoding_fold: Array | None = None) -> None:
        """Write the inputs of n values into `out`; errors name the column.

        With `encoding_fold`, of shape (n,), the values are those of training rows in these folds, or of held-out rows
        in the fold -1: inputs that depend on the target are as other folds have learnt them.
        """
        raise NotImplementedError

    def slopes(self, values: ColumnValues, name: str) -> Array | None:
        """Return the derivatives of the inputs, 0 for missing values; None if no formulas compute them."""
        return None

    def read(self, values: ColumnValues, name: str) -> tuple[ColumnValues, str]:
        """Return new values, and a warning of values without a meaning, or "".

        What is returned replaces the user's values, and all other members then get it. If parsing takes long, return
        parsed values, but only of a type that users may pass as well, as dates in place of their text. Do not return
        text as bare numbers: nothing tells them from numbers that a user passes by mistake, which should be an error.

        Columns of numbers are not asked: encoding them raises an error for other values.
        """
        return values, ""

    def axis_values(self, values: ColumnValues, name: str) -> pd.Series | None:
        """Return the axis values of n values, for a curve; None if values of this column are drawn as bars.

        Free text is not drawn.
        """
        return None

    @property
    def expects_missing_values(self) -> bool:
        """Whether there is an input for missing values, or all values have the same inputs."""
        return self.is_constant or any(description.kind == "missing" for description in self.input_descriptions)

    @property
    def training_range(self) -> tuple[float, float]:
        """The smallest and the largest training value of a column of numbers; both 0 where they are unknown."""
        return 0.0, 0.0

    def lies_mostly_outside(self, values: ColumnValues, name: str) -> bool:
        """Whether most of n new values are outside the range of the training values, or are unknown categories."""
        return False

    @property
    def inputs_rise_with_value(self) -> bool:
        """Whether all inputs but the indicator of missing values rise with the value, as `monotonic_cst` needs."""
        return self.is_number

    # --- numbers

    @property
    def is_constant(self) -> bool:
        """Whether all training values were equal, so that the scale is still unknown: see `rescaled_if_constant`."""
        return False

    def rescaled_if_constant(self, values: ColumnValues, name: str, weight: Array | None) -> Self:
        """Return a column that `is_constant` with the scale of n new values; other columns as they are."""
        return self

    # --- categories

    def without_one_hot(self) -> Column:
        """Return the column without its one-hot inputs."""
        return self

    # --- the target

    def with_categories_and_means(self, categories: tuple[str, ...], means: Array) -> Column:
        """Return the column with other categories and their means of the target, and everything else unchanged."""
        return self


class FormulaColumn(Column, ABC):
    """A column whose inputs are computed by `formulas`; those of all columns are stacked."""

    __slots__ = ()

    @property
    @abstractmethod
    def formulas(self) -> tuple[tuple[Formula, ...], ...]:
        """For each array of `arguments`, the formulas that take it."""

    @abstractmethod
    def arguments(self, values: ColumnValues, name: str) -> Sequence[Array]:
        """Return the arrays of numbers, (n,), that the formulas take instead of n values; errors name the column."""

    @property
    @abstractmethod
    def is_constant(self) -> bool:
        """Whether all training values were equal. If they may be, `rescaled_if_constant` has to be written, too."""

    def axis_values(self, values: ColumnValues, name: str) -> pd.Series | None:
        """Return the argument of the formulas; None if they take several, since a curve is a function of one number."""
        arguments = self.arguments(values, name)
        return pd.Series(arguments[0]) if len(arguments) == 1 else None

    @property
    def n_inputs(self) -> int:
        """How many inputs the formulas make."""
        return sum([formula.n_inputs for formulas in self.formulas for formula in formulas])

    @property
    def n_bins(self) -> int:
        """How many inputs the formulas of bins make."""
        return sum([formula.n_inputs for formulas in self.formulas for formula in formulas if formula.are_bins])

    @property
    def input_descriptions(self) -> tuple[InputDescription, ...]:
        """The descriptions of the formulas."""
        in_order = sorted(chain.from_iterable(self.formulas), key=lambda formula: not formula.are_bins)
        return tuple([description for formula in in_order for description in formula.descriptions])

    def slopes(self, values: ColumnValues, name: str) -> Array:
        """Return the slopes of the formulas."""
        groups = zip(self.formulas, self.arguments(values, name), strict=True)
        pairs = [(formula, argument) for formulas, argument in groups for formula in formulas]
        pairs.sort(key=lambda pair: not pair[0].are_bins)
        return np.hstack([formula.slopes(argument[:, np.newaxis]) for formula, argument in pairs])


@dataclass(frozen=True, kw_only=True)
class ColumnSettings:
    """How columns are learnt.

    Attributes
    ----------
    input_scaling : {"robust", "standard", "quantile", None}
        How numbers are scaled.
    numeric_encoding : {"raw", "piecewise_linear", "steps"}
        Whether numbers have bins, too, and steps where `with_learnt_steps` finds them.
    n_bins : int
        The most bins that a column has.
    max_categories : int or None
        The most one-hot inputs that a column has; None is no limit.
    category_encoding : {"one_hot", "target", "both"}
        Whether categories become one-hot inputs, target means, or both.
    keeps_all_categories : bool
        Whether infrequent categories have inputs of their own, too.
    text_components : int
        The most components of a column of text.
    """

    input_scaling: str | None
    numeric_encoding: str
    n_bins: int
    max_categories: int | None
    category_encoding: str
    keeps_all_categories: bool
    text_components: int


class WeightsAndTarget(NamedTuple):
    """The weights and the target of the rows that columns are learnt from."""

    weight: Array | None = None  # (n,), positive; None is ones
    target: Array | None = None  # (n, k), the target matrix, if categories may be encoded by it
    seed: int = 0  # of the decomposition of text, which draws random numbers


# --- kinds of columns ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnKind:
    """A kind of column: how its values are recognised and learnt.

    Attributes
    ----------
    name : str
        The key in `KINDS`, and what messages call it.
    learn : callable
        (values, name, settings, `WeightsAndTarget`) -> the learnt column.
    classes : tuple of types
        The classes of the columns that `learn` returns.
    inferred_types : tuple of str
        The types of such values in the words of `pandas.api.types.infer_dtype`.
    recognises : callable
        (column of strings or other objects) -> whether its values are of this kind.
    parameter : str
        The user's parameter that names columns of this kind. `recognises` is then asked only if the parameter says so.
    may_have_bins : bool
        Whether the columns may have bins: the defaults depend on the number of such columns.
    """

    name: str
    learn: Callable[[ColumnValues, str, ColumnSettings, WeightsAndTarget], Column]
    classes: tuple[type[Column], ...]
    inferred_types: tuple[str, ...] = ()
    recognises: Callable[[pd.Series], bool] = lambda column: False
    parameter: str = ""
    may_have_bins: bool = False
