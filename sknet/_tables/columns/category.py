"""One column of categories as inputs of 0 and 1: which levels have one of their own, and where the others go.

Conventions
-----------
A level is known by its key, a text. Each level with an input of its own has a slot, in the order of `levels`; then
comes the slot of the infrequent levels, then that of missing values, where there are such. Slot −1 is "unknown": all
inputs of the column stay 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._tables.columns import ColumnSettings
from sknet._tables.frames import read_levels
from sknet._typing import Array, Table

MAX_LEVELS = 100
"""How many levels of a column have an input of their own: those of most weight. The others share one."""

MIN_SHARE = 1e-4
"""The least share of a column's weight for a level to have an input of its own. Levels below it share one."""

_SIGNS = np.array([-1.0, 1.0, 0.0])
"""Input of a column of two levels, by slot; the last is also slot −1, unknown."""


@dataclass(frozen=True)
class CategoryColumn:
    """The inputs that a column of categories becomes.

    Attributes
    ----------
    levels : tuple of str
        Keys of the levels with an input of their own, in numerical or else alphabetical order.
    has_infrequent : bool
        Whether there is an input for the other levels; it then is the input of unseen levels too.
    has_missing : bool
        Whether there is an input for missing values; where not, they count as unseen.
    """

    levels: tuple[str, ...]
    has_infrequent: bool = False
    has_missing: bool = False

    @property
    def signed(self) -> bool:
        """Whether two levels share one input: −1 for the first, 1 for the second, 0 for unknown."""
        return len(self.levels) == 2 and not (self.has_infrequent or self.has_missing)

    @property
    def n_inputs(self) -> int:
        """How many inputs there are."""
        return 1 if self.signed else len(self.levels) + self.has_infrequent + self.has_missing

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        if self.signed:
            return (f"_{self.levels[1]}",)
        special = ["infrequent"] * self.has_infrequent + ["missing"] * self.has_missing
        words = [*self.levels, *(word + "_" * (word in self.levels) for word in special)]
        return tuple(f"_{word}" for word in words)

    def slots(self, keys: list[str]) -> NDArray[np.intp]:
        """Find the slot of every key; that of a missing value comes last, where code −1 finds it."""
        own = {level: slot for slot, level in enumerate(self.levels)}
        unknown = len(own) if self.has_infrequent else -1
        missing = len(own) + self.has_infrequent if self.has_missing else unknown
        return np.array([*(own.get(key, unknown) for key in keys), missing], dtype=np.intp)

    def write(self, values: Table, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        codes, keys = read_levels(values)
        slot = self.slots(keys)[codes]
        if self.signed:
            out[:, 0] = _SIGNS[slot]
            return
        known = np.flatnonzero(slot >= 0)
        out[known, slot[known]] = 1.0


def learn_category(values: Table, name: str, settings: ColumnSettings) -> CategoryColumn:
    """Learn the levels of a column from its n values and their weights."""
    weight = settings.weight
    try:
        codes, keys = read_levels(values)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(f"Column {name!r} of X cannot be a category: {error}. Make its values strings.") from error
    seen = codes >= 0
    totals = np.bincount(codes[seen], weights=None if weight is None else weight[seen], minlength=len(keys))
    shares = _shares(keys, totals)
    levels = _frequent(shares)
    return CategoryColumn(levels, has_infrequent=len(levels) < len(shares), has_missing=not bool(seen.all()))


def _shares(keys: list[str], totals: Array) -> dict[str, float]:
    """Share of the weight by key, of levels that occur; rounded, as sums in another order differ in the last digits."""
    whole = float(totals.sum()) or 1.0
    shares: dict[str, float] = {}
    for key, total in zip(keys, totals.tolist(), strict=True):
        if total > 0:
            shares[key] = shares.get(key, 0.0) + total / whole
    return {key: round(share, 12) for key, share in shares.items()}


def _frequent(shares: dict[str, float]) -> tuple[str, ...]:
    """Levels that have an input of their own, in order."""
    enough = _in_order([key for key, share in shares.items() if share >= MIN_SHARE])
    chosen = sorted(enough, key=lambda key: -shares[key])[:MAX_LEVELS]
    return tuple(_in_order(chosen))


def _in_order(keys: list[str]) -> list[str]:
    """Sort keys by the number they spell if all do, else as text."""
    try:
        return sorted(keys, key=lambda key: (float(key), key))
    except ValueError:
        return sorted(keys)
