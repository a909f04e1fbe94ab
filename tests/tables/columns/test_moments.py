"""Moments: of nothing, of constants, and the same whether learnt at once or in parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sknet._tables.columns.moments import Moments, moments_of, weighted_moments


def test_moments_of_nothing_are_zero():
    mean, deviation = weighted_moments(np.array([[np.nan, np.nan], [1.0, 3.0]]), None)
    assert mean.tolist() == [0, 2] and deviation.tolist() == [0, 1]


@given(st.integers(0, 10**6), st.sampled_from([1e-200, 1.0, 1e200]), st.integers(0, 12))
def test_parts_give_the_moments_of_the_whole(seed, magnitude, cut):
    rng = np.random.default_rng(seed)
    V = rng.normal(3, 1, size=(4, 12)) * magnitude
    V[rng.random(V.shape) < 0.3] = np.nan
    V[2], V[3] = np.nan, 0.1 * magnitude
    weight = rng.integers(1, 4, 12) * 0.3
    merged = Moments.merged(moments_of(V[:, :cut], weight[:cut]), moments_of(V[:, cut:], weight[cut:]))
    for found, expected in zip(merged.settled, weighted_moments(V, weight), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14 * magnitude)
    assert merged.settled[0][3] == 0.1 * magnitude and merged.settled[1][3] == 0
    np.testing.assert_array_equal(merged.observed, moments_of(V, weight).observed)
