"""What the user says that columns are: categories or free text, by names, indices or a mask; or what their values tell.

Conventions
-----------
names : (d,)     the table's columns
mask : (d,)      bool, which of them are meant
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.column import ColumnKind
from sknet._tables.dates import holds_iso_dates
from sknet._tables.kinds import column_kind
from sknet._tables.read import short_list
from sknet._tables.text import holds_free_text
from sknet._typing import Array


@dataclass(frozen=True)
class ColumnChoices:
    """The user's parameters that say what columns are, each for one kind of column.

    Attributes
    ----------
    categorical_features : "from_dtype", array-like of str, int or bool, or None
        Which columns are categories: by their dtype, name, index or mask; or by name and, with "from_dtype" among the
        names, by dtype too.
    text_features : "auto", array-like of str, int or bool, or None
        Which columns are free text: those whose values look like it, or by name, index or mask.
    """

    categorical_features: object = "from_dtype"
    text_features: object = None

    @cached_property
    def finds_categories(self) -> bool:
        """Whether columns whose dtype is a category's, a string or an object are categories without being named."""
        return parse_categorical_features(self.categorical_features)[0]

    @property
    def finds_text(self) -> bool:
        """Whether columns that look like free text are text."""
        return isinstance(self.text_features, str)

    @property
    def columns_by_parameter(self) -> dict[str, object]:
        """The names, indices or mask that each parameter gives, if it gives some."""
        given_columns = {
            "categorical_features": parse_categorical_features(self.categorical_features)[1],
            "text_features": None if self.finds_text else self.text_features,
        }
        return {parameter: given for parameter, given in given_columns.items() if given is not None}

    def named_kinds(self, names: Sequence[str]) -> list[ColumnKind | None]:
        """Return what each column is by name, index or mask; None where the user does not say it."""
        kinds: list[ColumnKind | None] = [None] * len(names)
        for parameter, given in self.columns_by_parameter.items():
            for j in np.flatnonzero(column_mask(given, names, parameter)).tolist():
                if kinds[j] is not None:
                    raise ValueError(
                        f"Column {names[j]!r} of X is in {' and in '.join(NAMED_KINDS)}: leave it out of one of them."
                    )
                kinds[j] = NAMED_KINDS[parameter]
        return kinds

    def kind_of(self, values: pd.Series, name: str, named: ColumnKind | None) -> ColumnKind:
        """Return what a column is: what the user says, or what its type and its values tell."""
        if named is not None:
            return named
        if self.finds_text and holds_free_text(values):
            return "text"
        if holds_iso_dates(values):
            return "date"
        return column_kind(values, name, finds_categories=self.finds_categories)


NAMED_KINDS: dict[str, ColumnKind] = {"categorical_features": "category", "text_features": "text"}
"""The parameters that name columns, and of what kind these are."""

DEFAULTS = {"categorical_features": "from_dtype", "text_features": "auto"}
"""What each is if the user names no columns."""


def parse_categorical_features(categorical_features: object) -> tuple[bool, object]:
    """Return whether a column's dtype may make it a category, and the names, indices or mask that are given besides."""
    if isinstance(categorical_features, str):
        return categorical_features == "from_dtype", None
    entries = list(categorical_features) if isinstance(categorical_features, Iterable) else []
    # an entry may be an array, whose comparison with text is no bool
    named = [entry for entry in entries if not (isinstance(entry, str) and entry == "from_dtype")]
    return (True, named) if len(named) < len(entries) else (False, categorical_features)


def column_mask(columns: object, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    """Convert names, indices or a mask of columns to a mask.

    Parameters
    ----------
    columns : array-like of str, int or bool
        What the user gives.
    names : sequence of str
        The table's columns.
    parameter : str
        The user's parameter, for messages.

    Returns
    -------
    ndarray of bool
    """
    try:
        given = np.asarray(columns)
    except ValueError:  # lists of different lengths: an array of two dimensions is refused below, and so are these
        given = np.empty((1, 1), dtype=object)
    if given.size == 0:
        return np.zeros(len(names), dtype=bool)
    is_text = given.dtype.kind == "O" and all(isinstance(name, str) for name in given.ravel().tolist())
    to_mask = _TO_MASK.get("U" if is_text else given.dtype.kind)
    if to_mask is None or given.ndim != 1:
        raise ValueError(
            f"{parameter}={columns!r} is not understood: give {DEFAULTS[parameter]!r}, None, or a list of column "
            "names, indices or booleans."
        )
    return to_mask(given, names, parameter)


def _from_mask(mask: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    if len(mask) != len(names):
        raise ValueError(
            f"{parameter} is a mask of {len(mask)} booleans, but X has {len(names)} columns: give one each."
        )
    return mask


def _from_indices(indices: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    d = len(names)
    out_of_range = [index for index in indices.tolist() if not -d <= index < d]
    if out_of_range:
        raise ValueError(
            f"{parameter} holds the indices {out_of_range}, but X has {d} columns: give indices from 0 to {d - 1}."
        )
    return np.isin(np.arange(d), indices % d)  # -1 is the last column


def _from_names(given: Array, names: Sequence[str], parameter: str) -> NDArray[np.bool_]:
    unknown = [name for name in given.tolist() if name not in names]
    if unknown:
        raise ValueError(f"{parameter} names {unknown}, but X has no such columns: give some of {short_list(names)}.")
    return np.isin(np.array(names), given.astype(str))


_TO_MASK = {"b": _from_mask, "i": _from_indices, "u": _from_indices, "U": _from_names}
"""How what a user gives becomes a mask, by the kind of its NumPy type."""
