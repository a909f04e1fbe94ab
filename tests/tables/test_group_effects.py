"""The p-value of groups that differ by chance is uniform, and other columns explain what they should."""

import numpy as np

from sknet._tables import group_effects
from sknet._tables.group_effects import OtherColumns, group_effect, ranks_of, unexplained_part


def test_the_p_value_of_groups_that_differ_by_chance_is_uniform():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(25), 8)
    p = group_effect(codes, rng.normal(size=(200, 2000))).p_value
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.04)


def test_groups_of_one_row_have_no_effect():
    effect = group_effect(np.arange(30), np.random.default_rng(0).normal(size=(30, 2)))
    np.testing.assert_array_equal(effect, [[0, 0], [1, 1]])


def test_groups_that_decide_the_values_have_all_of_the_variance():
    codes = np.repeat(np.arange(30), 3)
    effect = group_effect(codes, np.column_stack([codes % 7, np.ones(90)]).astype(float))
    np.testing.assert_allclose(effect.share, [1, 0], atol=1e-12)
    np.testing.assert_array_equal(effect.p_value, [0, 1])


def test_ranks_have_mean_zero_and_variance_one():
    values = np.array([[3.0, 1.0], [1e9, 1.0], [3.0, 1.0], [-5.0, np.nan]])
    ranks = ranks_of(values)
    np.testing.assert_allclose(ranks.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(ranks.std(axis=0), [1, 0])
    assert ranks[3, 0] < ranks[0, 0] == ranks[2, 0] < ranks[1, 0]


def test_the_residual_is_what_other_columns_do_not_explain(monkeypatch):
    rng = np.random.default_rng(0)
    x, category, noise = rng.normal(size=4000), rng.integers(5, size=4000), rng.normal(size=4000)
    y = ranks_of((2 * np.abs(x) + rng.normal(size=5)[category] + 0.3 * noise)[:, np.newaxis])
    x[:100] = np.nan
    columns = OtherColumns([x, rng.normal(size=4000)], [category])
    residual = unexplained_part(y, columns).ranks
    assert residual.var() < 0.15
    monkeypatch.setattr(group_effects, "MAX_ROWS_OF_REGRESSION", 1000)  # in blocks, from a part of the rows
    np.testing.assert_allclose(unexplained_part(y, columns).ranks.var(), residual.var(), rtol=0.1)


def test_noise_is_not_explained():
    rng = np.random.default_rng(0)
    y = ranks_of(rng.normal(size=(1000, 1)))
    many = [rng.integers(300, size=1000) for _ in range(5)]
    assert unexplained_part(y, OtherColumns(list(rng.normal(size=(30, 1000))), many)).ranks.var() > 0.85


def groups_and_their_columns():
    """Codes of 100 groups of 6 rows, and eight columns that are the same in all rows of a group."""
    codes = np.repeat(np.arange(100), 6)
    return codes, OtherColumns(list(np.random.default_rng(0).normal(size=(8, 100))[:, codes]))


def effect_beside_columns(codes, columns, y):
    """The effect of groups, and the variance that the columns leave."""
    unexplained = unexplained_part(ranks_of(y), columns)
    return group_effect(codes, unexplained.ranks, fitted=unexplained.fitted_means(codes)), unexplained.ranks.var()


def test_columns_of_groups_that_fit_by_chance_leave_the_share_of_other_effects():
    codes, columns = groups_and_their_columns()
    y = np.random.default_rng(1).normal(size=(100, 50))[codes] + np.random.default_rng(2).normal(size=(600, 50))
    shares = []
    for target in y.T:
        effect, variance = effect_beside_columns(codes, columns, target[:, np.newaxis])
        shares.append(effect.share[0] * variance)
    np.testing.assert_allclose(np.mean(shares), 0.5, atol=0.05)


def test_the_p_value_is_uniform_where_columns_of_groups_were_subtracted():
    codes, columns = groups_and_their_columns()
    y = np.random.default_rng(1).normal(size=(300, 600, 1))
    p = [effect_beside_columns(codes, columns, target)[0].p_value[0] for target in y]
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.1)


def test_groups_whose_columns_fit_any_means_have_no_effect():
    codes = np.repeat(np.arange(30), 20)
    columns = OtherColumns(list(np.random.default_rng(0).normal(size=(12, 30))[:, codes]))
    effect, _ = effect_beside_columns(codes, columns, np.random.default_rng(1).normal(size=(30, 1))[codes])
    np.testing.assert_array_equal(effect, [[0], [1]])


def test_two_groups_may_differ():
    codes = np.repeat([0, 1], 50)
    assert group_effect(codes, np.random.default_rng(0).normal(size=(100, 1)) + codes[:, np.newaxis]).means_may_differ
