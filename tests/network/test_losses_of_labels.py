"""Losses of labels: closed forms, starts, and columns side by side."""

import numpy as np
import pytest

from sknet._network.losses import value_and_gradient
from sknet._network.losses_of_labels import CLASSIFICATION_LOSSES, SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS
from tests.network.pieces import LOSSES

X = np.random.default_rng(0).normal(size=(7, 3))


@pytest.mark.parametrize("name", ["log_loss, two labels", "log_loss, multilabel"])
def test_log_loss_of_labels_is_their_summed_cross_entropy(name):
    loss, raw, target = LOSSES[name].draw()
    p = 1 / (1 + np.exp(-raw))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(loss.value(raw, target), expected, rtol=1e-12)


def test_log_loss_of_two_labels():
    """Two labels are not two classes: the sum of two log-losses, not one of them, their mean or a softmax's."""
    loss = CLASSIFICATION_LOSSES["log_loss"]([slice(0, 1), slice(1, 2)], False)
    assert loss is SIGMOID_LOG_LOSS
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


def test_columns_are_log_losses_side_by_side():
    loss, raw, target = LOSSES["log_loss, two columns"].draw()
    parts = [(SOFTMAX_LOG_LOSS, slice(0, 3)), (SIGMOID_LOG_LOSS, slice(3, 4))]
    np.testing.assert_allclose(loss.value(raw, target), sum(part.value(raw[:, s], target[:, s]) for part, s in parts))
    np.testing.assert_allclose(
        loss.inverse_link.predictions(raw), np.hstack([part.inverse_link.predictions(raw[:, s]) for part, s in parts])
    )
    alike = CLASSIFICATION_LOSSES["log_loss"]([slice(0, 2), slice(2, 5)], True)
    assert (alike.name, alike.inverse_link.name) == ("log_loss", "softmax")


def test_no_label_is_excluded_from_the_start():
    odds = np.log(999)
    labels = np.array([[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(SIGMOID_LOG_LOSS.start(labels, None), [-odds, odds], rtol=1e-12)
    raw = SOFTMAX_LOG_LOSS.start(labels.astype(np.float32), None)
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
    np.testing.assert_allclose(start[:3], SOFTMAX_LOG_LOSS.start(target[:, :3], None))
    np.testing.assert_allclose(start[3:4], SIGMOID_LOG_LOSS.start(target[:, 3:4], None))


@pytest.mark.parametrize("name", ["log_loss", "squared_error"])
def test_classification_losses_are_made_by_name(name):
    make = CLASSIFICATION_LOSSES[name]
    for slices, exclusive in (([slice(0, 1)], True), ([slice(0, 3)], True), ([slice(0, 1), slice(1, 2)], False)):
        assert make(slices, exclusive).name == name


def test_labels_choose_the_sigmoid_softmax_or_mixed_log_loss():
    make, one, many = CLASSIFICATION_LOSSES["log_loss"], slice(0, 1), slice(1, 4)
    one_hot_rows = np.eye(4)[[1, 2, 3, 1, 2, 3, 1]]
    assert make([one], True) is SIGMOID_LOG_LOSS
    assert make([many], True) is SOFTMAX_LOG_LOSS
    assert make([many], False) is SIGMOID_LOG_LOSS
    both = make([one, many], True)
    assert (both.name, both.inverse_link.name) == ("log_loss", "mixed")
    assert str(both.targets) == "between 0 and 1"
    assert not both.takes_scaled_targets
    raw, target = X[:, [0, 0, 1, 2]], one_hot_rows
    expected = SIGMOID_LOG_LOSS.value(raw[:, one], target[:, one])
    expected += SOFTMAX_LOG_LOSS.value(raw[:, many], target[:, many])
    np.testing.assert_allclose(both.value(raw, target), expected, rtol=1e-14)


def test_one_sigmoid_per_class_has_logarithms_of_the_shares_of_their_sum():
    loss = CLASSIFICATION_LOSSES["squared_error"]([slice(0, 1), slice(1, 3)], True)
    P, raw = loss.inverse_link.predictions(X), X.copy()
    P[:, 1:] /= P[:, 1:].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(loss.inverse_link.log_predictions(raw)), P, rtol=1e-12)


def test_several_columns_are_mirrored_where_one_has_two_classes():
    make, one, other, three, four = CLASSIFICATION_LOSSES["log_loss"], *map(slice, (0, 1, 1, 4), (1, 2, 4, 8))
    assert make([one, three], True).inverse_link.is_mirrored
    assert make([one, other], True).inverse_link.is_mirrored
    assert not make([three, four], True).inverse_link.is_mirrored
