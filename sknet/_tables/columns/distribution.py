"""Columns of numbers whose rows are never together: their exact quantiles, from a few questions to every part.

Each part lists its different values; where there are too many, some stay for all. The second question is how much
weight lies at and between these, the third which values lie in the few gaps where a quantile must be. So the values
found are the same however the rows are cut into parts.

Conventions
-----------
n rows of a part; k knots.

numbers : (n,)           one column's values as they come, NaN where one is missing
knots : (k,)             increasing
slots : (2k + 1,)        weight before the first knot, at it, between it and the second, at that, ..., after the last
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from math import ceil
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sknet._tables.columns.moments import Moments, moments_of
from sknet._tables.columns.number import Wanted, distinct_values, halved, quantiles_of
from sknet._typing import Array

LISTED = 2**12
"""How many values of a column are listed at most; of more, about as many equal shares."""

LISTED_AGAIN = 8 * LISTED
"""How many of those that lie in a few gaps: of millions of rows, all."""

FULLY_LISTED = 16
"""Of more columns than these, fewer values each are listed: all lists together take some 4 MB at first, 8 MB later."""

MANY_QUANTILES = 8
"""How many columns of a table in a file are learnt together, where a thousand quantiles of each take 2 MB."""

PART_VALUES = 2**18
"""How many values of a table in a file are looked at in one piece."""


# --- what one part answers -------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Listed:
    """The different values of a column, and the weight of each; or some of them, for shares of the weight.

    Attributes
    ----------
    values, weight : ndarray of shape (m,)
        In float64, increasing.
    most : int
        How many are listed at most.
    complete : bool
        Whether all are listed; where not, a value stands for those up to the one before.
    """

    values: Array
    weight: Array
    most: int
    complete: bool = True

    def merged(self, other: Listed) -> Listed:
        """Return the values of both parts."""
        both = np.concatenate([self.values, other.values])
        order = np.argsort(both, kind="stable")  # two runs that are sorted: a merge, of a third of the time of `unique`
        both, weight = both[order], np.concatenate([self.weight, other.weight])[order]
        first = np.flatnonzero(np.concatenate([both[:1] == both[:1], both[1:] != both[:-1]]))
        found = np.add.reduceat(weight, first) if len(first) else weight
        return Listed(both[first], found, self.most, self.complete and other.complete).shortened()

    def shortened(self) -> Listed:
        """Return about `most` values, the smallest and the largest among them."""
        if len(self.values) <= self.most:
            return self
        reached = np.cumsum(self.weight)
        at = np.searchsorted(reached, np.linspace(0.0, reached[-1], self.most))
        at = np.concatenate([[0], np.minimum(at, len(reached) - 1), [len(reached) - 1]])
        at = at[np.diff(at, prepend=-1) > 0]  # increasing, and different
        return Listed(self.values[at], np.diff(reached[at], prepend=0.0), self.most, complete=False)


@dataclass(frozen=True, eq=False)
class Counted:
    """The weight at and between knots.

    Attributes
    ----------
    slots : ndarray of shape (2k + 1,)
    """

    slots: Array

    def merged(self, other: Counted) -> Counted:
        """Return the weight of both parts' rows."""
        return Counted(self.slots + other.slots)


Answer = Listed | Counted


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked about one column.

    Attributes
    ----------
    column : int
    about : float or None
        If given, the question is about half the distances from it.
    windows : ndarray of shape (w, 2), or None
        Only values strictly inside of these intervals, which do not overlap, count.
    knots : ndarray of shape (k,), or None
        If given, the weight at and between them is asked for; else the values.
    n_columns : int
        How many columns are asked about at the same time: of many, fewer values are listed.
    """

    column: int
    about: float | None = None
    windows: Array | None = None
    knots: Array | None = None
    n_columns: int = 1

    def answer(self, numbers: Array, weight: Array | None) -> Answer:
        """Answer for one part's rows."""
        if self.about is not None:
            numbers = halved(numbers[np.newaxis], np.array([self.about]))[0]
        values, share = distinct_values(numbers, weight)
        if self.windows is not None:
            lows, highs = self.windows.T
            at = np.searchsorted(lows, values) - 1  # the last window that begins below
            inside = (at >= 0) & (values < highs[at])
            values, share = values[inside], share[inside]
        if self.knots is None:
            most = share_of(LISTED if self.windows is None else LISTED_AGAIN, self.n_columns)
            return Listed(values, share.astype(np.float64), most).shortened()
        k = len(self.knots)
        before = np.searchsorted(self.knots, values)
        exactly = self.knots[np.minimum(before, k - 1)] == values
        return Counted(np.bincount(2 * before + exactly, share, 2 * k + 1))


def share_of(most: int, n_columns: int) -> int:
    """Return how many values of each of so many columns are listed."""
    return max(2, most // ceil(n_columns / FULLY_LISTED))


Questions = Sequence[Question]
Ask = Callable[[Questions], Sequence[Answer]]
"""Asks all parts the same questions, and returns their answers merged."""


# --- what is put together --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Distribution:
    """Where the weight of a column is, as far as it is known."""

    knots: Array
    slots: Array
    _listed: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_listed", np.flatnonzero(self.slots > 0.0))

    @property
    def values(self) -> Array:
        """Values that have weight; the float next to a knot stands for those between it and the following one."""
        every = np.empty(len(self.slots))
        every[:1] = np.nextafter(self.knots[0], -np.inf) if len(self.knots) else 0.0
        every[1::2], every[2::2] = self.knots, np.nextafter(self.knots, np.inf)
        return every[self._listed]

    @property
    def weight(self) -> Array:
        """The weight of these."""
        return self.slots[self._listed]

    def windows(self, wanted: Array) -> Array:
        """Return the gaps between knots, (w, 2), where wanted values are: they are not known exactly."""
        slot = np.unique(self._listed[np.isin(self.values, wanted)])
        gap = slot[slot % 2 == 0] // 2
        ends = np.concatenate([[-np.inf], self.knots, [np.inf]])
        return np.column_stack([ends[gap], ends[gap + 1]])

    def refined(self, windows: Array, knots: Array, slots: Array) -> Distribution:
        """Return what is known once the weight in some gaps has been counted."""
        every = np.union1d(self.knots, knots)
        found = np.zeros(2 * len(every) + 1)
        old, new = _slots_of(self.knots, every), _slots_of(knots, every)
        found[old] = self.slots
        starts = np.searchsorted(self.knots, windows[:, 1])
        found[old[2 * starts]] = 0.0  # of these gaps, all is known anew
        found[new] += slots
        return Distribution(every, found)

    def thinned(self, wanted: Array, most: int) -> Distribution:
        """Forget most knots, but those at wanted values or beside them; about `most` others are kept."""
        k = len(self.knots)
        kept = np.zeros(k + 2, dtype=bool)  # knot j at j + 1: the ends are none
        place = self._listed[np.isin(self.values, wanted)] // 2
        kept[place], kept[place + 1], kept[1 : k + 1 : max(1, k // most)] = True, True, True
        knots = np.flatnonzero(kept[1 : k + 1])
        starts = np.column_stack([2 * knots + 1, 2 * knots + 2]).ravel()
        return Distribution(self.knots[knots], np.add.reduceat(self.slots, np.concatenate([[0], starts])))


def _slots_of(knots: Array, every: Array) -> NDArray[np.intp]:
    """Return the slots that some knots, and the gap before each and after the last, have among those of all."""
    place = np.append(np.searchsorted(every, knots), len(every))
    return np.column_stack([2 * place, 2 * place + 1]).ravel()[:-1]


class InParts:
    """The statistics of columns whose rows are never together.

    Parameters
    ----------
    ask : callable
    n_columns : int
    moments : callable
        Returns the columns' moments.
    listed : sequence of Listed, default=None
        The answers to the first question, where it has been asked already.
    """

    def __init__(
        self, ask: Ask, n_columns: int, moments: Callable[[], Moments], listed: Sequence[Listed] | None = None
    ) -> None:
        self._ask, self._moments = ask, moments
        self._all: list[Key] = [(j, None) for j in range(n_columns)]
        self._known: dict[Key, Distribution] = {}
        if listed is not None:
            self._learn_first(self._all, listed)

    def moments(self) -> Moments:
        """Return means, deviations and ranges."""
        return self._moments()

    def quantiles(self, q: Array) -> Array:
        """Return quantiles, (d, len(q))."""
        return self._quantiles(self._all, q)

    def half_distances(self, where: NDArray[np.bool_], median: Array) -> Array:
        """Return half the median distance from the medians of some columns; 0 where no value differs from it."""
        keys: list[Key] = [(int(j), float(median[j])) for j in np.flatnonzero(where)]
        return np.nan_to_num(self._quantiles(keys, np.array([0.5])))[:, 0]

    def distributions(self, wanted: Wanted) -> Iterator[tuple[Array, Array]]:
        """Return each column's different values and their weights, exact where `wanted` finds values."""
        self._resolve(self._all, wanted)
        for key in self._all:
            yield self._known[key].values, self._known[key].weight

    def _quantiles(self, keys: Sequence[Key], q: Array) -> Array:
        self._resolve(keys, lambda values, weight: quantiles_of(values, weight, q))
        found = [quantiles_of(self._known[key].values, self._known[key].weight, q) for key in keys]
        return np.array(found).reshape(len(keys), len(q))

    def _resolve(self, keys: Sequence[Key], wanted: Wanted) -> None:
        """Ask until every wanted value is known exactly."""
        new = [key for key in keys if key not in self._known]
        if new:
            questions = [Question(*key, n_columns=len(self._all)) for key in new]
            self._learn_first(new, list(map(_as_listed, self._ask(questions))))
        while True:
            windows = {key: self._known[key] for key in keys}
            open_ = {key: d.windows(wanted(d.values, d.weight)) for key, d in windows.items()}
            d = len(self._all)
            unknown = {key: Question(*key, windows=gaps, n_columns=d) for key, gaps in open_.items() if len(gaps)}
            if not unknown:
                return
            self._learn(unknown, list(map(_as_listed, self._ask(list(unknown.values())))), wanted)

    def _learn_first(self, keys: Sequence[Key], listed: Sequence[Listed]) -> None:
        self._known |= dict.fromkeys(keys, Distribution(np.empty(0), np.zeros(1)))
        self._learn({key: Question(*key, windows=WHOLE) for key in keys}, listed)

    def _learn(self, questions: dict[Key, Question], listed: Sequence[Listed], wanted: Wanted | None = None) -> None:
        """Take the values in some windows in; where not all are listed, ask for the weight at and between them."""
        counted = {}
        for (key, question), found in zip(questions.items(), listed, strict=True):
            windows = WHOLE if question.windows is None else question.windows
            if found.complete:
                slots = np.zeros(2 * len(found.values) + 1)
                slots[1::2] = found.weight
                self._refine(key, (windows, found.values, slots), wanted)
            else:
                ends = windows[np.isfinite(windows)]
                knots = np.union1d(found.values, ends)
                counted[key] = replace(question, knots=knots), windows, knots
        if not counted:
            return
        answers = cast(Sequence[Counted], self._ask([question for question, _, _ in counted.values()]))
        for (key, (_, windows, knots)), answer in zip(counted.items(), answers, strict=True):
            self._refine(key, (windows, knots, answer.slots), wanted)

    def _refine(self, key: Key, found: tuple[Array, Array, Array], wanted: Wanted | None) -> None:
        """Take in what has been found of a column, and forget what is not needed, before the next one's is taken in."""
        known = self._known[key].refined(*found)
        if wanted is not None:
            known = known.thinned(wanted(known.values, known.weight), share_of(LISTED, len(self._all)))
        self._known[key] = known


Key = tuple[int, float | None]
"""A column, and what its distances are taken from, if the question is about these."""

WHOLE = np.array([[-np.inf, np.inf]])
"""The window of all values."""


def _as_listed(answer: Answer) -> Listed:
    if not isinstance(answer, Listed):
        raise TypeError("a question for values was answered by counts")
    return answer


# --- a table in a file -----------------------------------------------------------------------------------------------


def columns_together(n_columns: int, input_scaling: str | None) -> int:
    """Return how many columns are learnt together: all, in a few passes, where few quantiles of each are needed."""
    return MANY_QUANTILES if input_scaling == "quantile" else max(1, n_columns)


def statistics_of_file(X: Array, columns: NDArray[np.intp] | None, weight: Array | None) -> InParts:
    """Return the statistics of some columns of a table in a file, which is read in pieces of its rows."""
    positions = np.arange(X.shape[1]) if columns is None else columns
    height = max(1, PART_VALUES // max(X.shape[1], 1))
    pieces = [slice(start, min(start + height, len(X))) for start in range(0, len(X), height)]

    def blocks() -> Iterator[tuple[Array, Array | None]]:
        for rows in pieces:
            V = np.asarray(X[rows]).T[positions]  # (d, height), in memory for as long as it is looked at
            dtype = np.float32 if V.dtype == np.float32 else np.float64
            yield V.astype(dtype, copy=False), None if weight is None else weight[rows]

    def ask(questions: Questions) -> Sequence[Answer]:
        answers: list[Answer] = []
        for V, w in blocks():
            for i, question in enumerate(questions):  # one after the other: those of all columns are large
                answer = question.answer(V[question.column], w)
                answers[i : i + 1] = [answers[i].merged(answer) if i < len(answers) else answer]  # type: ignore[arg-type]
        return answers

    def moments() -> Moments:
        return reduce(Moments.merged, (moments_of(V, w) for V, w in blocks()))

    return InParts(ask, len(positions), moments)
