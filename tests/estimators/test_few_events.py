"""Counts with few events: predictions are shrunk towards the mean by as much as held-out rows ask for."""

import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_poisson_deviance

import sknet
from sknet import Interval, Loss, SigmoidMLPClassifier, SigmoidMLPRegressor

N = 600
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 6))
X_NEW = rng.normal(size=(4000, 6))
QUICK = dict(max_iter=40, random_state=0)
poisson = partial(SigmoidMLPRegressor, loss="poisson", **QUICK)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


OWN_LOSS = Loss(
    "mine", lambda raw, y: (np.exp(raw) - y * raw)[:, 0], lambda raw, y: np.exp(raw) - y,
    link=lambda raw: np.exp(raw, out=raw), targets=Interval(0.0),
)  # fmt: skip


def counts(n_events, seed=0, strength=0.0):
    """As many rows with one event, more probably where the first column is large."""
    score = strength * X[:, 0] + np.random.default_rng(seed).gumbel(size=N)
    y = np.zeros(N)
    y[np.argsort(-score)[:n_events]] = 1.0
    return y


def spread(predictions):
    """The standard deviation of the logarithms."""
    return np.std(np.log(predictions))


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_without_a_signal_few_events_are_predicted_about_as_well_as_by_their_mean(seed):
    """Without a temperature, the loss was larger by .07 to .64 per event."""
    y = counts(8, seed)
    p = poisson().fit(X, y).predict(X_NEW)
    mean = y.mean()
    excess = np.mean(p - mean * np.log(p)) - (mean - mean * np.log(mean))  # the mean of all new rows is known
    assert excess / mean < 0.03


def test_a_signal_is_kept():
    y = counts(50, strength=2.5)
    net = poisson().fit(X, y)
    p = net.predict(X_NEW)
    assert net.temperature_ != 1.0
    assert np.corrcoef(np.log(p), X_NEW[:, 0])[0, 1] > 0.9
    rate = np.exp(2.5 * X_NEW[:, 0])
    rate *= y.mean() / rate.mean()
    assert mean_poisson_deviance(rate, p) < 0.7 * mean_poisson_deviance(rate, np.full(len(p), y.mean()))


@pytest.mark.parametrize("n_events", [59, 60])
@pytest.mark.parametrize("loss", ["poisson", "tweedie"])
def test_counts_have_a_temperature_below_60_events(loss, n_events):
    net = SigmoidMLPRegressor(loss=loss, **QUICK | {"max_iter": 4}).fit(X, 2.5 * counts(n_events))
    assert (net.temperature_ != 1.0) == (n_events < 60)


@pytest.mark.parametrize(
    "parameters",
    [{"loss": "squared_error"}, {"max_norm": 3.0}, {"early_stopping": False}, {"solver": "lbfgs"},
     {"input_scaling": None},
     {"learning_rate": "constant", "solver": "sgd"},
     {"loss": OWN_LOSS}],
    ids=["loss", "max_norm", "no evaluation", "lbfgs", "unscaled", "schedule", "own loss"],
)  # fmt: skip
def test_what_excludes_a_temperature(parameters):
    net = SigmoidMLPRegressor(**QUICK | {"loss": "poisson", "max_iter": 3} | parameters).fit(X, counts(20, 3))
    assert net.temperature_ == 1.0


def test_the_weights_include_the_temperature():
    """So they balance the predictions of the training rows, and are the same in a file."""
    y = counts(30, strength=1.0)
    net = poisson().fit(X, y)
    assert net.temperature_ != 1.0
    assert net.predict(X).sum() == pytest.approx(30.0, rel=1e-4)


def test_a_file_keeps_the_temperature(tmp_path):
    net = poisson().fit(X, counts(30))
    sknet.save(net, tmp_path / "net")
    loaded = sknet.load(tmp_path / "net")
    assert loaded.temperature_ == net.temperature_
    assert_array_equal(loaded.predict(X), net.predict(X))


def test_out_of_fold_predictions_are_at_the_temperature():
    """Without a temperature, their logarithms had a standard deviation of 1.6."""
    net = poisson(early_stopping="folds").fit(X, counts(8, 3))
    assert net.temperature_ > 10.0
    assert spread(net.oof_prediction_) < 0.3


def test_targets_of_another_unit_have_the_same_temperature():
    y = counts(30, strength=1.0)
    nets = [SigmoidMLPRegressor(loss="tweedie", **QUICK).fit(X, unit * y) for unit in (1.0, 1024.0)]
    assert nets[1].temperature_ == pytest.approx(nets[0].temperature_, rel=1e-3)
    assert_allclose(nets[1].predict(X_NEW), 1024.0 * nets[0].predict(X_NEW), rtol=1e-2)


def test_several_targets_share_a_temperature_and_keep_their_means():
    y = np.column_stack([counts(20), 100.0 * counts(20)])
    net = SigmoidMLPRegressor(loss="poisson", **QUICK).fit(X, y)
    assert net.temperature_ != 1.0
    assert_allclose(net.predict(X).mean(axis=0), y.mean(axis=0), rtol=1e-4)


def test_own_validation_rows_choose_a_temperature_too():
    y = counts(40, strength=1.0)
    net = poisson().fit(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    assert net.temperature_ != 1.0


@pytest.mark.parametrize("make", [poisson, partial(SigmoidMLPClassifier, **QUICK)])
def test_nothing_warns_of_probabilities_at_the_limit_of_calibration_for_counts(make):
    """Three events of noise: the result is a constant, and that is what the warning says."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make().fit(X, counts(3, 5).astype(int))
    assert not [w for w in caught if "limit of calibration" in str(w.message) and make is poisson]
    assert all(issubclass(w.category, ConvergenceWarning | UserWarning) for w in caught)
