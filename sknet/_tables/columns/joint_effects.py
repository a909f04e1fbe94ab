"""Which columns of many categories tell the target only together with another column, or tell only its spread.

If a column says nothing, its categories might as well be dealt to the rows at random, whatever the other columns, the
targets and the weights are. So the sum of squares between categories, T, of some scores is compared with what it is
over all their permutations. The scores are

- together with another column of categories: y − ȳ(c) in each c of these, within which the first are permuted;
- together with a number z: (y − ȳ(z))·z and (y − ȳ(z))·z², so that categories with an own slope or bend differ;
- about the spread: |y − ½|, the distance from the median.

Here y is a rank between 0 and 1 and z is squashed, so that no outlier decides; ȳ is the mean in a category, or in a bin
of z.
T = Σ (Σ score)² / n over the categories in all strata c. Over the permutations its mean and variance are [1]_ [2]_

    E[T] = Σ q·s₂ / (N − 1)
    Var[T] = Σ 2·q·(N − 1 − q)·s₂² / ((N − 1)²·(N + 1))
           + Σ (N·(N + 1)·d − (N − 1)·q·(q + 2)) · (N·(N + 1)·s₄ − 3·(N − 1)·s₂²) / ((N + 1)·N·(N − 1)·(N − 2)·(N − 3))

for N rows of q + 1 categories in a stratum, where s₂ and s₄ are the sums of squares and fourth powers of the scores,
and d = Σ 1/n − (2·q + 1)/N the sum of squares of the leverages. Both are exact for any targets and any frequencies of
categories. The second line of the variance is what F of an analysis of variance leaves out: it is large where scores
have heavy tails and some categories are rare. T's upper tail is then heavy as well, so that the distribution is taken
to be the beta distribution of this mean and variance [3]_ rather than a normal one.

.. [1] Pitman, E. J. G. (1938). "Significance tests which may be applied to samples from any populations: III. The
   analysis of variance test". Biometrika 29, 322-335.
.. [2] Kazi-Aoual, F., Hitier, S., Sabatier, R. and Lebreton, J.-D. (1995). "Refined approximations to permutation tests
   for multivariate inference". Computational Statistics & Data Analysis 20, 643-656.
.. [3] Box, G. E. P. and Watson, G. S. (1962). "Robustness to non-normality of regression tests". Biometrika 49, 93-106.

Conventions
-----------
N rows; L categories; k columns of the target matrix; g partners, the columns that they are tested together with; S
strata of all partners; m scores for each partner.

slot : (N,)              which category each row has
stratum : (g, N)         in which of the S strata each row is; every partner has strata of its own
score : (m, g, N)        adds up to 0 in each stratum; its squares add up to 1 over those of each partner
weight : (N,)            sample weights, whose mean is 1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from sknet._tables.columns.category_effects import divide
from sknet._tables.columns.statistics import mean_and_deviation
from sknet._typing import Array

T = TypeVar("T")

SIGNIFICANCE = 0.001
"""The chance that a column which says nothing is kept, divided by the number of its tests (Bonferroni)."""

MAX_TESTS = 5_000
"""The most tests of all columns together. If there were more, only the first columns of the table are partners."""

MAX_CATEGORIES = 100
"""The most categories of a column that are told apart; the others count as one."""

MAX_TARGETS = 10
"""The most columns of the target matrix that are tested: of classes, the most frequent ones."""

N_BINS = 16
"""The number of bins of a number in which the mean is removed before categories are compared."""

MIN_ROWS = 4
"""The variance has no formula for strata of fewer rows: they are left out."""

VALUES_AT_ONCE = 2**20
"""How many scores, or cells of categories and strata, are in memory at a time."""


def columns_that_tell(
    slots: Mapping[int, NDArray[np.intp]],
    doubtful: Sequence[int],
    numbers: Iterable[Array],
    target: Array,
    weight: Array | None = None,
    *,
    about_spread: bool = False,
) -> set[int]:
    """Find the columns that say something together with another one, or about the spread.

    Nothing but the rows that are given decides.

    Parameters
    ----------
    slots : dict of int to ndarray of shape (N,)
        The category of each row, -1 where it has none, in every column of categories, by the column's number.
    doubtful : sequence of int
        Which of these columns are judged. All are partners.
    numbers : iterable of ndarray of shape (N,)
        The numbers that are partners, NaN where one is missing.
    target : ndarray of shape (N, k)
    weight : ndarray of shape (N,), or None
        Sample weights in any unit; None is ones.
    about_spread : bool, default=False
        Whether to keep columns that tell the spread alone.

    Returns
    -------
    set of int
        Those that say something.
    """
    w = np.ones(len(target)) if weight is None else weight / weight.mean()
    y = np.stack([ranks(column, w) for column in most_variable(target, weight)])
    pooled = {j: pool_categories(slot) for j, slot in slots.items()}
    n_partners = max(1, MAX_TESTS // (len(doubtful) * len(y)))
    partners = list(islice(pooled.values(), n_partners))
    some_numbers = islice(impute(numbers), max(0, n_partners - len(partners)) // 2)  # each is tested twice
    comparisons = chain(
        compare_within_categories(partners, y, w),
        compare_over_numbers(some_numbers, y, w),
        [compare_among_all(np.abs(y), w)] if about_spread else [],  # distances from the median
    )
    n_tests, least = 0, dict.fromkeys(doubtful, 1.0)
    for comparison in comparisons:
        n_tests += comparison.n_tests
        for j in doubtful:
            least[j] = min(least[j], float(chance_of_more(pooled[j], comparison).min()))
    return {j for j, chance in least.items() if chance * n_tests <= SIGNIFICANCE}


def most_variable(target: Array, weight: Array | None) -> Array:
    """Return the columns of the target matrix that are tested, as rows."""
    deviation = np.array([mean_and_deviation(column, weight)[1] for column in target.T])
    return target.T[np.argsort(-deviation, kind="stable")[:MAX_TARGETS]]


def ranks(values: Array, w: Array) -> Array:
    """Return weighted ranks between -1/2 and 1/2, (N,); equal values have their mean rank."""
    _, group = np.unique(values, return_inverse=True)
    weight = np.bincount(group, w)
    return ((np.cumsum(weight) - weight / 2.0) / weight.sum() - 0.5)[group]


def pool_categories(slot: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number the frequent slots from 1 on; all others, such as those too rare to be a stratum, are 0."""
    n = np.bincount(slot + 1)
    too_few = np.sort(n)[-MAX_CATEGORIES - 1] if len(n) > MAX_CATEGORIES else 0  # no order among slots of equal size
    frequent = n > max(too_few, MIN_ROWS - 1)
    return np.where(frequent, np.cumsum(frequent), 0)[slot + 1]


# --- scores ----------------------------------------------------------------------------------------------------------


class Strata:
    """The strata of g partners.

    Attributes
    ----------
    stratum : ndarray of shape (g * N,)
        As in the Conventions, one partner after the other.
    first : ndarray of shape (g,)
        The first stratum of each partner.
    n_rows : ndarray of shape (S,)
    """

    def __init__(self, stratum_of_partner: NDArray[np.intp]) -> None:
        n_strata = stratum_of_partner.max(axis=1) + 1
        self.first = np.cumsum(n_strata) - n_strata
        self.stratum = (stratum_of_partner + self.first[:, np.newaxis]).ravel()
        self.n_rows = np.bincount(self.stratum, minlength=int(n_strata.sum())).astype(np.float64)

    def sums(self, values: Array) -> Array:
        """Add up values of rows, (m, g, N), to (m, S)."""
        return np.stack([np.bincount(self.stratum, of_score.ravel(), len(self.n_rows)) for of_score in values])

    def without_means(self, values: Array, w: Array) -> Array:
        """Subtract the weighted mean of each stratum from values, (m, N) or (m, g, N)."""
        shape = len(values), len(self.first), len(w)
        values = np.broadcast_to(values.reshape(len(values), -1, len(w)), shape)
        means = divide(self.sums(values * w), self.sums(np.broadcast_to(w, (1, *shape[1:]))))
        return values - means[:, self.stratum].reshape(shape)


@dataclass(frozen=True)
class Comparison:
    """What categories are compared by.

    Attributes
    ----------
    strata : Strata
    score : ndarray of shape (m, g, N)
    """

    strata: Strata
    score: Array

    @property
    def n_tests(self) -> int:
        """How many sums of squares are compared with chance."""
        return self.score.shape[0] * self.score.shape[1]

    @cached_property
    def squares(self) -> Array:
        """Sums of the squared scores in each stratum, (m, S)."""
        return self.strata.sums(np.square(self.score))

    @cached_property
    def fourth_powers(self) -> Array:
        """Sums of the fourth powers of the scores in each stratum, (m, S)."""
        return self.strata.sums(np.square(np.square(self.score)))  # a power of 4 takes ten times as long


def compare_within_categories(partners: Iterable[NDArray[np.intp]], y: Array, w: Array) -> Iterator[Comparison]:
    """Compare means within each category of other columns."""
    for some in in_pieces(partners, max(len(w), MAX_CATEGORIES**2) * len(y)):
        strata = Strata(np.stack(some))
        yield Comparison(strata, w * strata.without_means(y, w))


def compare_over_numbers(numbers: Iterable[Array], y: Array, w: Array) -> Iterator[Comparison]:
    """Compare slopes and bends over numbers."""
    for some in in_pieces(numbers, 2 * len(w) * len(y)):
        z = squash(np.stack(some))  # (p, N)
        residual = Strata(((z + 1.0) * (N_BINS / 2)).astype(np.intp)).without_means(y, w)  # (k, p, N)
        z -= z.mean(axis=1, keepdims=True)
        bend = np.square(z)
        bend -= bend.mean(axis=1, keepdims=True)
        yield compare_among_all(np.concatenate([residual * z, residual * bend]).reshape(-1, len(w)), w)


def impute(numbers: Iterable[Array]) -> Iterator[Array]:
    """Fill in the median for missing values, and yield where they are missing as a number of its own."""
    for values in numbers:
        missing = np.isnan(values)
        if missing.any():
            yield np.where(missing, np.median(values[~missing]) if not missing.all() else 0.0, values)
            yield missing.astype(np.float64)
        else:
            yield values.astype(np.float64)


def squash(z: Array) -> Array:
    """Bring numbers, (p, N), between -1 and 1, by their median and the distance of their quartiles."""
    n = z.shape[1]
    low, median, high = np.partition(z, [n // 4, n // 2, 3 * n // 4], axis=1)[:, [n // 4, n // 2, 3 * n // 4]].T
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the largest ones
        z = z - median[:, np.newaxis]
        scale = np.where(high > low, high - low, np.abs(z).mean(axis=1))[:, np.newaxis]
        z = z / np.hypot(z, np.where(scale > 0.0, scale, 1.0))
    return np.nan_to_num(z)


def compare_among_all(values: Array, w: Array) -> Comparison:
    """Compare means of values, (m, N), among all rows."""
    all_rows = Strata(np.zeros((1, len(w)), dtype=np.intp))
    return Comparison(all_rows, w * all_rows.without_means(values, w))


def in_pieces(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of values, each as long as memory allows: a value needs arrays of `size` numbers."""
    rest = iter(values)
    while some := list(islice(rest, max(1, VALUES_AT_ONCE // size))):
        yield some


# --- the distribution over permutations ------------------------------------------------------------------------------


def chance_of_more(slot: NDArray[np.intp], comparison: Comparison) -> Array:
    """Return how likely T is as large if categories are dealt at random in each stratum, (m, g)."""
    strata, n_categories = comparison.strata, int(slot.max()) + 1
    cell = (strata.stratum.reshape(-1, len(slot)) * n_categories + slot).ravel()
    n = np.bincount(cell, minlength=len(strata.n_rows) * n_categories).reshape(-1, n_categories)  # (S, L)
    totals = np.stack([np.bincount(cell, score.ravel(), n.size) for score in comparison.score])
    one_over_n = divide(np.ones(n.shape), n)
    between = np.einsum("msl,sl->ms", np.square(totals).reshape(-1, *n.shape), one_over_n)
    mean, variance = moments(comparison, np.count_nonzero(n, axis=1) - 1.0, one_over_n.sum(axis=1))
    known = strata.n_rows >= MIN_ROWS
    of_strata = (np.where(known, values, 0.0) for values in (between, mean, variance, comparison.squares))
    return beta_tail(*(np.add.reduceat(values, strata.first, axis=1) for values in of_strata))


def moments(comparison: Comparison, q: Array, sum_of_reciprocals: Array) -> tuple[Array, Array]:
    """Return the mean and the variance over the permutations of each stratum's part of T, (m, S).

    q + 1 categories have n rows each, and `sum_of_reciprocals` is Σ 1/n over them; both are (S,).
    """
    n, s2, s4 = comparison.strata.n_rows, comparison.squares, comparison.fourth_powers
    d = sum_of_reciprocals - divide(2.0 * q + 1.0, n)
    normal = divide(2.0 * q * (n - 1.0 - q), (n - 1.0) ** 2 * (n + 1.0)) * s2**2
    of_sizes, of_scores = n * (n + 1.0) * d - (n - 1.0) * q * (q + 2.0), n * (n + 1.0) * s4 - 3.0 * (n - 1.0) * s2**2
    factor = divide(of_sizes, (n + 1.0) * n * (n - 1.0) * (n - 2.0) * (n - 3.0))
    return divide(q, n - 1.0) * s2, normal + factor * of_scores


def beta_tail(value: Array, mean: Array, variance: Array, limit: Array) -> Array:
    """Return the chance of more than a value, by the beta distribution from 0 to `limit` of a mean and a variance."""
    share = divide(mean, limit)
    a_plus_b = share * (1.0 - share) * divide(limit**2, variance) - 1.0
    a, b = share * a_plus_b, (1.0 - share) * a_plus_b
    is_random = (a > 0.0) & (b > 0.0)  # T is the same for all permutations where categories have a row each
    above = np.clip(1.0 - divide(value, limit), 0.0, 1.0)
    return np.where(is_random, betainc(np.where(is_random, b, 1.0), np.where(is_random, a, 1.0), above), 1.0)
