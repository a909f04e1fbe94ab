"""Columns of categories: one-hot inputs, and the target's mean of each category, cross-fitted and shrunk.

One-hot inputs: each frequent category has an input, and the infrequent categories share one.

Target encoding [1]_: no training row is encoded by its own target. Each training row is encoded by the means of the
other folds. The column stores these means, so that a later call encodes the same rows in the same way. They are shrunk
as `sknet._tables.target_statistics` explains.

.. [1] Micci-Barreca, D. (2001). "A preprocessing scheme for high-cardinality categorical attributes in classification
   and prediction problems". SIGKDD Explorations 3, 27-32.

Conventions
-----------
n rows; L categories; k columns of the target matrix; F folds of the rows.

A category is known by its key, a text. Each one-hot input has a slot: first the categories with an input of their own,
in the order of `categories`, then the infrequent ones, then missing values, where there are such. Slot −1 is "unknown":
all inputs of the column stay 0.

target : (n, k)              float64
slot : (n,)                  of target means: which category each row has; L for a missing value, L + 1 for an unknown
                             category
encoding_fold : (n,)         which fold each row is in; -1 for a held-out row, whose target no mean includes
means : (1 + F, L + 2, k)    of all rows, then of the rows outside of each fold
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan

import numpy as np
from numpy.typing import NDArray

from sknet._tables.column import MIN_VALUES_TO_WARN, Column, ColumnKind, ColumnSettings, WeightsAndTarget
from sknet._tables.column_values import (
    INFERRED_TEXT_TYPES,
    ColumnValues,
    category_key,
    check_text_is_encodable,
    find_slots,
    read_categories,
)
from sknet._tables.equality import EqualByFields
from sknet._tables.formulas import InputDescription
from sknet._tables.raw_table import take_rows
from sknet._tables.sampling import cross_fit_folds
from sknet._tables.statistics import mean_and_deviation, safe_reciprocal
from sknet._tables.target_statistics import compute_target_statistics
from sknet._typing import Array

# --- one-hot inputs --------------------------------------------------------------------------------------------------


MIN_VALUES_OF_IDENTIFIER = 20
"""A column of at least this many values is an identifier if all of them differ."""

MIN_CATEGORIES_TO_GROUP = 20
"""Infrequent categories share an input if the column has at least this many categories."""

MIN_FREQUENCY = 5
"""A category with fewer rows is infrequent: a network would memorise their targets."""

SMALL_COLUMN_VALUES, MIN_FREQUENCY_OF_SMALL_COLUMN = 200, 2
"""In a column of fewer than 200 values, a category is infrequent if it has fewer than 2 rows."""

MAX_CHANCE_OF_INFREQUENT = 1e-6
"""New values are not reported as unknown if the probability that all of them were infrequent in training is higher."""

LARGE_INFREQUENT_SHARE = 0.2
"""If the categories that share an input have at least this share of the weight, target means are added."""

_SIGN_OF_SLOT = np.array([-1.0, 1.0, 0.0])
"""The input of a column of two categories, by slot. The slot −1 of unknown values picks the last entry."""


class BaseCategoryColumn(Column):
    """Base of the columns whose values are categories."""

    __slots__ = ()
    infrequent_share: float = 0.0

    def read(self, values: ColumnValues, name: str) -> tuple[ColumnValues, str]:
        """Return the values, and a warning if none is known, unless all may have been infrequent in training."""
        first = take_rows(values, slice(0, MIN_VALUES_TO_WARN)).tolist()
        if not self.categories or any(category_key(value) in self.categories for value in first):
            return values, ""  # nearly always after the first value
        codes, keys = read_categories(values, name)
        codes = codes[codes >= 0]
        # only the share of the infrequent categories is stored, not their names
        chance = self.infrequent_share ** len(np.unique(codes))
        is_known = np.isin(keys, self.categories)[codes].any()
        if is_known or len(codes) < MIN_VALUES_TO_WARN or chance > MAX_CHANCE_OF_INFREQUENT:
            return values, ""
        return values, (
            "hold no category that fit has seen: all their values count as unknown. Write the categories as in fit, "
            "not as codes or in another spelling."
        )


@dataclass(frozen=True)
class CategoryColumn(BaseCategoryColumn):
    """The inputs that a column of categories becomes.

    Attributes
    ----------
    categories : tuple of str
        Keys of the categories with an input of their own, in numerical or else alphabetical order.
    has_infrequent : bool
        Whether the other categories share an input, which is then the input of unknown categories, too.
    has_missing : bool
        Whether missing values have an input. Otherwise they are treated as unknown.
    infrequent_share : float
        The share of the training weight of the other categories.
    """

    categories: tuple[str, ...] = ()
    has_infrequent: bool = False
    has_missing: bool = False
    infrequent_share: float = 0.0

    @property
    def has_signed_input(self) -> bool:
        """Whether there is a single input: −1 for the first of two categories, 1 for the second, 0 for unknown."""
        return len(self.categories) == 2 and not (self.has_infrequent or self.has_missing)

    @property
    def expects_missing_values(self) -> bool:
        """Whether missing values have an input, or there is at most one input, which all values share."""
        return self.has_missing or not self.categories

    def needs_means(self, max_categories: int | None) -> bool:
        """Whether target means should be added, since many categories or many rows share an input."""
        is_full = self.has_infrequent and self.n_inputs == max_categories
        return is_full or self.infrequent_share >= LARGE_INFREQUENT_SHARE

    @property
    def input_descriptions(self) -> tuple[InputDescription, ...]:
        """The inputs: 1 for its category and 0 for others; a single input of two categories is −1 or 1."""
        if self.has_signed_input:
            # x is 1 for the second category and 0 for the first: (x - 0.5) * 2 is 1 or −1
            return (InputDescription(f"_{self.categories[1]}", "level", self.categories[1], centre=0.5, scale=2.0),)
        special = ["infrequent"] * self.has_infrequent + ["missing"] * self.has_missing
        special_descriptions = [InputDescription(f"_{unused_name(kind, self.categories)}", kind) for kind in special]
        return (*(InputDescription(f"_{key}", "level", key) for key in self.categories), *special_descriptions)

    def slots_of_values(self, values: ColumnValues, name: str = "") -> NDArray[np.intp]:
        """Return the slot of each of n values, −1 where unknown."""
        codes, keys = read_categories(values, name)
        unknown = len(self.categories) if self.has_infrequent else -1
        missing = len(self.categories) + self.has_infrequent if self.has_missing else unknown
        return find_slots({key: slot for slot, key in enumerate(self.categories)}, keys, unknown, missing)[codes]

    def encode_into(self, values: ColumnValues, out: Array, name: str, encoding_fold: Array | None = None) -> None:
        if not out.shape[1]:
            return  # reading the values would take time
        slot = self.slots_of_values(values, name)  # (n,)
        if self.has_signed_input:
            out[:, 0] = _SIGN_OF_SLOT[slot]
            return
        known_rows = np.flatnonzero(slot >= 0)
        out[known_rows, slot[known_rows]] = 1.0

    def lies_mostly_outside(self, values: ColumnValues, name: str) -> bool:
        """Whether most of n values are unknown; False if unknown values have an input, or the column is left out."""
        if self.has_infrequent or self.left_out_message:  # new values are likely to be unknown
            return False
        codes, keys = read_categories(values, name)
        # the code −1 of a missing value picks the last entry: it is not unknown
        unknown = np.array([*(key not in self.categories for key in keys), False])[codes]
        return bool(unknown.mean() > 0.5)

    def without_one_hot(self) -> CategoryColumn:
        """Return a column without inputs."""
        return CategoryColumn()


class IdentifierColumn(CategoryColumn):
    """A column whose values all differ in training, as those of identifiers. No category has an input."""

    left_out_message = (
        "they are categories, but all their values differ, as in identifiers. Drop them, convert them to numbers or "
        "dates, or name them in text_features."
    )


def unused_name(word: str, categories: tuple[str, ...], endings: Sequence[str] = ()) -> str:
    """Return a word with as many underscores as it needs to differ, with all endings, from all categories."""
    while any(word + ending in categories for ending in ("", *endings)):
        word += "_"
    return word


# --- learning categories ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Categories:
    """The categories of a column and their frequencies.

    Attributes
    ----------
    shares : dict of str to float
        Share of the weight by key; 0 for a declared category that no row has.
    n_rows : dict of str to int
        Number of rows by key.
    has_missing : bool
        Whether values are missing.
    """

    shares: dict[str, float]
    n_rows: dict[str, int]
    has_missing: bool

    @property
    def n_present(self) -> int:
        """How many values are not missing."""
        return sum(self.n_rows.values())

    @property
    def all_differ(self) -> bool:
        """Whether all observed values differ, and there are enough of them."""
        return self.n_present >= MIN_VALUES_OF_IDENTIFIER and max(self.n_rows.values()) == 1

    def frequent_keys(self) -> list[str]:
        """Return the keys of the frequent categories; of all, if there are few or only one is infrequent."""
        n_needed = MIN_FREQUENCY_OF_SMALL_COLUMN if self.n_present < SMALL_COLUMN_VALUES else MIN_FREQUENCY
        keys = [key for key, n in self.n_rows.items() if n >= n_needed]
        are_many = len(self.n_rows) >= MIN_CATEGORIES_TO_GROUP
        return keys if are_many and len(keys) < len(self.n_rows) - 1 else list(self.n_rows)

    def one_hot(self, max_categories: int | None, *, group_infrequent: bool = True) -> CategoryColumn:
        """Return the column with at most this many one-hot inputs, one for each of the most frequent categories."""
        keys = self.frequent_keys() if group_infrequent else list(self.n_rows)
        has_missing = self.has_missing
        n_special = (len(keys) < len(self.shares)) + has_missing  # inputs, of infrequent categories and missing values
        limit = np.inf if max_categories is None else max_categories
        # two categories without missing values always fit, since they have a single input
        if len(keys) + n_special > limit and (len(keys), n_special) != (2, 0):
            has_missing = has_missing and limit > 1  # a single input is shared by all
            n_kept = int(limit) - 1 - has_missing  # the infrequent categories need one input
            keys = sorted(_sorted_keys(keys), key=lambda key: -self.shares[key])[:n_kept]
        infrequent_shares = [self.shares[key] for key in sorted(self.shares.keys() - set(keys))]
        return CategoryColumn(
            tuple(_sorted_keys(keys)), bool(infrequent_shares), has_missing, round(sum(infrequent_shares), 9)
        )


def count_categories(codes: NDArray[np.intp], keys: list[str], weight: Array | None = None) -> Categories:
    """Return the rows and the share of the weight of each category, from the results of `read_categories`."""
    # rows decide whether a column is an identifier, and weights rank the categories
    not_missing = codes >= 0
    counts = np.bincount(codes[not_missing], minlength=len(keys))  # how many rows each category has
    totals = counts if weight is None else np.bincount(codes[not_missing], weight[not_missing], len(keys))
    n_rows: dict[str, int] = {}
    weights: dict[str, float] = {}
    for key, n, total in zip(keys, counts.tolist(), totals.tolist(), strict=True):  # two may have one key
        n_rows[key] = n_rows.get(key, 0) + n
        weights[key] = weights.get(key, 0.0) + total
    total_weight = sum(weights.values()) or 1.0
    # the order of the rows changes the last digits of sums; without them, it cannot change the order of categories
    shares = {key: round(total / total_weight, 12) for key, total in weights.items()}
    return Categories(shares, n_rows, not bool(not_missing.all()))


def _sorted_keys(keys: list[str]) -> list[str]:
    """Return the keys sorted as numbers if all of them spell numbers (but not NaN), and else as text."""
    try:
        numbers = {key: float(key) for key in keys}
    except ValueError:
        return sorted(keys)
    return sorted(keys) if any(map(isnan, numbers.values())) else sorted(keys, key=lambda key: (numbers[key], key))


# --- means of the target ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TargetEncodedColumn(EqualByFields, BaseCategoryColumn):
    """The inputs that a column of categories becomes: target means, maybe after one-hot inputs.

    Attributes
    ----------
    means : ndarray of shape (1 + F, L + 2, k)
        Shrunk means; for unknown categories the means of all rows.
    factor : ndarray of shape (k,)
        1 over the target's standard deviation.
    categories : tuple of str
        Keys of all categories.
    one_hot : CategoryColumn, or None
        The first inputs, if there are one-hot inputs.
    """

    uses_target = True

    means: Array
    factor: Array
    categories: tuple[str, ...] = ()
    one_hot: CategoryColumn | None = None

    @property
    def n_inputs(self) -> int:
        """The one-hot inputs, and a mean for each column of the target matrix."""
        return (0 if self.one_hot is None else self.one_hot.n_inputs) + len(self.factor)

    @property
    def input_descriptions(self) -> tuple[InputDescription, ...]:
        """The means: (mean of the category - centre) * scale; None is the key of missing values."""
        endings = [""] if len(self.factor) == 1 else [f"_{i}" for i in range(len(self.factor))]
        word = unused_name("target", () if self.one_hot is None else self.one_hot.categories, endings)
        means = []
        for i, (ending, factor) in enumerate(zip(endings, self.factor.tolist(), strict=True)):
            mean = dict(zip((*self.categories, None), self.means[0, :-1, i].tolist(), strict=True))
            centre = float(self.means[0, -1, i])
            means.append(InputDescription(f"_{word}{ending}", "target", mean, centre=centre, scale=factor))
        return (*(() if self.one_hot is None else self.one_hot.input_descriptions), *means)

    @property
    def expects_missing_values(self) -> bool:
        """Whether missing values have an input or a mean of their own, or all means are the same."""
        if self.one_hot is not None:
            return self.one_hot.expects_missing_values
        differ = np.any(self.means[0] != self.means[0, -1], axis=1)  # (L + 2,)  from the mean of all rows
        return bool(differ[-2] or not differ.any())

    @cached_property
    def _slots(self) -> dict[str, int]:
        return {key: slot for slot, key in enumerate(self.categories)}

    def encode_into(self, values: ColumnValues, out: Array, name: str, encoding_fold: Array | None = None) -> None:
        if self.one_hot is not None:
            self.one_hot.encode_into(values, out[:, : -len(self.factor)], name)
        codes, keys = read_categories(values, name)
        missing = len(self.categories)
        slot = find_slots(self._slots, keys, missing + 1, missing)[codes]
        means = self.means[0 if encoding_fold is None else 1 + encoding_fold, slot]  # the means of all rows come first
        # (n, k) minus the mean of all rows, (k,), so that unknown categories become 0
        out[:, -len(self.factor) :] = (means - self.means[0, -1]) * self.factor

    def lies_mostly_outside(self, values: ColumnValues, name: str) -> bool:
        """Whether there are one-hot inputs, and most of n values have none."""
        return self.one_hot is not None and self.one_hot.lies_mostly_outside(values, name)

    def without_one_hot(self) -> TargetEncodedColumn:
        """Return the column with target means only."""
        return replace(self, one_hot=None)

    def with_categories_and_means(self, categories: tuple[str, ...], means: Array) -> TargetEncodedColumn:
        return replace(self, categories=categories, means=means)


def one_hot_inputs(column: Column) -> CategoryColumn | None:
    """Return the one-hot inputs of a column, which come first; None if it has none."""
    one_hot = column.one_hot if isinstance(column, TargetEncodedColumn) else column
    return one_hot if isinstance(one_hot, CategoryColumn) else None


# --- learning means --------------------------------------------------------------------------------------------------


def learn_category(
    values: ColumnValues, name: str, settings: ColumnSettings, rows: WeightsAndTarget
) -> TargetEncodedColumn | CategoryColumn:
    """Learn the one-hot inputs of a column of categories, its target means, or both.

    With "both", target means are added if many categories or rows share a one-hot input.
    """
    codes, keys = read_categories(values, name)
    check_text_is_encodable(keys, f"Column {name!r} of X")
    weight, target, _ = rows
    encoding = settings.category_encoding
    categories = count_categories(codes, keys, weight)
    if categories.all_differ:
        return IdentifierColumn(has_missing=categories.has_missing)
    one_hot = categories.one_hot(settings.max_categories, group_infrequent=not settings.keeps_all_categories)
    if target is None or encoding == "one_hot":
        return one_hot
    if encoding == "both" and not one_hot.needs_means(settings.max_categories):
        return one_hot
    statistics = compute_target_statistics(
        codes, keys, target, weight, cross_fit_folds(target, np.arange(len(target)), len(target))
    )
    deviation = np.array([mean_and_deviation(column, weight)[1] for column in target.T])
    return TargetEncodedColumn(
        statistics.means(), safe_reciprocal(deviation), statistics.keys, one_hot if encoding == "both" else None
    )


# --- the kind --------------------------------------------------------------------------------------------------------

CATEGORY = ColumnKind(
    name="category",
    learn=learn_category,
    classes=(CategoryColumn, IdentifierColumn, TargetEncodedColumn),
    inferred_types=INFERRED_TEXT_TYPES,
    parameter="categorical_features",
)
