"""The kind of each column of a table, which the user chooses, or which follows from its type and its values.

A sample of the rows is surveyed once per fit. Warnings, "auto" parameters and learning use the survey.

Conventions
-----------
n rows of the sample; d columns

X : (n, d)       array, CSR matrix or data frame
names : (d,)     the table's columns
mask : (d,)      bool, which columns the user chose
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.advice import advice_for_text
from sknet._tables.categories import CATEGORY, Categories, count_categories
from sknet._tables.column import Column, ColumnKind
from sknet._tables.column_values import (
    INFERRED_MIXED_TYPES,
    inferred_type,
    is_categorical,
    read_categories,
    unusable_column_error,
)
from sknet._tables.dates import DATE
from sknet._tables.messages import short_list
from sknet._tables.numbers import NUMBER
from sknet._tables.raw_table import (
    as_uniform_array,
    column_at,
    column_in_code,
    column_names,
    default_names,
    is_sparse,
)
from sknet._tables.text import TEXT
from sknet._typing import Array, Table

KINDS = {kind.name: kind for kind in (NUMBER, CATEGORY, DATE, TEXT)}
"""The kinds of columns by name. The first one that recognises a column has it, but those with a parameter come last.

So the kinds that a program adds come before `TEXT`, which recognises strings of almost any meaning.
"""


def kinds_by_class() -> dict[type[Column], ColumnKind]:
    """Return the kind of each class of learnt columns, as files and exports know it."""
    return {column_class: kind for kind in KINDS.values() for column_class in kind.classes}


def recognized_kind(column: pd.Series, parameters: Collection[str] = ()) -> str | None:
    """Return the first kind that recognises the strings or objects of a column; None if none does.

    Kinds that have a parameter are asked last, and only if it is among `parameters`.
    """
    if getattr(column.dtype, "kind", "O") not in "OUT" or is_categorical(column):
        return None
    in_order = sorted(KINDS.values(), key=lambda kind: kind.parameter != "")
    asked = (kind for kind in in_order if not kind.parameter or kind.parameter in parameters)
    return next((kind.name for kind in asked if _is_recognized(column, kind)), None)


def _is_recognized(column: pd.Series, kind: ColumnKind) -> bool:
    """Whether a kind recognises a column; an error that a program's own kind raises names the kind."""
    try:
        return kind.recognises(column)
    except Exception as error:
        raise RuntimeError(
            f"recognises of the column kind {kind.name!r} raised {type(error).__name__} for the column "
            f"{column.name!r}: {error}"
        ) from error


def column_kind(column: pd.Series, name: str, *, finds_categories: bool = True) -> str:
    """Return the kind of a column by the type of its values; a TypeError names a column of unusable or mixed types.

    Without `finds_categories`, text is a column of numbers: `column_as_floats` raises if it spells none.
    """
    inferred = inferred_type(column)
    kind = next((name for name, kind in KINDS.items() if inferred in kind.inferred_types), None)
    if not finds_categories:
        return "number" if kind in (None, "category") else kind
    # numbers of several types, such as decimals and floats, are "mixed" to pandas
    if inferred in INFERRED_MIXED_TYPES and not any(isinstance(value, str) for value in column):
        return "number"
    if kind is None:
        raise unusable_column_error(column, name, inferred)
    return kind


# --- what the user says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColumnChoices:
    """The user's parameters that choose the kinds of columns.

    Attributes
    ----------
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        The columns of categories, by dtype, name, index or mask. "from_dtype" among names adds those found by dtype.
    text_features : "auto", array-like of str, int or bool, or None
        The columns of free text, by their values, name, index or mask.
    """

    categorical_features: object = "from_dtype"
    text_features: object = None

    @cached_property
    def finds_categories(self) -> bool:
        """Whether the dtype of a column can make it one of categories."""
        return parse_categorical_features(self.categorical_features)[0]

    @property
    def finds_text(self) -> bool:
        """Whether columns that look like free text are text."""
        return isinstance(self.text_features, str)

    @property
    def columns_by_parameter(self) -> dict[str, object]:
        """The names, indices or mask of each parameter that gives some."""
        named_columns = {
            "categorical_features": parse_categorical_features(self.categorical_features)[1],
            "text_features": None if self.finds_text else self.text_features,
        }
        return {parameter: columns for parameter, columns in named_columns.items() if columns is not None}

    def named_kinds(self, names: Sequence[str]) -> list[str | None]:
        """Return the kind that the user chooses for each column, or None."""
        kinds: list[str | None] = [None] * len(names)
        kind_by_parameter = {kind.parameter: name for name, kind in KINDS.items() if kind.parameter}
        for parameter, columns in self.columns_by_parameter.items():
            for j in np.flatnonzero(column_mask(columns, names, parameter)).tolist():
                if kinds[j] is not None:
                    raise ValueError(
                        f"Column {names[j]!r} of X is in {' and in '.join(kind_by_parameter)}: leave it out of one of "
                        "them."
                    )
                kinds[j] = kind_by_parameter[parameter]
        return kinds

    def kind_of(self, values: pd.Series, name: str, named: str | None) -> str:
        """Return the kind of a column: the one the user chose (`named`), or the one of its type and values."""
        if named is not None:
            return named
        kind = recognized_kind(values, ["text_features"] if self.finds_text else [])
        return kind or column_kind(values, name, finds_categories=self.finds_categories)


COLUMNS_REMEDY = {
    "categorical_features": "give 'from_dtype', None, or a list of column names, indices or booleans",
    "text_features": "give 'auto', None, or a list of column names, indices or booleans",
    "monotonic_cst": "give a number for each column, or a dict of some by name",
    "interaction_cst": "give 'no_interactions', 'pairwise', or a list of sets, as [['age', 'income'], ['town']]",
}
"""The end of the error message for a value that does not name columns, by parameter."""


def parse_categorical_features(categorical_features: object) -> tuple[bool, object]:
    """Return whether "from_dtype" is given, and the names, indices or mask that are given."""
    if isinstance(categorical_features, str):
        return categorical_features == "from_dtype", None
    entries = list(categorical_features) if isinstance(categorical_features, Iterable) else []
    # an entry may be an array: comparing it with text returns an array
    named = [entry for entry in entries if not (isinstance(entry, str) and entry == "from_dtype")]
    return (True, named) if len(named) < len(entries) else (False, categorical_features)


def _mask_of_all_columns(mask: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    """Return a mask that the user gives; raise if it has another length than `names`."""
    if len(mask) != len(names):
        raise ValueError(
            f"{parameter} is a mask of {len(mask)} booleans, but X has {len(names)} columns: give one each."
        )
    return mask


def _indices_to_mask(indices: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    """Return the mask of the columns at some indices, which may be negative."""
    d = len(names)
    out_of_range = [index for index in indices.tolist() if not -d <= index < d]
    if out_of_range:
        raise ValueError(
            f"{parameter} holds the indices {out_of_range}, but X has {d} columns: give indices from 0 to {d - 1}."
        )
    chosen, counts = np.unique(indices % d, return_counts=True)  # -1 is the last column
    if (counts > 1).any():
        raise ValueError(
            f"{parameter} holds the index {chosen[counts > 1][0]} several times: give each index once, or a mask of "
            "booleans."
        )
    return np.isin(np.arange(d), chosen)


def _names_to_mask(chosen_names: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    """Return the mask of the columns of some names."""
    unknown = [name for name in chosen_names.tolist() if name not in names]
    if unknown:
        raise ValueError(f"{parameter} names {unknown}, but X has no such columns: give some of {short_list(names)}.")
    return np.isin(np.array(names), chosen_names.astype(str))


_MASK_FUNCTIONS = {"b": _mask_of_all_columns, "i": _indices_to_mask, "u": _indices_to_mask, "U": _names_to_mask}
"""The functions that return a mask of columns, by the kind of the given NumPy type."""


def column_mask(columns: object, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    """Return a mask of columns that are given by names, indices or a mask. Errors name the `parameter`."""
    try:
        entries = np.asarray(columns)
    except ValueError:  # lists of different lengths raise below, like an array of two dimensions
        entries = np.empty((1, 1), dtype=object)
    if entries.size == 0:
        return np.zeros(len(names), dtype=bool)
    is_text = entries.dtype.kind == "O" and all(isinstance(name, str) for name in entries.ravel().tolist())
    to_mask = _MASK_FUNCTIONS.get("U" if is_text else entries.dtype.kind)
    if to_mask is None or entries.ndim != 1:
        raise ValueError(f"{parameter}={columns!r} is not understood: {COLUMNS_REMEDY[parameter]}.")
    return to_mask(entries, names, parameter)


# --- all columns of a table ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Survey:
    """The kinds of the columns of a sample.

    Attributes
    ----------
    names : tuple of str
        A name for each column; () for a CSR matrix, which may have very many columns.
    kinds : dict of int to str
        The key in `KINDS` of each usable column, by its index.
    errors : dict of int to exception
        Why each other column cannot be used.
    categories : dict of int to Categories
        The categories of each column of categories.
    misread : dict of int to str
        What columns of text hold, such as dates, and how to convert it, by index.
    is_sparse : bool
        Whether the table is a CSR matrix.
    """

    names: tuple[str, ...]
    kinds: Mapping[int, str]
    errors: Mapping[int, Exception] = field(default_factory=dict)
    categories: Mapping[int, Categories] = field(default_factory=dict)
    misread: Mapping[int, str] = field(default_factory=dict)
    is_sparse: bool = False

    @cached_property
    def n_numbers(self) -> int:
        """The number of columns that may have bins: numbers and dates."""
        return sum(KINDS[kind].may_have_bins for kind in self.kinds.values())

    @property
    def free_text_names(self) -> tuple[str, ...]:
        """The names of the columns of free text."""
        return tuple(self.names[j] for j, kind in self.kinds.items() if kind == "text")

    def needs_target_means(self, max_categories: int | None) -> bool:
        """Whether a column of categories needs target means, since many categories or many rows share an input."""
        columns = (categories.one_hot(max_categories) for categories in self.categories.values())
        return any(column.needs_means(max_categories) for column in columns)


UNKNOWN_COLUMNS = Survey((), {})
"""A placeholder where the columns have been learnt already."""


def survey_columns(
    X: Table, choices: ColumnChoices, names_of_text: Collection[str] = (), *, is_polars: bool = False
) -> Survey:
    """Find the kind of each column, count categories, and find text that should have been converted.

    The columns of `names_of_text` are categoricals, but the user has passed them as text. `is_polars` tells whether
    calls that convert columns are for a polars frame.
    """
    if is_sparse(X):
        if choices.columns_by_parameter:
            parameter, columns = next(iter(choices.columns_by_parameter.items()))
            raise ValueError(
                f"{parameter}={columns!r} cannot be used with sparse X, whose columns are always numbers: set it to "
                "None, or pass a dense array or a data frame."
            )
        return Survey((), dict.fromkeys(range(X.shape[1]), "number"), is_sparse=True)
    is_frame = isinstance(X, pd.DataFrame)
    names = column_names(X) if is_frame else default_names(X.shape[1])
    # an array, or a frame of one numeric type: all columns are numbers, unless the user chooses another kind
    is_numeric = not is_frame or as_uniform_array(X) is not None
    kinds: dict[int, str] = {}
    errors: dict[int, Exception] = {}
    categories: dict[int, Categories] = {}
    misread: dict[int, str] = {}
    named_kinds = choices.named_kinds(names)
    for j, (name, named_kind) in enumerate(zip(names, named_kinds, strict=True)):
        if is_numeric and named_kind is None:
            kinds[j] = "number"
            continue
        values = column_at(X, j)
        try:
            kind = choices.kind_of(values, name, named_kind)
            codes_and_keys = read_categories(values, name) if kind in ("category", "text") else None
            kinds[j] = kind
        except (TypeError, ValueError) as error:
            errors[j] = error
            continue
        if codes_and_keys is None:
            continue
        if kind == "category":
            categories[j] = count_categories(*codes_and_keys)
        # no advice on columns whose kind the user chose by name or dtype
        is_text = name in names_of_text or not is_categorical(values)
        is_found = named_kind is None and choices.finds_categories and is_text
        if not is_found:
            continue
        advice = advice_for_text(codes_and_keys[1], column_in_code(X, j), is_polars=is_polars)
        if advice is not None:
            misread[j] = advice
    return Survey(names, kinds, errors=errors, categories=categories, misread=misread)
