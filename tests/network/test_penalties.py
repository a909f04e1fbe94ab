"""Penalties and proximal steps: closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize_scalar
from sknet._network.chain import Layout
from sknet._network.weights import ElasticNet, ProximalStep, limit_column_norms, soft_threshold

W = np.array([1.0, -2.0, 0.0, 0.5])
floats = st.floats(-10, 10)


@pytest.mark.parametrize(
    ("l2", "l1", "value"), [(0, 0, 0), (0.4, 0, 0.2 * 5.25), (0, 0.1, 0.35), (0.4, 0.1, 0.2 * 5.25 + 0.35)]
)
def test_value_and_gradient(l2, l1, value):
    penalty, out = ElasticNet(l2, l1), np.ones(4)
    penalty.add_gradient(W, out)
    assert penalty.value(W) == pytest.approx(value)
    np.testing.assert_allclose(out, 1 + l2 * W)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_gradient_is_added_in_place_to_a_part_of_a_vector(dtype, n):
    w, out = np.arange(5, dtype=dtype), np.ones(5, dtype)
    ElasticNet(l2=0.5).add_gradient(w[1 : 1 + n], out[2 : 2 + n])
    expected = np.ones(5)
    expected[2 : 2 + n] += 0.5 * np.arange(1, 1 + n)
    assert out.tolist() == expected.tolist()


@given(floats, st.floats(0, 5))
def test_soft_threshold_solves_the_proximal_problem(x, amount):
    w = np.array([x])
    soft_threshold(w, amount)
    best = minimize_scalar(lambda v: 0.5 * (v - x) ** 2 + amount * abs(v), bounds=(-15, 15), method="bounded")
    assert w[0] == pytest.approx(best.x, abs=1e-3)
    assert (w[0] == 0) == (abs(x) <= amount)


def test_soft_threshold_keeps_the_type():
    w = np.float32([2, -2, 0.1])
    soft_threshold(w, 0.5)
    assert w.dtype == np.float32 and w.tolist() == [1.5, -1.5, 0]


@given(hnp.arrays(float, (4, 3), elements=floats), st.floats(0.1, 5))
def test_column_norms_are_limited_and_short_columns_are_left_alone(matrix, max_norm):
    before = matrix.copy()
    limit_column_norms(matrix, max_norm)
    norms = np.linalg.norm(before, axis=0)
    short = norms <= max_norm * (1 - 1e-12)
    np.testing.assert_array_equal(matrix[:, short], before[:, short])
    assert (np.linalg.norm(matrix, axis=0) <= max_norm * (1 + 1e-12)).all()
    np.testing.assert_allclose(matrix, before * np.minimum(1, max_norm / np.maximum(norms, 1e-300)), rtol=1e-9)


@pytest.mark.parametrize("l1", [0.0, 2.0])
@pytest.mark.parametrize("max_norm", [0.0, 1.5])
def test_the_proximal_step_of_all_weights_and_of_no_bias(l1, max_norm):
    rng = np.random.default_rng(0)
    theta = rng.normal(size=8 + 12 + 6)
    expected = theta.copy()
    for part, shape in ((slice(0, 8), (4, 2)), (slice(8, 20), (3, 4))):
        w = np.sign(theta[part]) * np.maximum(np.abs(theta[part]) - 0.1 * l1, 0)
        norms = np.linalg.norm(w.reshape(shape), axis=0)
        expected[part] = (w.reshape(shape) * (np.minimum(1, max_norm / norms) if max_norm else 1)).ravel()
    layout = Layout((3, 4, 2))
    ProximalStep(l1, max_norm, layout)(theta, 0.1)
    np.testing.assert_allclose(theta, expected, rtol=1e-13, atol=1e-16)
    average, other = theta * 2.0, theta * 2.0
    ProximalStep(l1, max_norm, layout)(average, 0.0)
    ProximalStep(0.0, max_norm, layout)(other, 0.1)
    np.testing.assert_array_equal(average, other, "a rate of 0 is for what takes no step, as the moving average")
