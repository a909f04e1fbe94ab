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
    residual = unexplained_part(y, columns)
    assert residual.var() < 0.15
    monkeypatch.setattr(group_effects, "MAX_ROWS_OF_REGRESSION", 1000)  # in blocks, from a part of the rows
    np.testing.assert_allclose(unexplained_part(y, columns).var(), residual.var(), rtol=0.1)


def test_noise_is_not_explained():
    rng = np.random.default_rng(0)
    y = ranks_of(rng.normal(size=(1000, 1)))
    many = [rng.integers(300, size=1000) for _ in range(5)]
    assert unexplained_part(y, OtherColumns(list(rng.normal(size=(30, 1000))), many)).var() > 0.85
