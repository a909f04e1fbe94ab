"""Losses of labels: closed forms, links, starts, names; intervals of targets. What all promise: test_loss_contract."""

from dataclasses import replace

import numpy as np
import pytest
from pieces import LEVELS, LOSSES

from sknet._network import losses
from sknet._network import losses as regression_losses

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
    value, joint = loss.value_and_gradient(raw.copy(), target)
    np.testing.assert_allclose(value, np.log([8, 8 / 3, 8, 8 / 3]), rtol=1e-14)
    np.testing.assert_allclose(joint, gradient, rtol=1e-14)
    np.testing.assert_allclose(loss.predictions(raw), [[0.5, 0.75]] * 4, rtol=1e-14)
    np.testing.assert_allclose(loss.start(target, None), [0, 0], atol=1e-15)
    np.testing.assert_allclose(loss.start(target, np.array([0.0, 1, 0, 3])), np.log([3, 999]), rtol=1e-12)


@pytest.mark.parametrize("name", ["log_loss, softmax", "log_loss, softmax, soft labels"])
def test_log_loss_of_classes_is_their_cross_entropy(name):
    loss, raw, target = LOSSES[name].draw()
    expected = -(target * np.log(loss.predictions(raw))).sum(axis=1)
    np.testing.assert_allclose(loss.value(raw, target), expected, rtol=1e-12)


def test_squared_error_of_sigmoids_is_half_the_squared_distance():
    loss, raw, target = LOSSES["squared_error on sigmoids"].draw()
    np.testing.assert_allclose(loss.value(raw, target), 0.5 * ((loss.predictions(raw) - target) ** 2).sum(axis=1))


# --- links


def test_links():
    raw = np.array([[-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(losses.SOFTMAX_LOG_LOSS.predictions(raw), [[0, 0, 1]])
    np.testing.assert_allclose(losses.SIGMOID_LOG_LOSS.predictions(raw), [[0, 0.5, 1]])
    np.testing.assert_allclose(regression_losses.POISSON.predictions(X), np.exp(X))
    np.testing.assert_array_equal(regression_losses.SQUARED_ERROR.predictions(X), X)
    np.testing.assert_allclose(losses.SOFTMAX_LOG_LOSS.predictions(X).sum(axis=1), 1)


def test_blocks_are_losses_side_by_side():
    loss, raw, target = LOSSES["side by side"].draw()
    parts = [(losses.SOFTMAX_LOG_LOSS, slice(0, 3)), (losses.SIGMOID_LOG_LOSS, slice(3, 4))]
    parts += [(regression_losses.SQUARED_ERROR, slice(4, 6))]
    np.testing.assert_allclose(loss.value(raw, target), sum(part.value(raw[:, s], target[:, s]) for part, s in parts))
    np.testing.assert_allclose(loss.predictions(raw), np.hstack([part.predictions(raw[:, s]) for part, s in parts]))
    alike = losses.sum_of_losses([losses.SOFTMAX_LOG_LOSS] * 2, [slice(0, 2), slice(2, 5)])
    assert (alike.name, alike.out_activation) == ("log_loss", "softmax")


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
def test_intervals(interval, words, inside, outside):
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
        ("side by side", "any numbers", False),
    ],
)
def test_which_targets_and_whether_they_may_be_scaled(name, words, takes_scaled_targets):
    loss = LOSSES[name].loss
    assert (str(loss.targets), loss.takes_scaled_targets) == (words, takes_scaled_targets)
    assert loss.levels == (LEVELS if name == "quantiles" else ())


def test_a_loss_with_a_link_is_not_scaled_unless_it_says_so():
    own = losses.Loss("own", X.sum, X.sum)
    assert own.takes_scaled_targets and not replace(own, scales_targets=False).takes_scaled_targets
    assert (
        not replace(own, link=np.exp).takes_scaled_targets
        and replace(own, link=np.exp, scales_targets=True).takes_scaled_targets
    )


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
    np.testing.assert_allclose(loss.predictions(start[np.newaxis])[0], target.mean(axis=0), rtol=1e-12)


def test_blocks_start_side_by_side():
    loss, _, target = LOSSES["side by side"].draw(50)
    start = loss.start(target, None)
    np.testing.assert_allclose(start[:3], losses.SOFTMAX_LOG_LOSS.start(target[:, :3], None))
    np.testing.assert_allclose(start[3:4], losses.SIGMOID_LOG_LOSS.start(target[:, 3:4], None))
    assert start[4:].tolist() == [0, 0]  # the squared error says nothing


# --- by name


@pytest.mark.parametrize("name", ["log_loss", "squared_error"])
def test_classification_losses_by_name(name):
    make = losses.CLASSIFICATION_LOSSES[name]
    for slices, exclusive in (([slice(0, 1)], True), ([slice(0, 3)], True), ([slice(0, 1), slice(1, 2)], False)):
        assert make(slices, exclusive).name == name


def test_which_log_loss():
    make, one, many = losses.CLASSIFICATION_LOSSES["log_loss"], slice(0, 1), slice(1, 4)
    one_hot_rows = np.eye(4)[[1, 2, 3, 1, 2, 3, 1]]
    assert make([one], True) is losses.SIGMOID_LOG_LOSS
    assert make([many], True) is losses.SOFTMAX_LOG_LOSS
    assert make([many], False) is losses.SIGMOID_LOG_LOSS
    both = make([one, many], True)
    assert (both.name, both.out_activation) == ("log_loss", "mixed")
    assert str(both.targets) == "between 0 and 1" and not both.takes_scaled_targets
    raw, target = X[:, [0, 0, 1, 2]], one_hot_rows
    expected = losses.SIGMOID_LOG_LOSS.value(raw[:, one], target[:, one])
    expected += losses.SOFTMAX_LOG_LOSS.value(raw[:, many], target[:, many])
    np.testing.assert_allclose(both.value(raw, target), expected, rtol=1e-14)


def test_one_sigmoid_per_class_has_logarithms_of_the_shares_of_their_sum():
    loss = losses.CLASSIFICATION_LOSSES["squared_error"]([slice(0, 1), slice(1, 3)], True)
    P, raw = loss.predictions(X), X.copy()
    P[:, 1:] /= P[:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(loss.log_predictions(raw)), P, rtol=1e-12)


def test_a_loss_without_a_logarithmic_link_has_no_log_probabilities():
    with pytest.raises(TypeError, match="the loss 'squared_error' has no log_link"):
        regression_losses.SQUARED_ERROR.log_predictions(np.zeros((2, 1)))


def test_a_loss_is_mirrored_only_if_it_says_so():
    own = losses.Loss("own", lambda raw, target: raw[:, 0], lambda raw, target: raw, link=lambda raw: None)
    raw = np.array([[0.5], [-2.0]])
    assert not own.mirrored and own.both_predictions(raw).shape == (2, 1)


def test_several_losses_are_mirrored_where_all_that_have_one_output_are():
    sigmoid, softmax, own = losses.SIGMOID_LOG_LOSS, losses.SOFTMAX_LOG_LOSS, regression_losses.SQUARED_ERROR
    one, other, three = slice(0, 1), slice(1, 2), slice(1, 4)
    assert losses.sum_of_losses([sigmoid, softmax], [one, three]).mirrored
    assert losses.sum_of_losses([sigmoid, sigmoid], [one, other]).mirrored
    assert not losses.sum_of_losses([softmax], [three]).mirrored
    assert not losses.sum_of_losses([sigmoid, own], [one, other]).mirrored
