"""Heads: probabilities, class weights, first biases, scales and strata. See also test_head_contract.py."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Interval, Loss
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.settings import TargetSettings
from tests.network.pieces import LOSSES

rng = np.random.default_rng(0)
N = 30
CODES = np.arange(N) % 3
LABELS = {
    "binary": np.array(["no", "yes"])[CODES % 2],
    "multiclass": np.array(["a", "b", "c"])[CODES],
    "multilabel": rng.integers(0, 2, (N, 4)),
    "multioutput": np.column_stack([CODES, CODES % 2 + 5]),
}
of_every_kind = pytest.mark.parametrize("kind", LABELS)
NUMBER = 100.0 + 7.0 * rng.normal(size=N)
WEIGHT = 1.0 + np.arange(N) % 4
LOG_LOSS = TargetSettings("log_loss")


def number_head(loss="squared_error", scaling="standard", y=NUMBER, **options):
    head, values = RegressionHead.learn_and_read(y, TargetSettings(loss, options, target_scaling=scaling))
    return head.with_fitted_scaler(values, None), values


# --- labels ----------------------------------------------------------------------------------------------------------


@of_every_kind
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_probabilities_and_decisions_have_scikit_learns_shape(kind, loss):
    head, codes = LabelHead.learn_and_read(LABELS[kind], TargetSettings(loss))
    raw = 8.0 * (head.targets(codes, np.dtype(float)) - 0.5)
    P = head.reshape_probabilities(head.output_probabilities(raw))
    for part in P if kind == "multioutput" else [P]:
        assert (part > 0.0).all()
        assert (part < 1.0).all()
        if kind != "multilabel":
            assert_allclose(part.sum(axis=1), 1.0, rtol=1e-12)
    decision = head.decision_function(raw)
    if kind == "multioutput":
        assert [part.shape for part in decision] == [(N, 3), (N,)]
    else:
        assert decision.shape == ((N,) if kind == "binary" else raw.shape)


def test_class_weights_multiply_sample_weights():
    head, codes = LabelHead.learn_and_read(LABELS["multiclass"], TargetSettings("log_loss", class_weight={"a": 3.0}))
    assert head.with_settings(LOG_LOSS).apply_class_weight(codes, WEIGHT) is WEIGHT
    assert_array_equal(head.apply_class_weight(codes, WEIGHT), np.where(CODES == 0, 3.0, 1.0) * WEIGHT)


def test_class_weights_that_leave_no_row_raise():
    settings = TargetSettings("log_loss", class_weight={"no": 0.0, "yes": 0.0})
    head, codes = LabelHead.learn_and_read(LABELS["binary"], settings)
    with pytest.raises(ValueError, match="class_weight and sample_weight make the weight of every row zero"):
        head.apply_class_weight(codes, None)


@pytest.mark.parametrize("weight", [1e-320, 1e-250])
def test_class_weights_that_add_up_to_almost_nothing_raise(weight):
    settings = TargetSettings("log_loss", class_weight={"no": weight, "yes": 0.0})
    head, codes = LabelHead.learn_and_read(LABELS["binary"], settings)
    with pytest.raises(ValueError, match="class_weight times sample_weight adds up to almost nothing"):
        head.apply_class_weight(codes, None)


def test_predict_skips_the_softmax():
    rng = np.random.default_rng(1)
    head, _ = LabelHead.learn_and_read(LABELS["multiclass"], LOG_LOSS)
    assert head.loss is LOSSES["log_loss, softmax"].loss
    raw = rng.normal(size=(N, 3))
    kept = raw.copy()
    assert_array_equal(head.predict(raw), np.array(["a", "b", "c"])[kept.argmax(axis=1)])
    assert_array_equal(raw, kept)


def test_output_biases_start_at_the_class_frequencies_with_centred_weights_only():
    head, _ = LabelHead.learn_and_read(LABELS["multiclass"], LOG_LOSS)
    target = np.eye(3)[CODES]
    assert_allclose(head.initial_output_bias(target, WEIGHT, "centred"), head.loss.start(target, WEIGHT))
    assert head.initial_output_bias(target, WEIGHT, "glorot_uniform") is None


def test_a_label_head_may_change_its_loss():
    head, _ = LabelHead.learn_and_read(LABELS["multiclass"], LOG_LOSS)
    other = head.with_settings(TargetSettings("squared_error"))
    assert other.labels is head.labels
    assert other.loss is not head.loss
    assert other.loss.inverse_link.name == "logistic"


def test_a_warm_start_with_other_labels_raises():
    head, _ = LabelHead.learn_and_read(LABELS["binary"], LOG_LOSS)
    head.check_same_classes(LabelHead.learn_and_read(LABELS["binary"][::-1], LOG_LOSS)[0])
    with pytest.raises(ValueError, match="same classes as in the previous call.*Previously got"):
        head.check_same_classes(LabelHead.learn_and_read(LABELS["multiclass"], LOG_LOSS)[0])
    with pytest.raises(ValueError, match="never"):
        head.read(np.array(["never", "yes"]))


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_targets_have_mean_0_and_deviation_1_under_the_weights(weight):
    head, values = RegressionHead.learn_and_read(NUMBER, TargetSettings("squared_error", target_scaling="standard"))
    target = head.with_fitted_scaler(values, weight).targets(values, np.dtype(float))[:, 0]
    assert np.average(target, weights=weight) == pytest.approx(0.0, abs=1e-12)
    assert np.average(target**2, weights=weight) == pytest.approx(1.0)


def test_several_quantile_levels():
    rng = np.random.default_rng(1)
    levels, values = number_head("quantile", quantile=(0.1, 0.5, 0.9))
    assert levels.n_outputs == 3
    assert levels.targets(values, np.dtype(float)).shape == (N, 1)
    found = levels.predict(rng.normal(size=(N, 3)))
    assert found.shape == (N, 3)
    assert (np.diff(found, axis=1) >= 0.0).all()
    assert found.mean() > 50.0
    with pytest.raises(ValueError, match=r"quantile=\(0.1, 0.9\) gives several levels and takes a y of one dimension"):
        _ = RegressionHead.learn_and_read(np.ones((N, 2)), TargetSettings("quantile", {"quantile": (0.1, 0.9)}))[0].loss


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_counts_are_divided_by_their_mean(loss):
    head, values = number_head(loss)
    target = head.targets(values, np.dtype(float))
    assert_allclose(target, values / values.mean())
    for init in ("glorot_uniform", "centred"):
        bias = head.initial_output_bias(target, None, init)
        assert_allclose(bias, np.log(values.mean()))
        assert_allclose(head.predict(np.tile(bias, (2, 1))), values.mean())  # raw outputs are in the target's own unit
    assert number_head("quantile")[0].initial_output_bias(values, None, "glorot_uniform") is None


@pytest.mark.parametrize(
    ("loss", "low", "message"),
    [
        (
            "poisson",
            -1.0,
            "poisson' needs targets that are 0 or more; y has a minimum of -1.* such as loss='squared_error'",
        ),
        (
            "gamma",
            0.0,
            "loss='gamma' needs targets that are above 0; y has a minimum of 0 .*zeros, such as loss='tweedie'",
        ),
        (Loss("own", None, None, targets=Interval(0, 200)), 300.0, "'own' needs .* between 0 and 200.*maximum of 300"),
    ],
)
def test_targets_outside_the_range_of_the_loss_raise(loss, low, message):
    head, values = number_head(loss, y=np.append(NUMBER, low))
    with pytest.raises(ValueError, match=message):
        head.targets(values, np.dtype(float))


def test_rows_above_zero_are_a_stratum_of_counts():
    head, values = number_head("poisson", y=np.where(np.arange(N) % 10 == 0, 2.0, 0.0))
    assert_array_equal(head.strata(values), np.arange(N) % 10 == 0)
    gamma, values = number_head("gamma")
    assert gamma.strata(values) is None


def test_counts_too_small_or_large_for_the_dtype_raise():
    settings = TargetSettings("poisson")
    for value, message in (
        (1e39, "too large for float32: divide y, or"),
        (1e-60, "too small for float32: multiply y, or"),
    ):
        values = np.full((3, 1), value)
        head = RegressionHead.learn_and_read(values[:, 0], settings)[0].with_fitted_scaler(
            values, None, in_unit_of_mean=False
        )
        with pytest.raises(ValueError, match=message):
            head.targets(values, np.dtype(np.float32))
        assert head.with_fitted_scaler(values, None).targets(values, np.dtype(np.float32)).tolist() == [[1.0]] * 3


def test_targets_too_large_for_the_dtype_raise():
    head, values = number_head(scaling=None, y=np.full(3, 1e39))
    with pytest.raises(ValueError, match="y holds values too large for float32: set target_scaling='standard'"):
        head.targets(values, np.dtype(np.float32))


def test_a_users_own_loss_decides_whether_targets_are_scaled():
    exp = Loss("own", None, None, link=lambda raw: np.exp(raw, out=raw))
    assert number_head(exp)[0].regression_target.scaler.scale[0] == 1.0
    scaler = number_head(Loss("own", None, None))[0].regression_target.scaler
    assert scaler.scale[0] == pytest.approx(NUMBER.std(), rel=1e-9)


def test_a_regression_head_may_change_its_loss():
    head, values = number_head()
    other = head.with_settings(TargetSettings("huber", {"huber_delta": 0.5}, target_scaling="standard"))
    assert other.regression_target is head.regression_target
    assert other.loss.name == "huber"
    assert_array_equal(other.targets(values, np.dtype(float)), head.targets(values, np.dtype(float)))


def test_another_loss_after_a_fit_must_have_the_same_units_and_outputs():
    head, _ = RegressionHead.learn_and_read(np.arange(9.0), TargetSettings("squared_error", target_scaling="standard"))
    with pytest.raises(ValueError, match="loss='poisson' cannot follow .*only one of them takes scaled targets"):
        head.with_settings(TargetSettings("poisson", target_scaling="standard"))
    with pytest.raises(ValueError, match="loss='quantile' cannot follow .*their numbers of outputs differ"):
        head.with_settings(TargetSettings("quantile", {"quantile": [0.1, 0.9]}, target_scaling="standard"))
