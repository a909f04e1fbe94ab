"""What the parts of a table tell about its columns and targets, put together: an encoder and a head as of the whole.

The parts are asked, each answers for its own rows, and the answers are merged in the order of the parts. `FirstLook`
finds levels, ranges, moments and missing values; a few `CloserLook`s find the exact quantiles. Who asks, and where
the parts are, is not known here: `learn_encoder` is given a function that asks all of them.

Conventions
-----------
n rows of a part; d columns; k columns of the target matrix.

X : (n, d)               array or data frame
weight : (n,) or None    sample weights, positive; None is ones
target : (n, k)          the target matrix
fold : (n,)              in which fold each row is, where categories are encoded by the target
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from sknet._model.settings import TableSettings
from sknet._tables.columns import Column, ColumnSettings
from sknet._tables.columns.category import LevelTotals, category_column, level_totals
from sknet._tables.columns.datetime import (
    DatetimeColumn,
    Ranges,
    instants_of,
    ranges_of,
    read_instants,
    seconds_of,
    varying,
    zone_of,
)
from sknet._tables.columns.distribution import Answer, InParts, Listed, Question
from sknet._tables.columns.moments import Moments, moments_of
from sknet._tables.columns.number import refuse_infinite
from sknet._tables.columns.target import N_FOLDS, TargetTotals, target_column, target_totals
from sknet._tables.encoding import TableEncoder, number_columns
from sknet._tables.frames import chosen_categories, column_at, column_names, kind_of, number_values, split_choice
from sknet._tables.rows import is_frame, is_sparse
from sknet._typing import Array, Table

Mergeable = TypeVar("Mergeable", bound="Merges")
Told = TypeVar("Told", bound="Merges", covariant=True)


class Merges(Protocol):
    """An answer of a part."""

    def merged(self, other: Self) -> Self:
        """Return the answer of both parts."""


class Look(Protocol[Told]):
    """A question to all parts; it may be pickled."""

    def answer(self, part: Part) -> Told:
        """Answer for one part."""


class Ask(Protocol):
    """Asks all parts, and returns their answers merged in the order of the parts."""

    def __call__(self, look: Look[Mergeable], /) -> Mergeable:
        """Ask."""


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a table; `target` and `fold` only where categories may be encoded by the target."""

    X: Table
    weight: Array | None = None
    target: Array | None = None
    fold: NDArray[np.intp] | None = None


def fold_of(numbers: Array) -> NDArray[np.intp]:
    """Deal rows out to folds by their numbers in the whole table: in any part, a row is in the same fold."""
    return (mixed(numbers) % np.uint64(N_FOLDS)).astype(np.intp)


def mixed(numbers: Array, seed: int = 0) -> NDArray[np.uint64]:
    """Turn whole numbers into ones of 64 bits that look random (Steele et al. 2014, SplitMix)."""
    with np.errstate(over="ignore"):
        z = (numbers.astype(np.uint64) + np.uint64(seed) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


# --- columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class NumberSummary:
    """A column of numbers.

    Attributes
    ----------
    has_missing : bool
    moments : Moments
        Of one column.
    listed : Listed
        The answer to the first question about its values.
    """

    has_missing: bool
    moments: Moments
    listed: Listed

    @property
    def is_blank(self) -> bool:
        """Whether nothing is observed: the column may then be of another kind in other parts."""
        return not self.moments.observed[0]

    def merged(self, other: NumberSummary) -> NumberSummary:
        """Return the summary of both parts."""
        missing = self.has_missing or other.has_missing
        return NumberSummary(missing, self.moments.merged(other.moments), self.listed.merged(other.listed))

    def after(self, missing: bool) -> NumberSummary:
        """Return the summary where values are missing in another part."""
        return replace(self, has_missing=self.has_missing or missing)


@dataclass(frozen=True, eq=False)
class LevelSummary:
    """A column of categories."""

    levels: LevelTotals
    totals: TargetTotals | None

    def merged(self, other: LevelSummary) -> LevelSummary:
        """Return the summary of both parts."""
        totals = None if self.totals is None or other.totals is None else self.totals.merged(other.totals)
        return LevelSummary(self.levels.merged(other.levels), totals)

    def after(self, missing: bool) -> LevelSummary:
        """Return the summary where values are missing in another part."""
        return replace(self, levels=replace(self.levels, has_missing=self.levels.has_missing or missing))


@dataclass(frozen=True, eq=False)
class DateSummary:
    """A column of dates or spans of time."""

    seconds: NumberSummary
    ranges: Ranges
    zone: str | None
    elapsed: bool

    @property
    def is_blank(self) -> bool:
        """Whether nothing is observed."""
        return self.seconds.is_blank

    def merged(self, other: DateSummary) -> DateSummary:
        """Return the summary of both parts."""
        if (self.zone, self.elapsed) != (other.zone, other.elapsed) and not (self.is_blank or other.is_blank):
            what = ["dates" if s.zone is None else f"dates in {s.zone}" for s in (self, other)]
            what = ["spans of time" if s.elapsed else text for s, text in zip((self, other), what, strict=True)]
            raise TypeError(f"it holds {what[0]} in one part of the table and {what[1]} in another")
        first = other if self.is_blank else self
        ranges = {
            cycle: (min(low, other.ranges[cycle][0]), max(high, other.ranges[cycle][1]))
            for cycle, (low, high) in self.ranges.items()
            if cycle in other.ranges
        }
        return DateSummary(self.seconds.merged(other.seconds), ranges or first.ranges, first.zone, first.elapsed)

    def after(self, missing: bool) -> DateSummary:
        """Return the summary where dates are missing in another part."""
        return replace(self, seconds=self.seconds.after(missing))


ColumnSummary = NumberSummary | LevelSummary | DateSummary
_WORDS = {NumberSummary: "numbers", LevelSummary: "categories", DateSummary: "dates"}


def _merged(name: str, one: ColumnSummary, other: ColumnSummary) -> ColumnSummary:
    """Merge the summaries of a column, which may be empty in one part and hold anything in another."""
    try:
        if type(one) is type(other):
            return one.merged(other)  # type: ignore[arg-type]
        for blank, full in ((one, other), (other, one)):
            if isinstance(blank, NumberSummary) and blank.is_blank:
                return full.after(blank.has_missing)
        what = f"it holds {_WORDS[type(one)]} in one part of the table and {_WORDS[type(other)]} in another"
        raise TypeError(what)
    except TypeError as error:
        raise TypeError(f"Column {name!r} of X cannot be used: {error}. Give it one type in all parts.") from None


# --- the first look --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TableSummary:
    """All columns, and the targets' moments where categories may be encoded by them.

    Attributes
    ----------
    names : tuple of str, or None
        None for an array.
    columns : tuple of ColumnSummary
    target : Moments or None
        Of k columns.
    """

    names: tuple[str, ...] | None
    columns: tuple[ColumnSummary, ...]
    target: Moments | None

    def merged(self, other: TableSummary) -> TableSummary:
        """Return the summary of both parts."""
        if (self.names, len(self.columns)) != (other.names, len(other.columns)):
            raise ValueError(
                f"The parts of the table have other columns: {self.shown} in one, {other.shown} in another."
            )
        triples = zip(self.column_names, self.columns, other.columns, strict=True)
        columns = tuple(_merged(name, one, two) for name, one, two in triples)
        target = None if self.target is None or other.target is None else self.target.merged(other.target)
        return TableSummary(self.names, columns, target)

    @property
    def column_names(self) -> tuple[str, ...]:
        """A name for each column."""
        return self.names or tuple(f"x{j}" for j in range(len(self.columns)))

    @property
    def shown(self) -> str:
        """The names, or how many columns there are."""
        return str(list(self.names)) if self.names else str(len(self.columns))

    def count_kinds(self, max_categories: int | None) -> tuple[int, bool]:
        """Count the columns of numbers, and tell whether a category has more levels than may have inputs."""
        levels = [column for column in self.columns if isinstance(column, LevelSummary)]
        many = any(column.levels.shares().exceed(max_categories) for column in levels)
        return len(self.columns) - len(levels), many


@dataclass(frozen=True, eq=False)
class FirstLook:
    """Asks for levels, ranges, moments, missing values, and for values as far as there are few."""

    categorical_features: object

    def answer(self, part: Part) -> TableSummary:
        """Answer for one part."""
        if is_sparse(part.X):
            raise TypeError("A sparse X cannot be read in parts: pass dense arrays or data frames.")
        names = column_names(part.X) if is_frame(part.X) else None
        by_dtype, chosen = split_choice(self.categorical_features)
        every = names or tuple(f"x{j}" for j in range(part.X.shape[1]))
        columns = []
        for j, (name, is_one) in enumerate(zip(every, chosen_categories(chosen, every), strict=True)):
            values = column_of(part.X, j)
            kind = "category" if is_one else "number" if names is None else kind_of(values, name, by_dtype=by_dtype)
            columns.append(_SUMMARISE[kind](values, name, part))
        target = None if part.target is None else moments_of(part.target.T, part.weight)
        return TableSummary(names, tuple(columns), target)


def column_of(X: Table, j: int) -> Table:
    """Return one column of an array or a frame."""
    return column_at(X, j) if is_frame(X) else np.asarray(X)[:, j]


def _of_numbers(values: Table, name: str, part: Part) -> NumberSummary:
    numbers = _as_floats(number_values(values, name))
    refuse_infinite(numbers[:, np.newaxis], lambda _: name)
    listed = Question(0, n_columns=part.X.shape[1]).answer(numbers, part.weight)
    missing = bool(np.isnan(numbers).any())
    return NumberSummary(missing, moments_of(numbers[np.newaxis], part.weight), listed)  # type: ignore[arg-type]


def _of_levels(values: Table, name: str, part: Part) -> LevelSummary:
    totals = None if part.target is None else target_totals(values, part.target, part.weight, part.fold)
    return LevelSummary(level_totals(values, name, part.weight), totals)


def _of_dates(values: Table, name: str, part: Part) -> DateSummary:
    instants, elapsed = instants_of(values, name)
    return DateSummary(_of_numbers(seconds_of(instants), name, part), ranges_of(instants), zone_of(instants), elapsed)


_SUMMARISE: dict[str, Callable[[Table, str, Part], ColumnSummary]] = {
    "number": _of_numbers,
    "category": _of_levels,
    "date": _of_dates,
}


def _as_floats(numbers: Array) -> Array:
    """Return numbers in the type that a whole column of them would be learnt in."""
    return numbers if numbers.dtype == np.float32 else np.asarray(numbers, dtype=np.float64)


# --- closer looks ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to several questions about values."""

    answers: tuple[Answer, ...]

    def merged(self, other: Answers) -> Answers:
        """Return the answers of both parts."""
        pairs = zip(self.answers, other.answers, strict=True)
        return Answers(tuple(one.merged(two) for one, two in pairs))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class CloserLook:
    """Asks questions about columns of numbers and dates.

    Attributes
    ----------
    names : tuple of str
        Of all columns.
    spans : dict of int to bool
        The columns of dates, and whether they hold spans of time.
    questions : tuple of Question
        About columns of the table.
    """

    names: tuple[str, ...]
    spans: dict[int, bool]
    questions: tuple[Question, ...]

    def answer(self, part: Part) -> Answers:
        """Answer for one part."""
        return Answers(tuple(q.answer(self._numbers(part.X, q.column), part.weight) for q in self.questions))

    def _numbers(self, X: Table, j: int) -> Array:
        values, name = column_of(X, j), self.names[j]
        if j in self.spans:
            return seconds_of(read_instants(values, name, elapsed=self.spans[j]))
        return _as_floats(number_values(values, name))


# --- what is learnt --------------------------------------------------------------------------------------------------


def learn_encoder(ask: Ask, summary: TableSummary, settings: TableSettings) -> TableEncoder:
    """Learn how a table becomes the network's input, as `sknet._tables.encoding.learn_encoder` does of the whole.

    Parameters
    ----------
    ask : callable
        Asks all parts. It is called a few times, or not at all where no column has many different values.
    summary : TableSummary
        What all parts answered to `FirstLook`, merged; with targets and folds where categories are encoded by them.
    settings : TableSettings

    Returns
    -------
    TableEncoder
        Levels, quantiles, edges and indicators are those of the whole table; sums differ in the last digits.
    """
    how = ColumnSettings(
        settings.input_scaling, None, settings.numeric_encoding, settings.n_bins, settings.max_categories,
        settings.category_encoding,
    )  # fmt: skip
    numbers = iter(_learn_numbers(ask, summary, how))
    columns: list[Column] = []
    for column in summary.columns:
        if isinstance(column, NumberSummary):
            columns.append(next(numbers))
        elif isinstance(column, DateSummary):
            columns.append(DatetimeColumn(next(numbers), varying(column.ranges), column.zone, column.elapsed))
        elif column.totals is None or summary.target is None or how.category_encoding == "one_hot":
            columns.append(category_column(column.levels.shares(), how))
        else:
            columns.append(target_column(column.levels.shares(), column.totals, summary.target, how))
    return TableEncoder(summary.names, tuple(columns))


def _learn_numbers(ask: Ask, summary: TableSummary, how: ColumnSettings) -> Sequence[Column]:
    """Learn the columns of numbers, and the seconds of those of dates."""
    found = [(j, column) for j, column in enumerate(summary.columns) if not isinstance(column, LevelSummary)]
    if not found:
        return []
    places = [j for j, _ in found]
    numbers = [column.seconds if isinstance(column, DateSummary) else column for _, column in found]
    spans = {j: column.elapsed for j, column in found if isinstance(column, DateSummary)}

    def ask_of_table(questions: Sequence[Question]) -> Sequence[Answer]:
        of_table = tuple(replace(question, column=places[question.column]) for question in questions)
        return ask(CloserLook(summary.column_names, spans, of_table)).answers

    def moments() -> Moments:
        return Moments(*map(np.concatenate, zip(*(number.moments for number in numbers), strict=True)))

    statistics = InParts(ask_of_table, len(places), moments, [number.listed for number in numbers])
    return number_columns(statistics, np.array([number.has_missing for number in numbers]), how)
