"""Statistics of the target by category: how far a mean is trusted."""

import numpy as np
import pytest

from sknet._tables.target_statistics import anova_mean_squares, effective_row_weight, shrunk_means, statistics_by_slot


def sums(slot, target, weight=None):
    weight = np.ones(len(slot)) if weight is None else weight
    return statistics_by_slot(
        slot, int(slot.max()) + 1, target, weight / effective_row_weight(weight.sum(), weight @ weight)
    )


def drawn(n_levels, size, effect, seed):
    rng = np.random.default_rng(seed)
    slot = np.repeat(np.arange(n_levels), size)
    return slot, (effect * rng.normal(size=n_levels)[slot] + rng.normal(size=len(slot)))[:, np.newaxis]


def test_mean_squares_are_those_of_an_analysis_of_variance():
    rng = np.random.default_rng(1)
    slot, target = rng.integers(0, 7, 100), rng.normal(size=(100, 1))
    by_category = [target[slot == k, 0] for k in range(7)]
    between = sum(len(y) * (y.mean() - target.mean()) ** 2 for y in by_category) / 6
    within = sum(((y - y.mean()) ** 2).sum() for y in by_category) / 93
    found = anova_mean_squares(*sums(slot, target))
    np.testing.assert_allclose([found[0][0], found[1][0]], [between, within])
    assert anova_mean_squares(*sums(*drawn(5, 8, 1.0, 0)))[2] == pytest.approx(8)  # categories of one size: their size


def test_variances_within_and_between_categories_are_found():
    slot, target = drawn(3000, 5, 0.7, 1)
    between_squares, within, size = anova_mean_squares(*sums(slot, target))
    assert within[0] == pytest.approx(1.0, rel=0.05)
    assert (between_squares[0] - within[0]) / size == pytest.approx(0.49, rel=0.1)


@pytest.mark.parametrize("effect", [0.3, 1.0])
def test_shrunk_means_are_nearer_to_the_effects_than_means_are(effect):
    rng = np.random.default_rng(2)
    effects, slot = effect * rng.normal(size=400), np.repeat(np.arange(400), rng.integers(1, 9, 400))
    n, mean, squares = sums(slot, (effects[slot] + rng.normal(size=len(slot)))[:, np.newaxis])
    shrunk = shrunk_means(n, mean, squares)[:, 0]
    assert ((shrunk - effects) ** 2).sum() < 0.9 * ((mean[:, 0] - effects) ** 2).sum()
    # λ of n rows, with the true variances
    expected = mean.mean() + n * effect**2 / (n * effect**2 + 1) * (mean[:, 0] - mean.mean())
    np.testing.assert_allclose(shrunk, expected, atol=0.2)


def test_without_an_effect_each_mean_is_that_of_all_rows():
    n, mean, squares = sums(np.arange(40) // 2, np.tile([[0.0], [1.0]], (20, 1)))
    np.testing.assert_allclose(shrunk_means(n, mean, squares), 0.5)
    assert shrunk_means(np.append(n, 0.0), *(np.vstack([x, [[0.0]]]) for x in (mean, squares)))[-1] == 0.5
    assert (shrunk_means(np.ones(3), np.arange(3.0)[:, np.newaxis], np.zeros((3, 1))) == 1.0).all()  # a row each


def test_categories_with_different_targets_keep_their_means():
    slot = np.repeat(np.arange(5), 4)
    np.testing.assert_allclose(shrunk_means(*sums(slot, slot[:, np.newaxis] * 2.0))[:, 0], np.arange(5) * 2.0)


def test_the_unit_of_weights_does_not_matter():
    slot, target = drawn(50, 4, 0.5, 3)
    weight = np.random.default_rng(1).exponential(size=len(slot))
    first, second = (shrunk_means(*sums(slot, target, weight * unit)) for unit in (1.0, 1e-6))
    np.testing.assert_allclose(first, second)
