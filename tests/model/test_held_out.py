"""Held-out rows choose the mixing weights of networks without and with bins."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Loss
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.held_out import HeldOutEvaluator, mix_outputs
from sknet._model.settings import TargetSettings
from tests.network.pieces import temperature_penalty

rng = np.random.default_rng(0)
M = 200
LABEL = rng.integers(2, size=M)
LOGIT = 2.0 * (LABEL[:, np.newaxis] - 0.5) + rng.normal(size=(M, 1))


@pytest.mark.parametrize(
    ("sees_bins", "equal", "of_each"),
    [((False, True), 0.5, (0.8, 0.2)), ((False, True, False), 2 / 3, (0.4, 0.2, 0.4)), ((True, True), 1.0, (0.4, 0.4))],
)
def test_networks_without_bins_share_their_mixing_weight_equally(sees_bins, equal, of_each):
    held_out_evaluator = loss_of(None, sees_bins=sees_bins)
    assert held_out_evaluator.weights_of_networks(equal) == pytest.approx([1.0 / len(sees_bins)] * len(sees_bins))
    assert held_out_evaluator.weights_of_networks(0.8) == pytest.approx(of_each)


def test_raw_outputs_by_bins_are_means_over_networks():
    held_out_evaluator = loss_of(None, sees_bins=(False, True, False))
    raw_by_bins = held_out_evaluator.raw_by_bins(lambda j: np.full((2, 1), float(j)))
    assert_array_equal(raw_by_bins, [[[1.0], [1.0]], [[1.0], [1.0]]])
    assert_allclose(mix_outputs(np.array([[[0.0]], [[1.0]]]), 0.3), 0.7)
    alone = np.zeros((1, 2, 1))
    assert not np.shares_memory(mix_outputs(alone, 1.0), alone)


def loss_of(rows, *, has_temperature=False, sees_bins=(False, True)):
    """The loss of these rows, for networks with or without bins."""
    return HeldOutEvaluator(rows, SimpleNamespace(temperature_scaling=has_temperature, members_see_bins=sees_bins))


def rows_of(head, target, total_weight):
    encoding = SimpleNamespace(head=head)
    return SimpleNamespace(encoding=encoding, target=target, relative_weight=None, total_weight=total_weight)


def loss_of_labels(has_temperature, **settings):
    head, values = LabelHead.learn_and_read(LABEL, TargetSettings("log_loss"))
    target = head.targets(values, np.dtype(float))
    return loss_of(rows_of(head, target, float(M)), has_temperature=has_temperature, **settings)


def test_outputs_are_evaluated_at_their_best_temperature():
    held_out_evaluator, sharp = loss_of_labels(True), 8.0 * LOGIT
    mixture = held_out_evaluator.mix(sharp[np.newaxis])
    assert mixture.temperature > 1.0
    assert mixture.criterion == pytest.approx(mixture.loss + temperature_penalty(mixture.temperature, M), rel=1e-12)
    assert_allclose(mixture.raw, sharp / mixture.temperature)
    without = loss_of_labels(False).mix(mixture.raw[np.newaxis])
    assert without.temperature == 1.0
    assert without.loss == without.criterion == pytest.approx(mixture.loss, rel=1e-6)


def test_networks_that_predict_the_labels_get_most_of_the_weight():
    rng = np.random.default_rng(1)
    noise = [rng.normal(size=(M, 1)) for _ in range(2)]
    held_out_evaluator = loss_of_labels(True)
    assert held_out_evaluator.choose_mixture(np.array([5.0 * LOGIT, 5.0 * noise[0]])).mixing_weight > 0.75
    assert held_out_evaluator.choose_mixture(np.array([5.0 * noise[0], 5.0 * LOGIT])).mixing_weight < 0.25
    alone = loss_of_labels(True, sees_bins=(True, True)).choose_mixture(8.0 * LOGIT[np.newaxis])
    assert alone.mixing_weight == 1.0
    assert_allclose(alone.raw, 8.0 * LOGIT / alone.temperature)


@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_the_mixing_weight_does_not_depend_on_the_unit_of_the_target(factor):
    """The prior is relative to the noise."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=30)
    head, values = RegressionHead.learn_and_read(factor * y, TargetSettings("squared_error"))
    target = head.targets(values, np.dtype(float))
    held_out_evaluator = loss_of(rows_of(head, target, 4.0))
    errors = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 2)))[0] * [1.0, 2.0] * np.sqrt(30.0)
    outputs = np.array([target + factor * errors[:, :1], target + factor * errors[:, 1:]])
    # 0.8 would be best but for the prior, which so few rows hardly move
    assert 0.5 < held_out_evaluator.choose_mixture(outputs).mixing_weight < 0.8


def test_equal_outputs_keep_equal_weights():
    assert loss_of_labels(True).choose_mixture(np.array([LOGIT, LOGIT])).mixing_weight == pytest.approx(0.5)


def test_a_mixing_weight_whose_loss_is_nan_is_not_chosen():
    loss = Loss("mine", lambda raw, target: np.where(raw == 0.0, np.nan, raw**2)[:, 0], None)
    head = SimpleNamespace(loss=loss, has_noise_scale=False, center_of_temperature=0.0)
    held_out_evaluator = loss_of(rows_of(head, np.zeros((M, 1)), float(M)))
    assert held_out_evaluator.choose_mixture(np.array([np.zeros((M, 1)), np.ones((M, 1))])).mixing_weight == 0.9


@pytest.mark.parametrize("total_weight", [1.8, 3.8])
def test_the_prior_on_the_mixing_weight_has_a_deviation_of_a_quarter(total_weight):
    """With a fifth, few rows would give the better network 0.6; with three tenths, more rows would give it 0.8."""
    y = np.repeat([-1.0, 1.0], 10)
    head, values = RegressionHead.learn_and_read(y, TargetSettings("squared_error"))
    target = head.targets(values, np.dtype(float))
    error = np.tile([-1.0, 1.0], 10)[:, np.newaxis]
    held_out_evaluator = loss_of(rows_of(head, target, total_weight))
    assert held_out_evaluator.choose_mixture(np.array([target, target + error])).mixing_weight == pytest.approx(0.7)
