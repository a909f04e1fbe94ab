"""Losses: closed forms, links, starts, names, optima and the temperature. What all promise: test_loss_contract."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn import metrics

from sknet._network import losses
from sknet._network.losses import (
    MAX_LOG_TEMPERATURE,
    MIN_QUANTILE_GAP,
    PRIOR_LOG_DEVIATION,
    best_inverse_temperature,
    inplace_log_softmax,
    inplace_softmax,
    link_differences,
    softmax_link_backward,
    temperature_penalty,
    value_and_gradient,
    weighted_mean,
)
from tests.network.pieces import LEVELS, LOSSES, assert_gradient, numerical_gradient

# --- losses of labels; intervals of targets ---------------------------------------------------------------------------

X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.random.default_rng(1).normal(size=(7, 3))


# --- values: the mean over regression outputs, the sum over labels


@pytest.mark.parametrize("name", ["log_loss, two labels", "log_loss, multilabel"])
def test_log_loss_of_labels_is_their_summed_cross_entropy(name):
    loss, raw, target = LOSSES[name].draw()
    p = 1 / (1 + np.exp(-raw))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(loss.value(raw, target), expected, rtol=1e-12)


def test_log_loss_of_two_labels():
    """Two labels are not two classes: the sum of two log-losses, not one of them, their mean or a softmax's."""
    loss = losses.CLASSIFICATION_LOSSES["log_loss"]([slice(0, 1), slice(1, 2)], False)
    assert loss is losses.SIGMOID_LOG_LOSS
    raw = np.log([[1.0, 3.0], [1.0, 3.0], [1.0, 3.0], [1.0, 3.0]])  # probabilities 1/2 and 3/4
    target = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(np.exp(-loss.value(raw, target)), [1 / 8, 3 / 8, 1 / 8, 3 / 8], rtol=1e-14)
    gradient = [[0.5, 0.75], [0.5, -0.25], [-0.5, 0.75], [-0.5, -0.25]]
    np.testing.assert_allclose(loss.gradient(raw.copy(), target), gradient, rtol=1e-14)
    value, joint = value_and_gradient(loss, raw.copy(), target)
    np.testing.assert_allclose(value, np.log([8, 8 / 3, 8, 8 / 3]), rtol=1e-14)
    np.testing.assert_allclose(joint, gradient, rtol=1e-14)
    np.testing.assert_allclose(loss.inverse_link.predictions(raw), [[0.5, 0.75]] * 4, rtol=1e-14)
    np.testing.assert_allclose(loss.start(target, None), [0, 0], atol=1e-15)
    np.testing.assert_allclose(loss.start(target, np.array([0.0, 1, 0, 3])), np.log([3, 999]), rtol=1e-12)


@pytest.mark.parametrize("name", ["log_loss, softmax", "log_loss, softmax, soft labels"])
def test_log_loss_of_classes_is_their_cross_entropy(name):
    loss, raw, target = LOSSES[name].draw()
    expected = -(target * np.log(loss.inverse_link.predictions(raw))).sum(axis=1)
    np.testing.assert_allclose(loss.value(raw, target), expected, rtol=1e-12)


def test_squared_error_of_sigmoids_is_half_the_squared_distance():
    loss, raw, target = LOSSES["squared_error on sigmoids"].draw()
    np.testing.assert_allclose(
        loss.value(raw, target), 0.5 * ((loss.inverse_link.predictions(raw) - target) ** 2).sum(axis=1)
    )


# --- links


def test_links_have_the_values_of_their_formulas():
    raw = np.array([[-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(losses.SOFTMAX_LOG_LOSS.inverse_link.predictions(raw), [[0, 0, 1]])
    np.testing.assert_allclose(losses.SIGMOID_LOG_LOSS.inverse_link.predictions(raw), [[0, 0.5, 1]])
    np.testing.assert_allclose(losses.POISSON.inverse_link.predictions(X), np.exp(X))
    np.testing.assert_array_equal(losses.SQUARED_ERROR.inverse_link.predictions(X), X)
    np.testing.assert_allclose(losses.SOFTMAX_LOG_LOSS.inverse_link.predictions(X).sum(axis=1), 1)


def test_columns_are_log_losses_side_by_side():
    loss, raw, target = LOSSES["log_loss, two columns"].draw()
    parts = [(losses.SOFTMAX_LOG_LOSS, slice(0, 3)), (losses.SIGMOID_LOG_LOSS, slice(3, 4))]
    np.testing.assert_allclose(loss.value(raw, target), sum(part.value(raw[:, s], target[:, s]) for part, s in parts))
    np.testing.assert_allclose(
        loss.inverse_link.predictions(raw), np.hstack([part.inverse_link.predictions(raw[:, s]) for part, s in parts])
    )
    alike = losses.CLASSIFICATION_LOSSES["log_loss"]([slice(0, 2), slice(2, 5)], True)
    assert (alike.name, alike.inverse_link.name) == ("log_loss", "softmax")


# --- targets


@pytest.mark.parametrize(
    ("interval", "words", "inside", "outside"),
    [
        (losses.Interval(), "any numbers", [-1e300, 0, 1e300], [np.nan]),
        (losses.Interval(0), "0 or more", [0, 1e300], [-1e-300, np.nan]),
        (losses.Interval(0, includes_low=False), "above 0", [1e-300], [0, -1]),
        (losses.Interval(0, 1), "between 0 and 1", [0, 0.5, 1], [-0.1, 1.1, np.nan]),
        (losses.Interval(high=2), "2 or less", [-5, 2], [2.1]),
        (losses.Interval(high=2, includes_high=False), "below 2", [-5], [2, 3]),
        (losses.Interval(0, 1.5, False, False), "above 0 and below 1.5", [1], [0, 1.5]),
        (losses.Interval(0, 1.5, True, False), "0 or more and below 1.5", [0, 1], [-1, 1.5]),
        (losses.Interval(0, 1.5, False, True), "above 0 and 1.5 or less", [1, 1.5], [0, 2]),
    ],
)
def test_intervals_have_a_name_and_contain_what_is_inside(interval, words, inside, outside):
    assert str(interval) == words
    assert interval.contains(np.array([inside])).tolist() == [[True] * len(inside)]
    assert interval.contains(np.array([outside])).tolist() == [[False] * len(outside)]


@pytest.mark.parametrize(
    ("name", "words", "takes_scaled_targets"),
    [
        ("log_loss, binary", "between 0 and 1", False),
        ("log_loss, softmax", "between 0 and 1", False),
        ("squared_error on sigmoids", "between 0 and 1", False),
        ("squared_error", "any numbers", True),
        ("absolute_error", "any numbers", True),
        ("huber", "any numbers", True),
        ("poisson", "0 or more", False),
        ("gamma", "above 0", False),
        ("pinball", "any numbers", True),
        ("quantiles", "any numbers", True),
        ("log_loss, two columns", "between 0 and 1", False),
    ],
)
def test_each_loss_names_its_targets_and_their_scaling(name, words, takes_scaled_targets):
    loss = LOSSES[name].loss
    assert (str(loss.targets), loss.takes_scaled_targets) == (words, takes_scaled_targets)
    assert loss.levels == (LEVELS if name == "quantiles" else ())


def test_a_loss_with_a_link_is_not_scaled_unless_it_says_so():
    loss = losses.Loss("own", X.sum, X.sum)
    assert loss.takes_scaled_targets
    assert not replace(loss, scales_targets=False).takes_scaled_targets
    assert not replace(loss, link=np.exp).takes_scaled_targets
    assert replace(loss, link=np.exp, scales_targets=True).takes_scaled_targets


# --- where training starts


def test_no_label_is_excluded_from_the_start():
    odds = np.log(999)
    labels = np.array([[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(losses.SIGMOID_LOG_LOSS.start(labels, None), [-odds, odds], rtol=1e-12)
    raw = losses.SOFTMAX_LOG_LOSS.start(labels.astype(np.float32), None)
    np.testing.assert_allclose(raw, [-odds / 2, odds / 2], rtol=1e-12)
    assert raw.dtype == np.float64


def test_a_softmax_starts_centred():
    loss, _, target = LOSSES["log_loss, softmax"].draw(50)
    start = loss.start(target, None)
    assert start.sum() == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(loss.inverse_link.predictions(start[np.newaxis])[0], target.mean(axis=0), rtol=1e-12)


def test_columns_start_side_by_side():
    loss, _, target = LOSSES["log_loss, two columns"].draw(50)
    start = loss.start(target, None)
    np.testing.assert_allclose(start[:3], losses.SOFTMAX_LOG_LOSS.start(target[:, :3], None))
    np.testing.assert_allclose(start[3:4], losses.SIGMOID_LOG_LOSS.start(target[:, 3:4], None))


# --- by name


@pytest.mark.parametrize("name", ["log_loss", "squared_error"])
def test_classification_losses_are_made_by_name(name):
    make = losses.CLASSIFICATION_LOSSES[name]
    for slices, exclusive in (([slice(0, 1)], True), ([slice(0, 3)], True), ([slice(0, 1), slice(1, 2)], False)):
        assert make(slices, exclusive).name == name


def test_labels_choose_the_sigmoid_softmax_or_mixed_log_loss():
    make, one, many = losses.CLASSIFICATION_LOSSES["log_loss"], slice(0, 1), slice(1, 4)
    one_hot_rows = np.eye(4)[[1, 2, 3, 1, 2, 3, 1]]
    assert make([one], True) is losses.SIGMOID_LOG_LOSS
    assert make([many], True) is losses.SOFTMAX_LOG_LOSS
    assert make([many], False) is losses.SIGMOID_LOG_LOSS
    both = make([one, many], True)
    assert (both.name, both.inverse_link.name) == ("log_loss", "mixed")
    assert str(both.targets) == "between 0 and 1"
    assert not both.takes_scaled_targets
    raw, target = X[:, [0, 0, 1, 2]], one_hot_rows
    expected = losses.SIGMOID_LOG_LOSS.value(raw[:, one], target[:, one])
    expected += losses.SOFTMAX_LOG_LOSS.value(raw[:, many], target[:, many])
    np.testing.assert_allclose(both.value(raw, target), expected, rtol=1e-14)


def test_one_sigmoid_per_class_has_logarithms_of_the_shares_of_their_sum():
    loss = losses.CLASSIFICATION_LOSSES["squared_error"]([slice(0, 1), slice(1, 3)], True)
    P, raw = loss.inverse_link.predictions(X), X.copy()
    P[:, 1:] /= P[:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(loss.inverse_link.log_predictions(raw)), P, rtol=1e-12)


def test_a_loss_without_a_logarithmic_link_has_no_log_probabilities():
    with pytest.raises(TypeError, match="the link 'identity' has no logarithm"):
        losses.SQUARED_ERROR.inverse_link.log_predictions(np.zeros((2, 1)))


def test_a_loss_is_mirrored_only_if_it_says_so():
    loss = losses.Loss("own", lambda raw, target: raw[:, 0], lambda raw, target: raw, link=lambda raw: None)
    link, raw = loss.inverse_link, np.array([[0.5], [-2.0]])
    assert not link.is_mirrored
    assert link.with_other_class(link.predictions, raw).shape == (2, 1)


def test_functions_of_ones_own_become_a_link():
    """Its name decides what raw outputs are called, and whether a row's probabilities add up to 1."""

    def value(raw, target):
        return raw[:, 0]

    def link(raw):
        raw *= 2.0

    of_another_name, softmax = (
        losses.Loss("own", value, value, link=link, out_activation=name, mirrored=True).inverse_link
        for name in ("twice", "softmax")
    )
    assert (of_another_name.name, of_another_name.raw_output_name) == ("twice", "raw output")
    assert of_another_name.is_mirrored
    assert not of_another_name.is_normalised
    assert not of_another_name.is_identity
    assert softmax.is_normalised
    assert softmax.raw_output_name == losses.SOFTMAX.raw_output_name
    for inverse_link in (of_another_name, softmax):
        np.testing.assert_array_equal(inverse_link.predictions(X), 2.0 * X)
        np.testing.assert_allclose(inverse_link.backward(X, np.ones_like(X)), 2.0, rtol=1e-9)
    without_link = losses.Loss("own", value, value, out_activation="linear").inverse_link
    assert without_link.name == "linear"
    assert without_link.is_identity
    assert without_link.backward(X, raw := X + 1.0) is raw


def test_a_link_is_exp_if_it_computes_exponentials():
    inverse_link = losses.Loss("own", None, None, link=lambda raw: np.exp(raw, out=raw)).inverse_link
    assert inverse_link.is_exp(1)
    assert inverse_link.is_exp(3)
    assert losses.EXP.is_exp(1)
    assert not any(link.is_exp(k) for link in (losses.IDENTITY, losses.SIGMOID, losses.SOFTMAX) for k in (1, 3))


def test_several_columns_are_mirrored_where_one_has_two_classes():
    make, one, other, three, four = losses.CLASSIFICATION_LOSSES["log_loss"], *map(slice, (0, 1, 1, 4), (1, 2, 4, 8))
    assert make([one, three], True).inverse_link.is_mirrored
    assert make([one, other], True).inverse_link.is_mirrored
    assert not make([three, four], True).inverse_link.is_mirrored


# --- losses of numbers: against scikit-learn's metrics, their targets, and the registry -------------------------------


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (losses.SQUARED_ERROR, lambda y, p: metrics.mean_squared_error(y, p) / 2),
        (losses.ABSOLUTE_ERROR, metrics.mean_absolute_error),
        (losses.make_quantile(0.3), lambda y, p: metrics.mean_pinball_loss(y, p, alpha=0.3)),
    ],
    ids=["squared_error", "absolute_error", "pinball"],
)
def test_regression_losses_are_the_metrics(loss, metric):
    assert loss.value(X, Y).mean() == pytest.approx(metric(Y, X), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (losses.POISSON, metrics.mean_poisson_deviance),
        (losses.GAMMA, metrics.mean_gamma_deviance),
    ],
    ids=["poisson", "gamma"],
)
def test_positive_losses_are_half_the_deviance(loss, metric):
    raw, target = X[:, :1], np.exp(Y[:, :1])
    assert loss.value(raw, target).mean() == pytest.approx(metric(target, np.exp(raw)) / 2, rel=1e-12)
    np.testing.assert_allclose(loss.value(np.log(target), target), 0, atol=1e-14)


@pytest.mark.parametrize("power", [1.01, 1.5, 1.99])
def test_tweedie_is_half_the_deviance_of_its_power(power):
    raw, target = X[:, :1], np.where(Y[:, :1] > 0, np.exp(Y[:, :1]), 0.0)
    mean = losses.make_tweedie(power).value(raw, target).mean()
    assert mean == pytest.approx(metrics.mean_tweedie_deviance(target, np.exp(raw), power=power) / 2, rel=1e-12)


def test_poisson_takes_counts_of_zero():
    assert losses.POISSON.value(np.zeros((1, 1)), np.zeros((1, 1))) == 1.0


def test_huber_is_quadratic_inside_and_linear_outside():
    loss = losses.make_huber(0.5)
    error = np.array([[0.2], [-0.5], [2.0], [-3.0]])
    expected = [0.02, 0.125, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25)]
    np.testing.assert_allclose(loss.value(error, np.zeros((4, 1))), expected, rtol=1e-13)
    wide = losses.make_huber(1e6)
    np.testing.assert_allclose(wide.value(X, Y), losses.SQUARED_ERROR.value(X, Y), rtol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_targets_that_are_all_0_have_no_start(name):
    target = np.column_stack([np.ones(4), np.zeros(4)])
    with pytest.raises(
        ValueError,
        match=f"loss='{name}' needs targets that are .*; y has only zeros in .* such as 'squared_error', or hold",
    ):
        LOSSES[name].loss.start(target, None)


def test_regression_losses_are_made_by_name():
    made = {name: make() for name, make in losses.REGRESSION_LOSSES.items()}
    assert made["poisson"] is losses.POISSON
    assert made["squared_error"] is losses.SQUARED_ERROR
    huber = losses.REGRESSION_LOSSES["huber"](huber_delta=0.5)
    assert huber.value(np.array([[3.0]]), np.zeros((1, 1))) == 0.5 * (3 - 0.25)
    assert made["huber"].value(np.array([[3.0]]), np.zeros((1, 1))) == 3 - 0.5


# --- links of several outputs, their logarithms and derivatives -------------------------------------------------------

RAW = np.random.default_rng(0).normal(size=(50, 4)) * np.geomspace(1e-3, 30.0, 50)[:, np.newaxis]


def test_the_logarithms_of_a_softmax_are_those_of_the_link():
    P, log_P = RAW.copy(), RAW.copy()
    inplace_softmax(P)
    inplace_log_softmax(log_P)
    assert_allclose(P.sum(axis=1), 1.0, rtol=1e-15)
    assert_allclose(np.exp(log_P), P, rtol=1e-13)


def test_the_derivative_of_a_softmax_is_that_of_differences():
    delta = np.random.default_rng(1).normal(size=RAW.shape)
    assert_allclose(softmax_link_backward(RAW, delta), link_differences(inplace_softmax, RAW, delta), atol=1e-8)


# --- pinball losses: closed forms, ordered levels, optima and the quantiles that training starts from -----------------


def test_quantiles_are_the_mean_pinball_loss_of_ordered_predictions():
    loss, raw, target = LOSSES["quantiles"].draw()
    prediction = loss.inverse_link.predictions(raw)
    assert (np.diff(prediction, axis=1) > 0).all()
    expected = [metrics.mean_pinball_loss(target, prediction[:, [i]], alpha=q) for i, q in enumerate(LEVELS)]
    assert loss.value(raw, target).mean() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), (0.1, 0.5, 0.9), (0.05, 0.25, 0.5, 0.75, 0.95)])
def test_quantiles_of_any_number_of_levels(levels):
    """The middle level is a raw output, the others lie softplus steps away from it; the gradient is the slope."""
    loss, k = losses.make_quantile(levels), len(levels)
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=(6, k)), rng.normal(size=(6, 1))
    prediction, middle = loss.inverse_link.predictions(raw), k // 2
    np.testing.assert_array_equal(prediction[:, middle], raw[:, middle])
    steps = np.delete(np.log1p(np.exp(raw)), middle, axis=1)
    np.testing.assert_allclose(np.diff(prediction, axis=1), steps, rtol=1e-12)
    slope = numerical_gradient(lambda raw: loss.value(raw, target).sum(), raw, 1e-4)
    assert_gradient(loss.gradient(raw.copy(), target).ravel(), slope, tolerance=1e-9)


@pytest.mark.parametrize("name", ["absolute_error", "pinball", "quantiles"])
def test_the_gradient_is_zero_where_predictions_equal_targets(name):
    loss, raw, _ = LOSSES[name].draw()
    raw = np.abs(raw)
    target = loss.inverse_link.predictions(raw)[:, 1:2] if name == "quantiles" else raw.copy()
    gradient = loss.gradient(raw.copy(), target)
    if name == "quantiles":  # the median is met; what is left is the pull of the two others, which balance
        np.testing.assert_allclose(gradient[:, 0] / expit(raw[:, 0]), 0.1 / 3, rtol=1e-12)
        gradient = gradient[:, 1]
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


@given(st.floats(0.05, 0.95), st.integers(0, 100))
def test_the_pinball_loss_is_least_at_the_quantile(level, seed):
    y = np.random.default_rng(seed).normal(size=(20, 1))
    loss = losses.make_quantile(level)
    candidates = [loss.value(np.full_like(y, c), y).mean() for c in y[:, 0]]
    best = np.quantile(y, level, method="inverted_cdf")
    assert loss.value(np.full_like(y, best), y).mean() == pytest.approx(min(candidates), rel=1e-12)


# --- the target's own quantiles


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), LEVELS])
def test_several_levels_start_at_the_quantiles(levels):
    loss, y = losses.make_quantile(levels), np.random.default_rng(0).normal(size=(50, 1))
    start = loss.start(y, None)
    expected = np.quantile(y, levels, method="inverted_cdf")
    np.testing.assert_allclose(loss.inverse_link.predictions(start[np.newaxis])[0], expected, rtol=1e-9)


def test_neighbouring_levels_start_apart():
    loss = losses.make_quantile(LEVELS)
    start = loss.start(np.ones((5, 1)), np.ones(5))
    np.testing.assert_allclose(
        loss.inverse_link.predictions(start[np.newaxis])[0], [1 - MIN_QUANTILE_GAP, 1, 1 + MIN_QUANTILE_GAP], rtol=1e-12
    )


def test_one_level_starts_at_each_outputs_quantile():
    y = np.random.default_rng(0).normal(size=(50, 3))
    expected = np.quantile(y, 0.2, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(losses.make_quantile(0.2).start(y, None), expected)


# --- what `quantile` may be


@pytest.mark.parametrize("level", [0.3, np.float32(0.25), 1 / 3])
def test_a_number_is_one_level_for_every_output(level):
    loss, y = losses.make_quantile(level), np.random.default_rng(0).normal(size=(9, 2))
    assert loss.levels == ()
    np.testing.assert_array_equal(loss.value(np.zeros((9, 2)), y), losses.make_quantile(float(level)).value(0 * y, y))


@pytest.mark.parametrize("levels", [[0.5], (0.1, 0.9), np.array([0.1, 0.5, 0.9])])
def test_a_sequence_holds_quantile_levels_of_one_target(levels):
    loss = losses.make_quantile(levels)
    raw, y = np.random.default_rng(0).normal(size=(9, len(levels))), np.zeros((9, 1))
    np.testing.assert_array_equal(loss.value(raw, y), losses.make_quantile(tuple(levels)).value(raw, y))
    assert loss.levels == tuple(levels)
    assert all(type(level) is float for level in loss.levels)


@pytest.mark.parametrize(
    "levels", [[], [0.5, 0.1], [0.1, 0.1], [0.0, 0.5], [0.5, 1.0], ["0.1", 0.5], [0.1, np.nan], [np.nan], [None]]
)
def test_quantile_levels_that_do_not_increase_or_lie_outside_0_and_1_are_refused(levels):
    with pytest.raises(ValueError, match=r"quantile=.*: levels must increase and lie strictly between 0 and 1"):
        losses.REGRESSION_LOSSES["quantile"](quantile=levels)


# --- the temperature: the least of a function of one variable, whatever the loss --------------------------------------

rng = np.random.default_rng(0)
N = 40
LABELS = rng.integers(3, size=N)
TARGETS = {
    "binary": (losses.SIGMOID_LOG_LOSS, (LABELS[:, None] > 0) * 1.0),
    "multiclass": (losses.SOFTMAX_LOG_LOSS, np.eye(3)[LABELS]),
    "multilabel": (losses.SIGMOID_LOG_LOSS, rng.integers(2, size=(N, 4)) * 1.0),
    "two outputs": (
        losses.CLASSIFICATION_LOSSES["log_loss"]([slice(0, 3), slice(3, 4)], True),
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
    loss, target = losses.SIGMOID_LOG_LOSS, np.ones((10, 1))
    factor = best_inverse_temperature(loss, np.full((10, 1), 2.0), target, None, 10)
    assert 1.5 < factor < exp(MAX_LOG_TEMPERATURE) / 4


def test_the_temperature_stays_within_its_bounds():
    loss, target = losses.SIGMOID_LOG_LOSS, np.ones((10, 1))
    assert best_inverse_temperature(loss, np.full((10, 1), 1e-9), target, None, 1e30) == exp(MAX_LOG_TEMPERATURE)
    assert best_inverse_temperature(loss, np.full((10, 1), -9.0), target, None, 1e9) == exp(-MAX_LOG_TEMPERATURE)
    with np.errstate(invalid="ignore"):
        assert best_inverse_temperature(loss, np.full((10, 1), np.nan), target, None, 10) == 1.0


def test_raw_outputs_of_zero_stay():
    loss, target = TARGETS["multiclass"]
    assert best_inverse_temperature(loss, np.zeros((N, 3)), target, None, N) == pytest.approx(1.0)


def test_the_mean_is_weighted():
    values = np.array([1.0, 2.0, 6.0])
    assert weighted_mean(values, None) == 3.0
    assert weighted_mean(values, np.array([2.0, 1.0, 1.0])) == 2.5
