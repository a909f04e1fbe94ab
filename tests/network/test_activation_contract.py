"""What every activation promises. A new one is tested once it is in `ACTIVATIONS`, and its formula in `FORMULAS`."""

import numpy as np
import pytest
from scipy.special import erf, expit

from sknet._network.activations import ACTIVATIONS, LEAKY_RELU_SLOPE, SELU_ALPHA, SELU_SCALE
from sknet._network.check import check_activation_works_in_place, check_gradient
from tests.network.pieces import ACTIVATION_NAMES, FLOATS, assert_gradient, extremes, numerical_gradient

Z = np.linspace(-5, 5, 41)
AWAY_FROM_KINKS = np.array([-6.0, -2.3, -1.1, -0.4, -0.07, 0.05, 0.3, 0.9, 1.7, 4.0])
FORMULAS = {
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
every_activation = pytest.mark.parametrize("name", ACTIVATION_NAMES)
in_both_types = pytest.mark.parametrize("dtype", FLOATS)


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
    assert set(FORMULAS) == set(ACTIVATION_NAMES)
    assert all(ACTIVATIONS[name].name == name for name in ACTIVATION_NAMES)
    assert ACTIVATIONS["logistic"] is ACTIVATIONS["sigmoid"]


@every_activation
def test_the_value_is_its_formula_and_backward_the_slope(name):
    np.testing.assert_allclose(applied(name, Z), FORMULAS[name](Z), rtol=1e-13, atol=1e-15)
    expected = numerical_gradient(lambda z: applied(name, z), AWAY_FROM_KINKS, 1e-4)
    assert_gradient(np.diag(slope(name, AWAY_FROM_KINKS)), expected, tolerance=1e-9)


@every_activation
def test_named_activations_pass_the_checks_of_custom_ones(name):
    check_activation_works_in_place(name, ACTIVATIONS[name])
    for seed in range(3):
        assert check_gradient(ACTIVATIONS[name], random_state=seed) < 1e-9


@every_activation
@in_both_types
def test_an_activation_works_in_place_and_keeps_the_type(name, dtype):
    z, delta = Z.reshape(-1, 1).astype(dtype), np.full((41, 1), 3, dtype)
    assert ACTIVATIONS[name].apply(z) is None
    assert ACTIVATIONS[name].backward(z.copy(), delta) is None
    assert z.dtype == delta.dtype == dtype
    np.testing.assert_allclose(z[:, 0], FORMULAS[name](Z), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slope(name, Z.astype(dtype)), slope(name, Z), rtol=1e-4, atol=1e-6)


@every_activation
@in_both_types
def test_extremes_are_numbers(name, dtype):
    a, derivative = applied(name, extremes(dtype)[:, np.newaxis]), slope(name, extremes(dtype)[:, np.newaxis])
    assert not np.isnan(a).any()
    assert a.dtype == derivative.dtype == dtype
    assert (np.abs(derivative) <= 1.8).all()  # the steepest is SELU
    far = slope(name, np.array([100, 1e4, 1e30], dtype))
    np.testing.assert_allclose(far, 0 if name in ("sigmoid", "tanh") else slope(name, np.array([50.0]))[0], atol=1e-6)


@every_activation
def test_center_and_scales_tell_the_size_of_the_signal(name):
    """|f(z) - f(0)| is about output_scale for z of standard deviation input_scale, root mean square."""
    a = ACTIVATIONS[name]
    assert a.center == pytest.approx(applied(name, np.zeros(1))[0], abs=1e-15)
    z = np.random.default_rng(0).normal(scale=a.input_scale, size=20_000)
    size = np.sqrt(np.mean((applied(name, z) - a.center) ** 2))
    assert 0.5 < size / a.output_scale < 1.5


# --- single ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [("relu", 0, 1), ("leaky_relu", LEAKY_RELU_SLOPE, 1), ("selu", SELU_SCALE * SELU_ALPHA, SELU_SCALE), ("elu", 1, 1)],
)
def test_slopes_on_both_sides_of_a_kink(name, left, right):
    np.testing.assert_allclose(slope(name, np.array([-1e-9, 1e-9])), [left, right], rtol=1e-8)


def test_the_gradient_of_relu_is_0_below_0():
    assert slope("relu", np.array([-1.0, -0.0, 0.0, 2.0])).tolist() == [0, 0, 0, 1]
