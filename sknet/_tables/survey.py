"""What the columns of a table are, found once in a sample of its rows: warnings, "auto" and learning ask for it here.

Conventions
-----------
n rows of the sample; d columns

X : (n, d)     array, CSR matrix or data frame
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import pandas as pd

from sknet._tables.categories import learn_categories
from sknet._tables.column import ColumnKind
from sknet._tables.kinds import ColumnChoices, advice_for_text
from sknet._tables.read import (
    as_categorical,
    as_uniform_array,
    column_at,
    column_names,
    is_categorical,
    is_sparse,
    read_categories,
)
from sknet._typing import Table


class ColumnSummary(NamedTuple):
    """What kinds of columns a table has.

    Attributes
    ----------
    n_numbers : int
        How many columns are neither categories nor text: those of numbers and of dates.
    has_many_categories : bool
        Whether some column of categories needs the target's means beside at most `max_categories` inputs.
    text_names : tuple of str
        Columns of free text.
    is_sparse : bool
        Whether they are those of a CSR matrix.
    """

    n_numbers: int = 0
    has_many_categories: bool = False
    text_names: tuple[str, ...] = ()
    is_sparse: bool = False


UNKNOWN_COLUMNS = ColumnSummary()
"""Of a table whose columns have been learnt before: nothing asks for their kinds."""


@dataclass(frozen=True)
class Survey:
    """What each column of a sample is.

    Attributes
    ----------
    names : tuple of str
        A name for each column; () for a CSR matrix, whose columns are all numbers.
    kinds : dict of int to ColumnKind
        Of each column that can be used, by its number.
    errors : dict of int to exception
        Why each other column cannot be used.
    categorical : dict of int to Series
        The values of each column of categories or text, (n,), of dtype "category".
    misread : dict of str to str
        Columns of text that hold numbers or dates, by name, and how each is converted.
    is_sparse : bool
        Whether the table is a CSR matrix.
    """

    names: tuple[str, ...]
    kinds: Mapping[int, ColumnKind]
    errors: Mapping[int, Exception] = field(default_factory=dict)
    categorical: Mapping[int, pd.Series] = field(default_factory=dict)
    misread: Mapping[str, str] = field(default_factory=dict)
    is_sparse: bool = False

    def of_rows(self, X: Table) -> Survey:
        """Return the survey for other rows, (m, d), of the same table: each column is what it was."""
        categorical = {j: as_categorical(column_at(X, j), self.names[j]) for j in self.categorical}
        return replace(self, categorical=categorical)

    def summary(self, max_categories: int | None) -> ColumnSummary:
        """Say what kinds of columns there are, on which "auto" depends."""
        categories, texts = ([j for j in self.categorical if self.kinds[j] == kind] for kind in ("category", "text"))
        return ColumnSummary(
            len(self.kinds) - len(self.categorical),
            any(
                learn_categories(*read_categories(self.categorical[j], self.names[j]))
                .one_hot(max_categories)
                .needs_means(max_categories)
                for j in categories
            ),
            tuple(self.names[j] for j in texts),
            self.is_sparse,
        )


def survey_columns(X: Table, choices: ColumnChoices) -> Survey:
    """Find what each column is, and the values of those that are categories or text."""
    if is_sparse(X):
        return Survey((), dict.fromkeys(range(X.shape[1]), "number"), is_sparse=True)
    is_frame = isinstance(X, pd.DataFrame)
    names = column_names(X) if is_frame else tuple(f"x{j}" for j in range(X.shape[1]))
    # an array, or a frame whose columns all have one numeric type: nothing to look for, but for what the user says
    is_numeric = not is_frame or as_uniform_array(X) is not None
    kinds: dict[int, ColumnKind] = {}
    errors: dict[int, Exception] = {}
    categorical: dict[int, pd.Series] = {}
    misread: dict[str, str] = {}
    named_kinds = choices.named_kinds(names)
    for j, (name, named_kind) in enumerate(zip(names, named_kinds, strict=True)):
        if is_numeric and named_kind is None:
            kinds[j] = "number"
            continue
        values = column_at(X, j)
        try:
            kind = choices.kind_of(values, name, named_kind)
            if kind in ("category", "text"):
                categorical[j] = as_categorical(values, name)
            kinds[j] = kind
        except (TypeError, ValueError) as error:
            errors[j] = error
            continue
        # what the user names, or has made a category, is what the user says
        is_found = named_kind is None and choices.finds_categories and j in categorical and not is_categorical(values)
        if is_found and (advice := advice_for_text(categorical[j], name)):
            misread[name] = advice
    return Survey(names, kinds, errors=errors, categorical=categorical, misread=misread)
