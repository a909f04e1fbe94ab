"""Activations: their values, extremes, and what they promise of arrays and scales. Derivatives: test_derivatives."""

import numpy as np
import pytest
from pieces import ACTIVATION_NAMES
from scipy.special import erf, expit

from sknet._network.activations import ACTIVATIONS, LEAK, SELU_ALPHA, SELU_SCALE

Z = np.linspace(-5, 5, 41)
TEXTBOOK = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * (np.exp(z) - 1)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "silu": lambda z: z * expit(z),
    "gelu": lambda z: z * 0.5 * (1 + erf(z / np.sqrt(2))),
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    "identity": lambda z: z,
}


def applied(name, z):
    a = np.array(z)
    ACTIVATIONS[name].apply(a)
    return a


def slope(name, z):
    """f'(z), as the backward pass gives it."""
    kept = np.array(z) if ACTIVATIONS[name].keeps == "input" else applied(name, z)
    delta = np.ones_like(kept)
    ACTIVATIONS[name].backward(kept, delta)
    return delta


def test_the_table_is_complete():
    assert set(TEXTBOOK) == set(ACTIVATION_NAMES)
    assert all(ACTIVATIONS[name].name == name for name in ACTIVATION_NAMES)
    assert ACTIVATIONS["logistic"] is ACTIVATIONS["sigmoid"]


@pytest.mark.parametrize("name", TEXTBOOK)
def test_value_is_the_textbook_formula(name):
    np.testing.assert_allclose(applied(name, Z), TEXTBOOK[name](Z), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_works_in_place_and_keeps_the_type(name, dtype):
    z, delta = Z.reshape(-1, 1).astype(dtype), np.full((41, 1), 3, dtype)
    assert ACTIVATIONS[name].apply(z) is None and ACTIVATIONS[name].backward(z.copy(), delta) is None
    assert z.dtype == delta.dtype == dtype
    np.testing.assert_allclose(z[:, 0], TEXTBOOK[name](Z), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope(name, Z.astype(dtype)), slope(name, Z), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_sums_neither_overflow_nor_become_nan(name, dtype):
    z = np.array([-1e30, -1e4, -100, 100, 1e4, 1e30], dtype)
    with np.errstate(over="ignore"):  # exp may, on its way to 0 or 1
        a, derivative = applied(name, z), slope(name, z)
    assert np.isfinite(a).all() and np.isfinite(derivative).all()
    bounded = name in ("sigmoid", "tanh")
    np.testing.assert_allclose(derivative[3:], 0 if bounded else slope(name, np.array([50.0]))[0], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("relu", 0, 1), ("leaky_relu", LEAK, 1), ("selu", SELU_SCALE * SELU_ALPHA, SELU_SCALE), ("elu", 1, 1)],
)
def test_slopes_on_both_sides_of_a_kink(name, left, right):
    np.testing.assert_allclose(slope(name, np.array([-1e-9, 1e-9])), [left, right], rtol=1e-8)


def test_a_shut_rectifier_passes_nothing_back():
    assert slope("relu", np.array([-1.0, -0.0, 0.0, 2.0])).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("name", TEXTBOOK)
def test_center_is_the_output_at_zero(name):
    assert ACTIVATIONS[name].center == pytest.approx(applied(name, np.zeros(1))[0], abs=1e-15)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_scales_tell_the_size_of_the_signal(name):
    """|f(z) - f(0)| is about output_scale for z of standard deviation input_scale, root mean square."""
    a = ACTIVATIONS[name]
    z = np.random.default_rng(0).normal(scale=a.input_scale, size=20_000)
    size = np.sqrt(np.mean((applied(name, z) - a.center) ** 2))
    assert 0.5 < size / a.output_scale < 1.5
