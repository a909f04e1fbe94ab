"""One column of a table and the inputs of the network that it becomes: what every kind of column has in common.

A new kind is a frozen dataclass that is a `Column`, a function that learns it, and a `ColumnKind` among the `KINDS` of
`sknet._tables.kinds`. `docs/add_your_own.md` shows how to add one.

Conventions
-----------
n rows; n_inputs inputs of the network; k columns of the target matrix.

values : (n,)            one column of the table as it comes: an array or a pandas Series
out : (n, n_inputs)      its inputs, zeros before `write`; its bins first, if it has any
slopes : (n, n_inputs)   the derivative of each input by the value; where it jumps, the mean of both sides
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import FileIO
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.read import ColumnValues
from sknet._typing import Array, DType, Table


class InputFormula(NamedTuple):
    """How one input of the network is called, and how it is computed from its column.

    Attributes
    ----------
    suffix : str
        What follows the column's name in the name of the input.
    kind : {"number", "bin", "missing", "level", "infrequent", "target", "date", "text"}
    level : str, mapping or None
        The category that the input is 1 for; the cycle of a date; the target's mean of every category; or, of a
        component of text, the idf of every term and its weight.
    edge : float
        Where a bin begins; NaN for other kinds.
    centre, scale : float
        What is subtracted, and what the difference is multiplied by.
    """

    suffix: str
    kind: str
    level: str | Mapping[str | None, float] | Mapping[str, tuple[float, float]] | None = None
    edge: float = float("nan")
    centre: float = 0.0
    scale: float = 1.0

    @property
    def is_sign(self) -> bool:
        """Whether the input is −1, 0 or 1; of several of a column, one at most is not 0."""
        return self.kind in ("level", "infrequent", "missing")


MISSING = InputFormula("_missing", "missing")
"""The input that is 1 where a value is missing."""


class Column(ABC):
    """How one column of a table becomes inputs of the network: a frozen dataclass of what was learnt.

    A kind must have `input_formulas` and `write`. All other members say what holds for most kinds; the other kinds
    override them.

    Attributes
    ----------
    is_number : bool
        Whether the values are numbers: a sparse table holds nothing else.
    is_text : bool
        Whether the values are free text, which takes long to encode: it is encoded once for all epochs.
    uses_target : bool
        Whether the inputs depend on the target. They are then learnt from all rows, by `with_categories_and_means`, and
        those of training rows from the rows of other folds, as `write_cross_fitted`.
    reason_if_left_out : str
        Why a column of this class may become no input but that of missing values, and what the user can do then.
    categories : tuple of str
        The keys of the categories that are known; () where values are none.
    infrequent_share : float
        Share of the weight of the categories that are not among these, in training.
    """

    __slots__ = ()
    is_number: ClassVar[bool] = False
    is_text: ClassVar[bool] = False
    uses_target: ClassVar[bool] = False
    reason_if_left_out: ClassVar[str] = ""
    categories: tuple[str, ...] = ()
    infrequent_share: float = 0.0

    @property
    def n_inputs(self) -> int:
        """How many inputs the column becomes."""
        return len(self.input_formulas)

    @property
    def n_bins(self) -> int:
        """How many of them, the first ones, are bins: a network may do without these."""
        return 0

    @property
    @abstractmethod
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """How each input is called and computed."""

    @abstractmethod
    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`; errors tell the column's name."""

    def slopes(self, values: ColumnValues, name: str) -> Array | None:
        """Return the derivatives of the inputs, 0 at missing values; None where values are no numbers."""
        return None

    def n_unread(self, values: ColumnValues, name: str) -> int:
        """Return how many values are text that the column cannot read and takes as missing."""
        return 0

    @property
    def is_ordered(self) -> bool:
        """Whether all inputs but that of missing values rise with the value, so that predictions may."""
        return self.is_number

    # --- numbers

    @property
    def is_constant(self) -> bool:
        """Whether a single value is known, so that there is no scale yet: `with_scale_of` new values finds it."""
        return False

    def with_scale_of(self, values: ColumnValues, name: str, weight: Array | None) -> Column:
        """Return the column, if it `is_constant`, with the scale of n new values and their weights."""
        return self

    # --- categories

    def without_one_hot(self) -> Column:
        """Return the column without its one-hot inputs."""
        return self

    # --- the target

    def with_categories_and_means(self, categories: tuple[str, ...], means: Array) -> Column:
        """Return the column with other categories and their means of the target; all else stays as it was learnt."""
        return self

    def write_cross_fitted(  # noqa: B027 most kinds have no such inputs
        self, values: ColumnValues, encoding_fold: NDArray[np.intp], out: Array
    ) -> None:
        """Overwrite, after `write`, the inputs of training rows that depend on the target, from the other folds."""


@dataclass(frozen=True, kw_only=True)
class ColumnSettings:
    """How columns are to be learnt, and the weights and targets of their rows.

    Attributes
    ----------
    categorical_features, text_features
        What the user says that columns are; see `sknet._tables.kinds.ColumnChoices`.
    input_scaling : {"robust", "standard", "quantile", None}
        How numbers are scaled.
    weight : ndarray of shape (n,), or None
        Sample weights, positive; None is ones.
    numeric_encoding : {"raw", "piecewise_linear", "steps"}
        Whether numbers have bins beside them, and steps among these where `TableEncoder.with_steps` finds such.
    n_bins : int
        How many, at most.
    max_categories : int or None
        The most one-hot inputs that a column has; None is no limit.
    category_encoding : {"one_hot", "target", "both"}
        How categories are encoded.
    target : ndarray of shape (n, k), or None
        The target matrix, if categories may be encoded by it.
    keeps_all_categories : bool
        Whether rare categories have inputs of their own, as others do.
    text_components : int
        The most inputs that a column of text becomes, besides that of missing texts.
    seed : int
        Of the decomposition of text.
    """

    categorical_features: object = "from_dtype"
    text_features: object = None
    input_scaling: str | None = "robust"
    weight: Array | None = None
    numeric_encoding: str = "raw"
    n_bins: int = 8
    max_categories: int | None = 100
    category_encoding: str = "one_hot"
    target: Array | None = None
    keeps_all_categories: bool = False
    text_components: int = 30
    seed: int = 0


# --- kinds of columns ------------------------------------------------------------------------------------------------


class Files(Protocol):
    """Files in which a stream keeps what has no fixed size."""

    def open(self) -> FileIO:
        """Open a new file for writing and reading."""

    def write(self, file: FileIO, content: bytes) -> None:
        """Write all of the content at a file's position."""


class ColumnFormat(ABC):
    """How the values of one column are kept.

    Attributes
    ----------
    dtype : dtype
        Of what is kept of a value.
    """

    dtype: DType

    @abstractmethod
    def pack(self, values: Table) -> Array:
        """Return what is kept of n values; a TypeError or ValueError names those that cannot be kept."""

    @abstractmethod
    def unpack(self, packed: Array) -> Table:
        """Return values that are encoded as those that were kept."""

    def unpack_as_passed(self, packed: Array) -> Table:
        """Return values from which the same is learnt as from those that were kept."""
        return self.unpack(packed)


@dataclass(frozen=True)
class ColumnKind:
    """A kind of column: how raw values of it are recognised, learnt, kept by a stream and fed to a graph.

    Attributes
    ----------
    learn : callable
        (values, name, settings) -> the learnt column.
    classes : tuple of types
        Of what `learn` returns.
    format : callable
        (name, values of the first chunk, files) -> how a stream keeps such values.
    feed : dtype
        What an input of an ONNX graph holds.
    inferred_types : tuple of str
        What `pandas.api.types.infer_dtype` calls such values.
    recognises : callable, or None
        Values of a frame -> whether they are of this kind, whatever their type.
    is_learnt_from_codes : bool
        Whether `learn` needs only the distinct values and which of them each row has.
    """

    learn: Callable[[ColumnValues, str, ColumnSettings], Column]
    classes: tuple[type[Column], ...]
    format: Callable[[str, Table, Files], ColumnFormat]
    feed: DType
    inferred_types: tuple[str, ...] = ()
    recognises: Callable[[pd.Series], bool] | None = None
    is_learnt_from_codes: bool = False
