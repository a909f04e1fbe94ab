"""The mixing weights of networks without bins and with bins, as held-out rows choose them."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet._model.evaluation import HeldOutLoss, Mixture, mix_outputs
from sknet._model.heads import learn_label_head, learn_regression_head
from sknet._model.settings import TargetSettings

rng = np.random.default_rng(0)
M = 200
LABEL = rng.integers(2, size=M)
LOGIT = 2.0 * (LABEL[:, np.newaxis] - 0.5) + rng.normal(size=(M, 1))


@pytest.mark.parametrize(
    ("sees_bins", "equal", "of_each"),
    [((False, True), 0.5, (0.8, 0.2)), ((False, True, False), 2 / 3, (0.4, 0.2, 0.4)), ((True, True), 1.0, (0.4, 0.4))],
)
def test_networks_of_a_kind_have_equal_parts_of_its_share(sees_bins, equal, of_each):
    mixture = Mixture(sees_bins)
    assert mixture.equal_weight == pytest.approx(equal)
    assert mixture.weight_of_each_network(0.8) == pytest.approx(of_each)


def test_each_kind_has_the_mean_of_its_networks():
    raw_by_component = Mixture([False, True, False]).mean_raw_by_component(lambda j: np.full((2, 1), float(j)))
    assert_array_equal(raw_by_component, [[[1.0], [1.0]], [[1.0], [1.0]]])
    assert_allclose(mix_outputs([np.zeros((2, 1)), np.ones((2, 1))], 0.3), 0.7)
    alone = np.zeros((2, 1))
    assert mix_outputs([alone], 1.0) is not alone


def rows_of(head, target, total_weight):
    encoding = SimpleNamespace(head=head)
    return SimpleNamespace(encoding=encoding, target=target, relative_weight=None, total_weight=total_weight)


def loss_of_labels(has_temperature):
    head, values = learn_label_head(LABEL, TargetSettings("log_loss"))
    target = head.targets(values, np.dtype(float))
    return HeldOutLoss(rows_of(head, target, float(M)), has_temperature)


def test_outputs_are_evaluated_at_their_best_temperature():
    held_out, sharp = loss_of_labels(True), 8.0 * LOGIT
    factor, loss, criterion = held_out.calibrate_in_place(sharp)
    assert 0.0 < factor < 1.0 and loss < criterion
    assert_allclose(sharp, 8.0 * factor * LOGIT)
    assert loss_of_labels(False).calibrate_in_place(sharp.copy()) == pytest.approx((1.0, loss, loss), rel=1e-6)


def test_what_knows_the_labels_has_the_whole_share_and_noise_none():
    noise = [rng.normal(size=(M, 1)) for _ in range(2)]
    assert loss_of_labels(True).choose_mixing_weight([5.0 * LOGIT, 5.0 * noise[0]], 0.5) > 0.8
    assert loss_of_labels(True).choose_mixing_weight([5.0 * noise[0], 5.0 * LOGIT], 0.5) < 0.2
    assert loss_of_labels(True).choose_mixing_weight([LOGIT], 1.0) == 1.0


@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_the_share_does_not_depend_on_the_unit_of_a_target(factor):
    """The prior is measured against the noise, in whatever unit."""
    y = rng.normal(size=30)
    head, values = learn_regression_head(factor * y, TargetSettings("squared_error"))
    target = head.targets(values, np.dtype(float))
    held_out = HeldOutLoss(rows_of(head, target, 4.0), False)
    errors = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 2)))[0] * [1.0, 2.0] * np.sqrt(30.0)
    share = held_out.choose_mixing_weight([target + factor * errors[:, :1], target + factor * errors[:, 1:]], 0.5)
    assert 0.5 < share < 0.8  # which would be best but for the prior, that so few rows hardly move


def test_equal_outputs_keep_equal_shares():
    assert loss_of_labels(True).choose_mixing_weight([LOGIT, LOGIT.copy()], 0.5) == pytest.approx(0.5)
