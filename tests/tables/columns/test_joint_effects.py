"""Columns that say something only together, or about the spread; those that say nothing, whatever their levels' law."""

from itertools import permutations, product

import numpy as np
import pytest

from sknet._tables.columns import joint_effects
from sknet._tables.columns.joint_effects import (
    Comparison,
    Strata,
    beta_tail,
    chance_of_more,
    columns_that_tell,
    moments,
    most_variable,
    pool_categories,
    squash,
)


def parity(n=800, n_levels=25, seed=0):
    """Two columns whose parities together are the label, but for 5 %, and a number."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, n_levels, (2, n))
    label = (rng.random(n) < 0.05) ^ (a % 2 == 1) ^ (b % 2 == 1)
    return {3: a, 7: b}, [rng.normal(size=n)], label[:, np.newaxis].astype(float)


def slopes(n=600, n_levels=30, seed=0, shape=np.positive):
    """One column, each level of which has a slope of its own over the second number."""
    rng = np.random.default_rng(seed)
    a, x, z = rng.integers(0, n_levels, n), rng.normal(size=n), rng.lognormal(size=n)
    y = 1.5 * rng.normal(size=n_levels)[a] * shape(z) + 0.5 * rng.normal(size=n)
    return {3: a}, [x, z], y[:, np.newaxis]


def spreads(n=600, n_levels=30, seed=0):
    """One column that tells the target's spread."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, n_levels, n)
    return {3: a}, [rng.normal(size=n)], (np.where(a % 2, 0.5, 3.0) * rng.normal(size=n))[:, np.newaxis]


LEVEL_LAWS = {
    "25 levels": lambda rng, n: rng.integers(0, 25, n),
    "n / 8 levels": lambda rng, n: rng.integers(0, n // 8, n),
    "Zipf": lambda rng, n: np.minimum(rng.zipf(1.3, n), 10**6),
    "geometric": lambda rng, n: rng.geometric(0.12, n),
    "one level of 90 %": lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.integers(1, 30, n)),
}

TARGET_LAWS = {
    "rare class": lambda rng, z: (rng.random(len(z)) < 0.03).astype(float)[:, np.newaxis],
    "outliers": lambda rng, z: (z + rng.standard_cauchy(len(z)))[:, np.newaxis],
    "spread by z": lambda rng, z: (z**2 + np.exp(z) * rng.normal(size=len(z)))[:, np.newaxis],
    "classes": lambda rng, z: np.eye(3)[np.digitize(z + rng.normal(size=len(z)), [-0.5, 0.5])],
}


def test_mean_and_variance_are_those_of_all_permutations():
    rng = np.random.default_rng(0)
    level, stratum = np.array([0, 0, 1, 2, 2, 1, 0, 0, 1]), np.array([[0] * 5 + [1] * 4])
    strata, w = Strata(stratum), np.ones(9)
    comparison = Comparison(strata, strata.without_means(rng.exponential(size=(2, 9)) ** 2, w))
    of_permutations = []
    for first, second in product(permutations(range(5)), permutations(range(5, 9))):
        score = comparison.score[:, 0, [*first, *second]]  # (2, 9)
        cells = [score[:, (level == i) & (stratum[0] == s)] for i in range(3) for s in range(2)]
        of_permutations.append(sum(cell.sum(axis=1) ** 2 / cell.shape[1] for cell in cells if cell.size))
    mean, variance = moments(comparison, np.array([2.0, 1.0]), np.array([1 / 2 + 1 + 1 / 2, 1 / 2 + 1 / 2]))
    np.testing.assert_allclose(mean.sum(axis=1), np.mean(of_permutations, axis=0))
    np.testing.assert_allclose(variance.sum(axis=1), np.var(of_permutations, axis=0))


def test_the_chance_is_that_of_random_levels():
    rng = np.random.default_rng(0)
    strata = Strata(rng.integers(0, 5, (1, 120)))
    comparison = Comparison(strata, strata.without_means(rng.exponential(size=(1, 120)), np.ones(120)))
    chances = [chance_of_more(rng.integers(0, 12, 120), comparison).item() for _ in range(400)]
    assert np.abs(np.quantile(chances, [0.05, 0.25, 0.5, 0.75]) - [0.05, 0.25, 0.5, 0.75]).max() < 0.06


def test_the_tail_is_that_of_a_beta_distribution():
    # of mean 1/3 and variance 2/63 is the one with a = 2 and b = 4: the chance of more than 1/2 is 3/16
    found = beta_tail(np.array([1.0]), np.array([2 / 3]), np.array([4 * 2 / 63]), np.array([2.0]))
    np.testing.assert_allclose(found, 3 / 16)
    certain = beta_tail(np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.zeros(2), np.array([1.0, 0.0]))
    np.testing.assert_array_equal(certain, 1.0)  # the same in all permutations, or no scores at all


@pytest.mark.parametrize("seed", range(3))
def test_two_columns_that_tell_together_are_both_found(seed):
    slots, numbers, target = parity(seed=seed)
    assert columns_that_tell(slots, [3, 7], numbers, target) == {3, 7}
    assert columns_that_tell(slots, [7], numbers, target) == {7}
    assert columns_that_tell({7: slots[7]}, [7], numbers, target) == set()  # it says nothing without the other


def test_three_classes_are_told_together_too():
    slots, numbers, _ = parity()
    target = np.eye(3)[(slots[3] + slots[7]) % 3]
    assert columns_that_tell(slots, [3, 7], numbers, target) == {3, 7}


@pytest.mark.parametrize("shape", [np.positive, lambda z: np.abs(np.log(z))], ids=["slope", "bend"])
def test_levels_with_a_slope_or_a_bend_of_their_own_are_found(shape):
    slots, numbers, target = slopes(shape=shape)
    assert columns_that_tell(slots, [3], numbers, target) == {3}
    assert columns_that_tell(slots, [3], numbers[:1], target) == set()


def test_levels_may_tell_together_with_where_a_number_is_missing():
    rng = np.random.default_rng(0)
    level, missing = rng.integers(0, 25, 800), rng.random(800) < 0.5
    target = np.where(missing, level % 2, 1 - level % 2)[:, np.newaxis] + 0.3 * rng.normal(size=(800, 1))
    number = np.where(missing, np.nan, rng.normal(size=800))
    assert columns_that_tell({0: level}, [0], [number], target) == {0}
    assert columns_that_tell({0: level}, [0], [np.full(800, np.nan)], target) == set()


def test_columns_that_tell_the_spread_are_found_where_it_matters():
    slots, numbers, target = spreads()
    assert columns_that_tell(slots, [3], numbers, target, about_spread=True) == {3}
    assert columns_that_tell(slots, [3], numbers, target) == set()


@pytest.mark.parametrize("target_law", TARGET_LAWS)
@pytest.mark.parametrize("level_law", LEVEL_LAWS)
def test_columns_that_say_nothing_are_hardly_ever_found(level_law, target_law):
    n_found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        z, n = rng.normal(size=300), 300
        levels = np.unique(LEVEL_LAWS[level_law](rng, n), return_inverse=True)[1]
        slots = {0: levels, 1: rng.integers(0, 3, n), 2: rng.permutation(levels)}
        weight = rng.exponential(size=n) if seed % 2 else None
        target = TARGET_LAWS[target_law](rng, z)
        n_found += len(columns_that_tell(slots, [0], [z, rng.lognormal(size=n)], target, weight, about_spread=True))
    assert n_found <= 2  # .1 % are wanted; of some 30 rows in rare levels or classes it may be 1 %


@pytest.mark.parametrize("case", [parity, slopes, spreads])
def test_a_row_of_weight_2_says_as_much_as_two_rows(case):
    slots, numbers, target = case()
    weight = np.random.default_rng(1).integers(1, 3, len(target))
    repeated = np.repeat(np.arange(len(target)), weight)
    twice = {j: slot[repeated] for j, slot in slots.items()}, list(slots), [z[repeated] for z in numbers]
    expected = set(slots)
    assert columns_that_tell(slots, list(slots), numbers, target, weight, about_spread=True) == expected
    assert columns_that_tell(*twice, target[repeated], about_spread=True) == expected


def test_the_unit_of_weights_does_not_matter():
    slots, numbers, target = parity()
    for unit in (1.0, 1e-9, 1e9):
        assert columns_that_tell(slots, [3, 7], numbers, target, np.full(len(target), unit)) == {3, 7}


@pytest.mark.parametrize("case", [parity, slopes, spreads])
def test_the_order_of_columns_and_rows_does_not_matter(case):
    slots, numbers, target = case()
    rng = np.random.default_rng(2)
    noise = {j: rng.integers(0, 30, len(target)) for j in (1, 2, 5)}  # they say nothing beside one that does
    order = rng.permutation(len(target))
    everything = {**noise, **slots}
    backwards = {j: everything[j][order] for j in reversed(everything)}
    expected = set(slots)
    assert columns_that_tell(everything, [1, 2, 5, *slots], numbers, target, about_spread=True) == expected
    turned = [z[order] for z in reversed(numbers)]
    assert columns_that_tell(backwards, list(backwards), turned, target[order], about_spread=True) == expected


def test_numbers_near_the_largest_ones_and_constant_ones_are_no_obstacle():
    slots, numbers, target = parity(200)
    extreme = [np.where(numbers[0] > 0, 1.7e308, -1.7e308), np.full(200, 3.0), np.r_[np.zeros(199), 1e300]]
    for y in (target, target * 1e300, np.ones((200, 1)), target * 0):
        assert columns_that_tell(slots, [3, 7], extreme, y, about_spread=True) <= {3, 7}
    assert (np.abs(squash(np.stack(extreme))) <= 1.0).all()


def test_of_few_rows_nothing_is_found():
    for n in (1, 2, 3, 5, 9):
        slots, numbers, target = parity(n)
        assert columns_that_tell(slots, [3, 7], numbers, target, about_spread=True) == set()


def test_beyond_the_most_tests_only_the_first_columns_are_partners(monkeypatch):
    slots, numbers, target = parity()
    noise = np.zeros(len(target), dtype=np.intp)
    monkeypatch.setattr(joint_effects, "MAX_TESTS", 4)  # two partners for each of two columns
    assert columns_that_tell({**slots, 9: noise}, [3, 7], numbers, target) == {3, 7}
    assert columns_that_tell({8: noise, 9: noise, **slots}, [3, 7], numbers, target) == set()


def test_work_in_pieces_finds_the_same(monkeypatch):
    monkeypatch.setattr(joint_effects, "VALUES_AT_ONCE", 1)
    slots, numbers, target = parity()
    slots[1] = np.arange(len(target)) % 3
    assert columns_that_tell(slots, [3, 7], [*numbers, np.arange(len(target))], target) == {3, 7}


def test_the_rarest_levels_count_as_one(monkeypatch):
    slot = np.array([-1, 2, 2, 2, 2, 0, 0, 0, 5, 5, 5, 5])
    assert pool_categories(slot).tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 2, 2, 2, 2]
    monkeypatch.setattr(joint_effects, "MAX_CATEGORIES", 2)
    levels = np.repeat([0, 1, 2, 3], [9, 6, 6, 8])
    assert pool_categories(levels).tolist() == np.repeat([1, 0, 0, 2], [9, 6, 6, 8]).tolist()
    assert pool_categories(np.repeat([0, 1, 2], 6)).tolist() == [0] * 18  # none of them is rarer


def test_the_most_frequent_classes_are_tested(monkeypatch):
    monkeypatch.setattr(joint_effects, "MAX_TARGETS", 2)
    target = np.eye(3)[np.repeat([0, 1, 2], [2, 9, 6])]
    np.testing.assert_array_equal(most_variable(target, None), target.T[[1, 2]])
