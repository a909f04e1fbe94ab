"""What "auto" means; scikit-learn's schedules keep scikit-learn's training."""

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import automatic

rng = np.random.default_rng(0)
X, LABEL = rng.normal(size=(60, 4)), np.arange(60) % 3
OWN = ("flat_cosine", "cosine", "one_cycle", "coslog4", float)


@pytest.mark.parametrize("schedule", automatic.PATIENT_SCHEDULES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_with_scikit_learns_schedules_nothing_is_added(schedule, solver):
    net = SigmoidMLPClassifier(learning_rate=schedule, solver=solver)
    assert automatic.averaging_of(net, validated=True) == 0.0
    assert automatic.weight_decay_of(net) == 0.0
    assert automatic.dropout_of(net, validated=True) == 0.0
    assert automatic.clip_norm_of(net) is None
    assert automatic.label_smoothing_of(net, validated=True) == 0.0
    assert not automatic.temperature_scaling_of(net, validated=True)


@pytest.mark.parametrize("schedule", OWN)
def test_with_our_own_each_solver_gets_what_it_needs(schedule):
    nets = {solver: SigmoidMLPRegressor(learning_rate=schedule, solver=solver) for solver in ("adam", "sgd", "rmsprop")}
    assert [automatic.weight_decay_of(net) for net in nets.values()] == [automatic.AUTO_WEIGHT_DECAY, 0.0, 0.0]
    assert [automatic.clip_norm_of(net) for net in nets.values()] == [None, automatic.AUTO_CLIP_NORM, None]
    for net in nets.values():
        assert automatic.averaging_of(net, validated=True) == automatic.AUTO_AVERAGING
        assert automatic.averaging_of(net, validated=False) == 0.0


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_dropout_needs_adam_and_a_judge(solver):
    net = SigmoidMLPClassifier(solver=solver)
    assert automatic.dropout_of(net, validated=True) == (automatic.AUTO_DROPOUT if solver == "adam" else 0.0)
    assert automatic.dropout_of(net, validated=False) == 0.0
    assert automatic.dropout_of(net.set_params(dropout=[0.2]), validated=False) == [0.2]


@pytest.mark.parametrize(
    "off", [{"solver": "lbfgs"}, {"loss": "squared_error"}, {"max_norm": 1.0}, {"temperature_scaling": False}]
)
def test_labels_are_smoothed_where_a_temperature_makes_up_for_it(off):
    net = SigmoidMLPClassifier()
    assert automatic.temperature_scaling_of(net, validated=True)
    assert automatic.label_smoothing_of(net, validated=True) == automatic.AUTO_LABEL_SMOOTHING
    assert not automatic.temperature_scaling_of(net, validated=False)
    assert automatic.label_smoothing_of(net, validated=False) == 0.0
    assert not automatic.temperature_scaling_of(net.set_params(**off), validated=True)
    assert automatic.label_smoothing_of(net, validated=True) == 0.0
    assert automatic.label_smoothing_of(net.set_params(label_smoothing=0.3), validated=False) == 0.3


def test_a_temperature_that_is_asked_for_needs_rows_held_out():
    net = SigmoidMLPClassifier(temperature_scaling=True, solver="lbfgs", learning_rate="constant")
    assert automatic.temperature_scaling_of(net, validated=True)
    assert not automatic.temperature_scaling_of(net, validated=False)


def test_what_is_given_is_taken():
    net = SigmoidMLPClassifier(averaging=0.5, weight_decay=0.1, clip_norm=2.0, learning_rate="constant", batch_size=7)
    assert automatic.averaging_of(net, validated=False) == 0.5
    assert automatic.weight_decay_of(net) == 0.1 and automatic.clip_norm_of(net) == 2.0
    assert automatic.batch_size_of(net, 100) == 7 and automatic.batch_size_of(net, 5) == 5
    assert automatic.clip_norm_of(net.set_params(clip_norm=None)) is None


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("auto", {5: 5, 199: 199, 200: 200, 10**6: 200}),
        ("proportional", {5: 5, 32: 32, 33: 32, 1055: 32, 1056: 33, 6400: 200, 8192: 256, 10**6: 256}),
    ],
)
def test_named_batch_sizes(name, sizes):
    net = SigmoidMLPClassifier(batch_size=name)
    assert {n: automatic.batch_size_of(net, n) for n in sizes} == sizes


def test_arithmetic():
    few, many = automatic.FLOAT32_ROWS - 1, automatic.FLOAT32_ROWS
    assert automatic.arithmetic(SigmoidMLPClassifier(), few) == np.float64
    assert automatic.arithmetic(SigmoidMLPClassifier(), many) == np.float32
    assert automatic.arithmetic(SigmoidMLPClassifier(solver="lbfgs"), many) == np.float64
    assert automatic.arithmetic(SigmoidMLPClassifier(dtype="float32"), few) == np.float32


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_repeated_rows_are_weighted_rows_at_the_defaults():
    times = np.arange(9) % 4 + 1
    rows = np.repeat(np.arange(9), times)[::-1]
    for solver in ("adam", "sgd", "rmsprop", "lbfgs"):
        weighted = SigmoidMLPClassifier(solver=solver, random_state=0).fit(X[:9], LABEL[:9], times)
        repeated = SigmoidMLPClassifier(solver=solver, random_state=0).fit(X[rows], LABEL[rows])
        np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_an_explosion_is_an_error_within_an_epoch():
    counts = np.exp(5 + X[:, 0]).round()
    net = SigmoidMLPRegressor(
        loss="poisson", solver="sgd", learning_rate_init=1.0, clip_norm=None, batch_size=5, dtype="float64"
    )
    with pytest.raises(ValueError, match=r"diverged in epoch 1 with learning_rate_init=1: try learning_rate_init=0\.1"):
        net.fit(X, counts)
    net.set_params(clip_norm="auto", learning_rate_init=0.015).fit(X, counts)
    assert net.score(X, counts) > 0.5
