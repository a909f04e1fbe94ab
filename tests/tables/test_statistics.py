"""Means and deviations, with weights as repetitions."""

import numpy as np
import pytest

from sknet._tables.statistics import mean_and_deviation


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
