"""One column of categories as inputs of 0 and 1: which categories have one of their own, and where the others go.

Conventions
-----------
A category is known by its key, a text. Each with an input of its own has a slot, in the order of `levels`; then comes
the slot of the infrequent categories, then that of missing values, where there are such. Slot −1 is "unknown": all
inputs of the column stay 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from sknet._tables.column import Column, InputFormula
from sknet._tables.read import ColumnValues, read_categories
from sknet._typing import Array

MIN_VALUES_OF_IDENTIFIER = 20
"""From this many values on, a column whose values all differ is an identifier."""

MANY_CATEGORIES = 20
"""From this many categories on, rare ones share an input."""

MIN_CATEGORY_ROWS, MIN_CATEGORY_ROWS_OF_FEW, FEW_VALUES = 5, 2, 200
"""Categories of fewer rows are rare: a network would learn their rows by heart. The second is that of columns of fewer
values than the third: there, a category of few rows is a large part of what is known."""

LARGE_INFREQUENT_SHARE = 0.2
"""From this share of the weight on, rare categories that share an input also get means of the target."""

_SIGN_OF_SLOT = np.array([-1.0, 1.0, 0.0])
"""Input of a column of two categories, by slot; the last is also slot −1, unknown."""


@dataclass(frozen=True)
class CategoryColumn(Column):
    """The inputs that a column of categories becomes.

    Attributes
    ----------
    levels : tuple of str
        Keys of the categories with an input of their own, in numerical or else alphabetical order.
    has_infrequent : bool
        Whether there is an input for the other categories; it then is the input of unseen categories too.
    has_missing : bool
        Whether there is an input for missing values; where not, they count as unseen.
    infrequent_share : float
        Share of the weight of the other categories in training.
    """

    levels: tuple[str, ...]
    has_infrequent: bool = False
    has_missing: bool = False
    infrequent_share: float = 0.0

    @property
    def has_signed_input(self) -> bool:
        """Whether two categories share one input: −1 for the first, 1 for the second, 0 for unknown."""
        return len(self.levels) == 2 and not (self.has_infrequent or self.has_missing)

    def needs_means(self, max_categories: int | None) -> bool:
        """Whether the target's means should stand beside the inputs: many categories or rows share one."""
        is_full = self.has_infrequent and self.n_inputs == max_categories
        return is_full or self.infrequent_share >= LARGE_INFREQUENT_SHARE

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        if self.has_signed_input:
            return (f"_{self.levels[1]}",)
        special = ["infrequent"] * self.has_infrequent + ["missing"] * self.has_missing
        words = [*self.levels, *(name_of_no_category(word, self.levels) for word in special)]
        return tuple(f"_{word}" for word in words)

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: 1 for its category, 0 for others; of two, 1 for the second and −1 for the first."""
        if self.has_signed_input:
            # (x - 0.5) * 2 makes −1 and 1 of the 0 and 1 of the second category
            return (InputFormula("level", self.levels[1], centre=0.5, scale=2.0),)
        special = ["infrequent"] * self.has_infrequent + ["missing"] * self.has_missing
        return (*(InputFormula("level", key) for key in self.levels), *map(InputFormula, special))

    def slots_of_values(self, values: ColumnValues, name: str = "") -> NDArray[np.intp]:
        """Return the slot of each of n values, −1 where unknown."""
        return self.slots_of_codes(*read_categories(values, name))

    def slots_of_codes(self, codes: NDArray[np.intp], keys: list[str]) -> NDArray[np.intp]:
        """Return the slot of each of n values as `read_categories` returns them."""
        unknown = len(self.levels) if self.has_infrequent else -1
        missing = len(self.levels) + self.has_infrequent if self.has_missing else unknown
        return find_slots({key: slot for slot, key in enumerate(self.levels)}, keys, unknown, missing)[codes]

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        slot = self.slots_of_values(values, name)  # (n,)
        if self.has_signed_input:
            out[:, 0] = _SIGN_OF_SLOT[slot]
            return
        known = np.flatnonzero(slot >= 0)
        out[known, slot[known]] = 1.0

    @property
    def known_categories(self) -> tuple[str, ...]:
        """The categories with an input of their own."""
        return self.levels

    @property
    def one_hot_inputs(self) -> CategoryColumn:
        """The column itself."""
        return self

    def without_one_hot(self) -> MissingOnlyColumn:
        """Return a column without inputs."""
        return MissingOnlyColumn()


@dataclass(frozen=True)
class MissingOnlyColumn(Column):
    """A column of categories that tells the network only where values are missing.

    Attributes
    ----------
    has_missing : bool
        Whether there is an input for missing values, the only one.
    """

    has_missing: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return ("_missing",) * self.has_missing

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is."""
        return (InputFormula("missing"),) * self.has_missing

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the indicator of missing values, if there is one."""
        if self.has_missing:
            out[:, 0] = read_categories(values, name)[0] < 0


class IdentifierColumn(MissingOnlyColumn):
    """A column whose values all differ, so that they say nothing about another row."""


def find_slots(slots: Mapping[str, int], keys: list[str], unknown: int, missing: int) -> NDArray[np.intp]:
    """Return the slot of every key, `unknown` where it has none, and last `missing`: code −1 indexes it."""
    return np.array([*(slots.get(key, unknown) for key in keys), missing], dtype=np.intp)


def name_of_no_category(word: str, categories: tuple[str, ...], endings: Sequence[str] = ()) -> str:
    """Return a word for inputs of no category, with underscores until no category is it, or it with an ending."""
    while any(word + ending in categories for ending in ("", *endings)):
        word += "_"
    return word


# --- learning --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Categories:
    """The categories of a column and their frequencies, from which `one_hot` chooses the ones with an input.

    Attributes
    ----------
    shares : dict of str to float
        Share of the weight by key; 0 for a category that the column's type declares and no row has.
    n_rows : dict of str to int
        Number of rows by key.
    has_missing : bool
        Whether values are missing.
    """

    shares: dict[str, float]
    n_rows: dict[str, int]
    has_missing: bool

    @property
    def n_values(self) -> int:
        """How many values are not missing."""
        return sum(self.n_rows.values())

    @property
    def all_differ(self) -> bool:
        """Whether no two observed values are the same, and there are enough to say so."""
        return self.n_values >= MIN_VALUES_OF_IDENTIFIER and max(self.n_rows.values()) == 1

    def not_rare(self) -> list[str]:
        """Return the keys of the categories that are not rare; of all where there are few, or a single rare one."""
        n_needed = MIN_CATEGORY_ROWS_OF_FEW if self.n_values < FEW_VALUES else MIN_CATEGORY_ROWS
        keys = [key for key, n in self.n_rows.items() if n >= n_needed]
        are_many = len(self.n_rows) >= MANY_CATEGORIES
        return keys if are_many and len(keys) < len(self.n_rows) - 1 else list(self.n_rows)

    def one_hot(self, max_categories: int | None, *, rare_share_input: bool = True) -> CategoryColumn:
        """Return the one-hot column, with at most this many inputs: the most frequent categories have their own."""
        keys, has_missing = self.not_rare() if rare_share_input else list(self.n_rows), self.has_missing
        n, n_others = len(keys), len(self.shares) - len(keys)
        limit = np.inf if max_categories is None else max_categories
        # two categories without missing values always fit: they share a single input
        if n + (n_others > 0) + has_missing > limit and (n != 2 or n_others or has_missing):
            has_missing = has_missing and limit > 1  # with a single input, all share it
            n_kept = int(limit) - 1 - has_missing  # one input is that of the infrequent categories
            keys = sorted(_sorted_keys(keys), key=lambda key: -self.shares[key])[:n_kept]
        others = [self.shares[key] for key in sorted(self.shares.keys() - set(keys))]
        return CategoryColumn(tuple(_sorted_keys(keys)), bool(others), has_missing, round(sum(others), 9))


def learn_categories(codes: NDArray[np.intp], keys: list[str], weight: Array | None = None) -> Categories:
    """Find the categories of a column, and their shares of the weight, from its n values: see `read_categories`."""
    # a category's rows tell identifiers, its weight its rank: rows of other weights are other numbers of rows
    seen = codes >= 0
    counts = np.bincount(codes[seen], minlength=len(keys))  # how many rows each category has
    totals = counts if weight is None else np.bincount(codes[seen], weight[seen], len(keys))
    n_rows: dict[str, int] = {}
    weights: dict[str, float] = {}
    for key, n, total in zip(keys, counts.tolist(), totals.tolist(), strict=True):  # two categories may have one key
        n_rows[key] = n_rows.get(key, 0) + n
        weights[key] = weights.get(key, 0.0) + total
    total_weight = sum(weights.values()) or 1.0
    # round: equal shares whose weights were added in another order differ in the last digits, and so would their order
    shares = {key: round(total / total_weight, 12) for key, total in weights.items()}
    return Categories(shares, n_rows, not bool(seen.all()))


def _sorted_keys(keys: list[str]) -> list[str]:
    """Sort keys by the number they spell if all do, else as text; "nan" spells no number that could be sorted."""
    try:
        numbers = {key: float(key) for key in keys}
    except ValueError:
        return sorted(keys)
    return sorted(keys) if any(map(isnan, numbers.values())) else sorted(keys, key=lambda key: (numbers[key], key))
