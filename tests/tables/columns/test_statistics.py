"""Quantiles, means and deviations take weights as repetitions, and missing values count nowhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sknet._tables.statistics import mean_and_deviation, weighted_quantile

values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(values, st.integers(1, 5)), min_size=1, max_size=40), st.floats(0, 1))
def test_quantiles_take_weights_as_repetitions_as_numpy_does(sample, q):
    x, w = (np.array(part) for part in zip(*sample, strict=True))
    repeated = np.repeat(x, w)
    found = weighted_quantile(x, q, w)
    assert found == weighted_quantile(repeated, q) == weighted_quantile(repeated, q, np.ones(len(repeated)))
    on_a_step = np.isclose(q * len(repeated), np.round(q * len(repeated)), rtol=1e-6)
    if not on_a_step:
        assert found == np.quantile(repeated, q, method="inverted_cdf")


def test_a_quantile_that_falls_on_a_step_is_the_lower_value():
    assert weighted_quantile([4, 1, 3, 2], [0, 0.25, 0.5, 0.75, 1]).tolist() == [1, 1, 2, 3, 4]
    assert weighted_quantile(np.arange(100), 0.07) == 6  # 0.07 * 100 is 7.000000000000001
    assert weighted_quantile([1, 2, 3], 1 / 3, [0.1, 0.1, 0.1]) == 1


@given(st.lists(st.tuples(values, st.floats(0.01, 3)), min_size=1, max_size=30), st.sampled_from([0.25, 0.5, 0.75]))
def test_splitting_a_fractional_weight_changes_no_quantile(sample, q):
    x, w = (np.array(part) for part in zip(*sample, strict=True))
    assert weighted_quantile(x, q, 2 * w) == weighted_quantile(np.repeat(x, 2), q, np.repeat(w, 2))


def test_quantiles_ignore_missing_values_and_keep_the_shape_of_q():
    assert weighted_quantile([np.nan, 5, 1], 0.5) == 1
    assert weighted_quantile([np.nan, 5, 1], 0.5, [9, 2, 1]) == 5
    assert weighted_quantile([1, 2], [[0.5, 1.0]]).tolist() == [[1, 2]]
    assert np.isnan(weighted_quantile([np.nan], 0.5)) and np.isnan(weighted_quantile([], 0.5))


def test_mean_and_deviation_of_nothing_are_zero():
    assert mean_and_deviation(np.array([np.nan, np.nan]), None) == (0, 0)
    assert mean_and_deviation(np.array([1.0, np.nan, 3.0]), None) == (2, 1)


@pytest.mark.parametrize("magnitude", [1e-200, 1.0, 1e200])
def test_mean_and_deviation_take_weights_as_repetitions_at_any_magnitude(magnitude):
    rng = np.random.default_rng(0)
    x, w = rng.normal(3, 1, 40) * magnitude, rng.integers(1, 4, 40)
    x[::7] = np.nan
    found = np.array(mean_and_deviation(x, w * 0.3))
    np.testing.assert_allclose(found, mean_and_deviation(np.repeat(x, w), None), rtol=1e-12)
    np.testing.assert_allclose(found / magnitude, [3, 1], atol=0.5)
