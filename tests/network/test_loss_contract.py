"""What every loss promises, those of losses_by_target.py too: a loss of `LOSSES` of `pieces` is tested here."""

import pickle

import numpy as np
import pytest

from sknet._network.check import check_gradient, check_loss_results
from sknet._network.losses import mean_loss, value_and_gradient, weighted_mean
from sknet._network.losses_by_target import loss_of_present_targets
from sknet._network.losses_of_labels import CLASSIFICATION_LOSSES
from sknet._network.losses_of_numbers import REGRESSION_LOSSES
from tests.network.pieces import FLOATS, LOSSES, assert_gradient, extremes, numerical_gradient

every_loss = pytest.mark.parametrize("case", LOSSES.values(), ids=LOSSES)
WITH_START = {name: case for name, case in LOSSES.items() if case.loss.start is not None}
every_start = pytest.mark.parametrize("case", WITH_START.values(), ids=WITH_START)
APART = {name: case for name, case in LOSSES.items() if case.share is not None and case.n_outputs > 1}
in_both_types = pytest.mark.parametrize("dtype", FLOATS)


def test_the_table_is_complete():
    assert {case.loss.name for case in LOSSES.values()} == {*CLASSIFICATION_LOSSES, *REGRESSION_LOSSES}
    assert all(make().name == name for name, make in REGRESSION_LOSSES.items())


# --- value and gradient ----------------------------------------------------------------------------------------------


@every_loss
def test_the_gradient_is_the_slope_of_the_value(case):
    loss, raw, target = case.draw(9, seed=1)
    expected = numerical_gradient(lambda raw: loss.value(raw, target).sum(), raw, 1e-4)
    assert_gradient(loss.gradient(raw.copy(), target).ravel(), expected, tolerance=1e-9)


@every_loss
def test_value_and_gradient_at_once_are_both_and_only_raw_may_be_overwritten(case):
    loss, raw, target = case.draw()
    before, wanted = raw.copy(), target.copy()
    value = loss.value(raw, target)
    assert value.shape == (7,)
    np.testing.assert_array_equal(raw, before)
    joint, gradient = value_and_gradient(loss, raw.copy(), target)
    np.testing.assert_allclose(joint, value, rtol=1e-14)
    np.testing.assert_allclose(gradient, loss.gradient(raw, target), rtol=1e-14)
    np.testing.assert_array_equal(target, wanted)


@every_loss
def test_samples_are_independent_and_their_mean_is_weighted(case):
    loss, raw, target = case.draw()
    whole = loss.value(raw, target)
    np.testing.assert_allclose([loss.value(raw[[i]], target[[i]])[0] for i in range(7)], whole, rtol=1e-13)
    weight = np.arange(7.0)
    assert mean_loss(loss, raw, target, weight) == pytest.approx(weighted_mean(whole, weight)) == (whole @ weight) / 21


@every_loss
def test_single_precision_stays_so(case):
    loss, raw, target = case.draw()
    whole, (raw, target) = loss.value(raw, target), (raw.astype(np.float32), target.astype(np.float32))
    value, gradient = value_and_gradient(loss, raw.copy(), target)
    assert value.dtype == gradient.dtype == loss.inverse_link.predictions(raw).dtype == np.float32
    np.testing.assert_allclose(value, whole, rtol=1e-4)


@pytest.mark.parametrize("case", APART.values(), ids=APART)
def test_a_missing_target_has_no_part_in_the_loss_of_several(case):
    loss, raw, target = case.draw(20)
    each = [slice(j, j + 1) for j in range(case.n_outputs)]
    tolerant = loss_of_present_targets(loss, tuple((loss, s) for s in each), case.share)
    np.testing.assert_array_equal(tolerant.value(raw, target), loss.value(raw, target))
    target[np.arange(20) % 3 == 0, 0] = target[np.arange(20) % 3 == 1, -1] = np.nan
    present = ~np.isnan(target)
    value, gradient = value_and_gradient(tolerant, raw.copy(), target)
    parts = [value_and_gradient(loss, raw[:, s].copy(), np.nan_to_num(target[:, s], nan=1.0)) for s in each]
    np.testing.assert_allclose(value, case.share * sum(part[0] * present[:, j] for j, part in enumerate(parts)))
    np.testing.assert_allclose(gradient, case.share * np.hstack([part[1] for part in parts]) * present)
    np.testing.assert_allclose(tolerant.value(raw, target), value, rtol=1e-14)
    np.testing.assert_allclose(tolerant.gradient(raw.copy(), target), gradient, rtol=1e-14)
    if loss.start is not None:
        starts = [loss.start(target[present[:, j]][:, s], None)[0] for j, s in enumerate(each)]
        np.testing.assert_allclose(tolerant.start(target, None), starts)


# --- link and targets ------------------------------------------------------------------------------------------------


@every_loss
def test_the_backward_pass_of_a_link_multiplies_by_its_slope(case):
    raw, delta = np.random.default_rng(2).normal(size=(2, 9, case.n_outputs))
    expected = numerical_gradient(lambda raw: (delta * case.loss.inverse_link.predictions(raw)).sum(), raw, 1e-4)
    assert_gradient(case.loss.inverse_link.backward(raw.copy(), delta).ravel(), expected, tolerance=1e-9)


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].loss.inverse_link.log is not None])
def test_logarithms_of_probabilities_are_those_of_the_link(name):
    loss, raw, _ = LOSSES[name].draw()
    link = loss.inverse_link
    np.testing.assert_allclose(np.exp(link.log_predictions(raw)), link.predictions(raw), rtol=1e-12)
    both = link.with_other_class(link.predictions, raw)
    np.testing.assert_allclose(np.exp(link.with_other_class(link.log_predictions, raw)), both, rtol=1e-12)
    if link.name == "logistic":  # the other class comes first
        np.testing.assert_allclose(both[:, : raw.shape[1]], 1.0 - link.predictions(raw), rtol=1e-12)


@every_loss
def test_targets_that_suit_are_inside_its_interval(case):
    loss, _, target = case.draw()
    assert loss.targets.contains(target).all()


# --- where training starts -------------------------------------------------------------------------------------------


@every_start
@pytest.mark.parametrize("weighted", [False, True])
def test_training_starts_at_the_best_constant(case, weighted):
    """No constant raw output nearby has a lower mean loss."""
    loss, _, target = case.draw(200, seed=3)
    weight = np.random.default_rng(4).uniform(0.5, 1.5, 200) if weighted else None

    def loss_of_constant(raw):
        return mean_loss(loss, np.tile(raw, (200, 1)), target, weight)

    start = loss.start(target, weight)
    assert start.shape == (case.n_outputs,)
    assert start.dtype == np.float64
    for step in 0.02 * np.vstack([np.eye(case.n_outputs), -np.eye(case.n_outputs)]):
        # quantiles: a whole interval may be best
        assert loss_of_constant(start) <= loss_of_constant(start + step) + 1e-14


@every_start
def test_a_weight_counts_as_repetitions_at_the_start(case):
    loss, _, target = case.draw(20, seed=4)
    repeats = np.random.default_rng(5).integers(0, 4, 20)
    repeated = loss.start(np.repeat(target, repeats, axis=0), None)
    np.testing.assert_allclose(loss.start(target, repeats / 2), repeated, rtol=1e-12, atol=1e-14)


# --- a value of the package ------------------------------------------------------------------------------------------


@every_loss
def test_named_losses_pass_the_checks_of_custom_ones(case):
    loss, _, target = case.draw(30, seed=0)
    assert check_gradient(loss, target) < 1e-9
    for dtype in FLOATS:
        check_loss_results("loss", loss, target[:5].astype(dtype))


@every_loss
def test_a_loss_can_be_pickled(case):
    loss, raw, target = case.draw()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(loss)).value(raw, target), loss.value(raw, target))


# --- extremes --------------------------------------------------------------------------------------------------------


@in_both_types
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
@pytest.mark.parametrize("k", [1, 3])
def test_losses_of_labels_at_extremes_are_numbers(name, k, dtype):
    loss, values = CLASSIFICATION_LOSSES[name]([slice(0, k)], True), extremes(dtype)
    raw = np.stack([np.roll(values, shift) for shift in range(k)], axis=1)
    for j in range(k):
        for share in (0.0, 0.5, 1.0):
            target = np.zeros_like(raw)
            target[:, j] = share if k == 1 else 1.0
            value, gradient, predictions = (
                loss.value(raw, target), loss.gradient(raw.copy(), target), loss.inverse_link.predictions(raw)
            )  # fmt: skip
            assert (value >= 0.0).all(), "neither NaN nor negative; infinite where no float is as large"
            assert (np.abs(gradient) <= 1.0).all()
            assert ((predictions >= 0.0) & (predictions <= 1.0)).all()
            assert {value.dtype, gradient.dtype, predictions.dtype} == {np.dtype(dtype)}


@in_both_types
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
@pytest.mark.parametrize("slices", [[slice(0, 1)], [slice(0, 3)], [slice(0, 1), slice(1, 3)]])
def test_logarithms_of_probabilities_at_extremes_are_finite(slices, name, dtype):
    values, k = extremes(dtype), slices[-1].stop
    raw = np.stack([np.roll(values, shift) for shift in range(k)], axis=1)
    link = CLASSIFICATION_LOSSES[name](slices, True).inverse_link
    log_P = link.with_other_class(link.log_predictions, raw)
    assert np.isfinite(log_P).all()
    assert (log_P <= 0.0).all()
    assert log_P.dtype == dtype


@in_both_types
@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_losses_of_numbers_at_extremes_are_numbers(name, dtype):
    loss, values = REGRESSION_LOSSES[name](), extremes(dtype)
    targets = values[loss.targets.contains(values)]
    raw, target = (grid.reshape(-1, 1) for grid in np.meshgrid(values, targets))
    value, gradient, predictions = (
        loss.value(raw, target),
        loss.gradient(raw.copy(), target),
        loss.inverse_link.predictions(raw),
    )
    assert not np.isnan(value).any()
    assert (value >= -1e-4 * np.abs(target[:, 0]) - 1e-4).all()
    assert not np.isnan(gradient).any()
    assert not np.isnan(predictions).any()
