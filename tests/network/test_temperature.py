"""The temperature: the least of a function of one variable, whatever the loss."""

import gc
from math import exp, log
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from sknet._network.losses import weighted_mean
from sknet._network.losses_of_labels import CLASSIFICATION_LOSSES, SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS
from sknet._network.losses_of_numbers import REGRESSION_LOSSES
from sknet._network.temperature import (
    MAX_LOG_TEMPERATURE,
    PRIOR_LOG_DEVIATION,
    at_temperature,
    best_inverse_temperature,
    temperature_penalty,
)

rng = np.random.default_rng(0)
N = 40
LABELS = rng.integers(3, size=N)
TARGETS = {
    "binary": (SIGMOID_LOG_LOSS, (LABELS[:, None] > 0) * 1.0),
    "multiclass": (SOFTMAX_LOG_LOSS, np.eye(3)[LABELS]),
    "multilabel": (SIGMOID_LOG_LOSS, rng.integers(2, size=(N, 4)) * 1.0),
    "two outputs": (
        CLASSIFICATION_LOSSES["log_loss"]([slice(0, 3), slice(3, 4)], True),
        np.hstack([np.eye(3)[LABELS], rng.integers(2, size=(N, 1))]),
    ),
}
WEIGHTS = {"none": None, "some": rng.integers(1, 4, N) * 1.0}
kinds = pytest.mark.parametrize("kind", TARGETS)


def informed(target, strength, seed=0):
    """Raw outputs that know the target, but not for certain."""
    noise = np.random.default_rng(seed).normal(size=target.shape)
    return strength * (target - 0.5 + 0.7 * noise)


@kinds
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("strength", [0.3, 2.0, 30.0])
def test_the_temperature_minimises_the_loss_and_its_prior(kind, weights, strength):
    (loss, target), weight = TARGETS[kind], WEIGHTS[weights]
    raw, total = informed(target, strength), N if weight is None else weight.sum()

    def objective(u):
        return weighted_mean(loss.value(exp(u) * raw, target), weight) + u**2 / (2 * PRIOR_LOG_DEVIATION**2 * total)

    best = minimize_scalar(objective, bounds=(-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE), options={"xatol": 1e-9})
    before = raw.copy()
    assert log(best_inverse_temperature(loss, raw, target, weight, total)) == pytest.approx(best.x, abs=1e-5)
    np.testing.assert_array_equal(raw, before)


@pytest.mark.parametrize("name", ["poisson", "tweedie"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_temperature_of_counts_divides_distances_from_the_center(name, weights):
    loss, weight = REGRESSION_LOSSES[name](), WEIGHTS[weights]
    target = rng.poisson([0.2, 3.0], size=(N, 2)) * 1.0
    center = np.log(target.mean(axis=0))
    raw, total = center + informed(target, 2.0), N if weight is None else weight.sum()

    def objective(u):
        shrunk = center + exp(u) * (raw - center)
        return weighted_mean(loss.value(shrunk, target), weight) + u**2 / (2 * PRIOR_LOG_DEVIATION**2 * total)

    best = minimize_scalar(objective, bounds=(-MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE), options={"xatol": 1e-9})
    found = best_inverse_temperature(loss, raw, target, weight, total, center)
    assert log(found) == pytest.approx(best.x, abs=1e-5)
    np.testing.assert_allclose(at_temperature(raw, found, center), center + found * (raw - center))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_temperature_keeps_the_center_and_the_type(dtype):
    raw = rng.normal(size=(N, 2)).astype(dtype)
    assert at_temperature(raw, 1.0, np.log([3.0, 5.0])) is raw
    shrunk = at_temperature(raw, 1e-9, np.log([3.0, 5.0]))
    assert shrunk.dtype == dtype
    np.testing.assert_allclose(np.exp(shrunk), np.tile([3.0, 5.0], (N, 1)), rtol=1e-6)


def test_a_temperature_of_one_deviation_costs_half_a_row():
    """The prior on its logarithm has a deviation of 0.6."""
    assert temperature_penalty(0.6, 1.0) == temperature_penalty(-0.6, 1.0) == pytest.approx(0.5)
    assert temperature_penalty(1.2, 40.0) == pytest.approx(2.0 / 40.0)


@given(st.floats(0.2, 5.0), st.integers(0, 5))
def test_scaled_raw_outputs_get_the_inverse_temperature(scale, seed):
    """But for the prior, which many samples outweigh."""
    loss, target = TARGETS["multiclass"]
    raw = informed(target, 1.5, seed)
    factors = [best_inverse_temperature(loss, s * raw, target, None, 1e9) for s in (1.0, scale)]
    assert scale * factors[1] == pytest.approx(factors[0], rel=1e-4)


@kinds
def test_a_weight_of_two_is_a_sample_twice(kind):
    loss, target = TARGETS[kind]
    raw, times = informed(target, 2.0), np.arange(N) % 2 + 1
    twice = np.repeat(np.arange(N), times)
    weighted = best_inverse_temperature(loss, raw, target, times * 1.0, times.sum())
    assert weighted == pytest.approx(
        best_inverse_temperature(loss, raw[twice], target[twice], None, len(twice)), rel=1e-9
    )


def test_a_few_correct_samples_give_a_moderate_temperature():
    loss, target = SIGMOID_LOG_LOSS, np.ones((10, 1))
    factor = best_inverse_temperature(loss, np.full((10, 1), 2.0), target, None, 10)
    assert 1.5 < factor < exp(MAX_LOG_TEMPERATURE) / 4


def test_the_temperature_stays_within_its_bounds():
    loss, target = SIGMOID_LOG_LOSS, np.ones((10, 1))
    assert best_inverse_temperature(loss, np.full((10, 1), 1e-9), target, None, 1e30) == exp(MAX_LOG_TEMPERATURE)
    assert best_inverse_temperature(loss, np.full((10, 1), -9.0), target, None, 1e9) == exp(-MAX_LOG_TEMPERATURE)
    with np.errstate(invalid="ignore"):
        assert best_inverse_temperature(loss, np.full((10, 1), np.nan), target, None, 10) == 1.0


def test_raw_outputs_of_zero_stay():
    loss, target = TARGETS["multiclass"]
    assert best_inverse_temperature(loss, np.zeros((N, 3)), target, None, N) == pytest.approx(1.0)


def test_raw_outputs_are_not_kept_until_the_next_collection():
    raw = rng.normal(size=(N, 1))
    kept = ref(raw)
    gc.disable()
    try:
        best_inverse_temperature(SIGMOID_LOG_LOSS, raw, TARGETS["binary"][1], None, 1e9)
        del raw
        assert kept() is None
    finally:
        gc.enable()
