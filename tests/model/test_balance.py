"""With a log link, predictions of the training rows add up to their targets if rows choose the epoch."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Checkpoint, Loss, SigmoidMLPRegressor, stream
from tests.stream.limits import pool_bytes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 120
X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.normal(size=N), "c": rng.choice(["x", "y", "z"], N)})
MEAN = np.exp(X["a"].to_numpy() + (X["c"] == "x"))
COUNT = rng.poisson(MEAN).astype(float)
COST = MEAN * rng.gamma(2.0, size=N)
WEIGHT = rng.integers(0, 4, N).astype(float)
QUICK = dict(hidden_layer_sizes=8, max_iter=12, random_state=0, learning_rate_init=0.01)
LOSSES = {
    "poisson": ({"loss": "poisson"}, COUNT),
    "gamma": ({"loss": "gamma"}, COST),
    "tweedie": ({"loss": "tweedie", "tweedie_power": 1.4}, COUNT * COST),
}
WAYS = {
    "folds": {"early_stopping": "folds"},
    "three members": {"early_stopping": "folds", "n_members": 3},
    "linear": {"early_stopping": "folds", "hidden_layer_sizes": ()},
    "own rows": {},
    "own rows, lbfgs": {"solver": "lbfgs", "n_members": 1},
}


def own_rows(way):
    """Validation rows, so that all other rows are trained on."""
    return {} if "early_stopping" in WAYS[way] else {"X_val": X[:40], "y_val": COUNT[:40] + 1.0}


def total(net, y, weight=None, rows=slice(None)):
    """The weighted sum of the predictions, divided by that of the targets."""
    predicted = net.predict(X)
    return np.average(predicted[rows], weights=weight, axis=0) / np.average(y[rows], weights=weight, axis=0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LOSSES)
def test_predictions_of_the_training_rows_add_up_to_their_targets(name, way):
    loss, y = LOSSES[name]
    net = SigmoidMLPRegressor(**QUICK | loss | WAYS[way]).fit(X, y, WEIGHT, **own_rows(way))
    assert total(net, y, WEIGHT) == pytest.approx(1.0, abs=1e-5)


def test_predictions_of_training_rows_use_target_means_with_their_own_targets():
    """Networks are trained and balanced by means without these targets, as the page on counts says."""
    category = np.arange(600) % 150
    frame = pd.DataFrame({"c": pd.Categorical(category)})
    y = np.random.default_rng(0).poisson(np.exp(np.random.default_rng(1).normal(size=150)[category])).astype(float)
    excess = {}
    for encoding in ("one_hot", "target"):
        net = SigmoidMLPRegressor(**QUICK | {"max_iter": 40}, loss="poisson", category_encoding=encoding)
        excess[encoding] = net.fit(frame, y).predict(frame).mean() / y.mean() - 1.0
    assert abs(excess["one_hot"]) < 1e-5
    assert abs(excess["target"]) > 1e-3


def test_a_warm_start_is_balanced_again():
    net = SigmoidMLPRegressor(**QUICK, loss="poisson", warm_start=True)
    for y in (COUNT, COUNT + 1.0):
        net.fit(X, y, X_val=X[:40], y_val=y[:40])
        assert total(net, y) == pytest.approx(1.0, abs=1e-5)


def test_each_of_several_targets_is_balanced_over_its_known_rows():
    y = np.column_stack([COUNT, COUNT**2])
    y[::3, 1] = np.nan
    net = SigmoidMLPRegressor(**QUICK, loss="poisson").fit(X, y)
    for j, rows in enumerate([slice(None), ~np.isnan(y[:, 1])]):
        assert total(net, y, rows=rows)[j] == pytest.approx(1.0, abs=1e-5)


def test_a_target_whose_only_value_is_held_out_leaves_the_others_balanced():
    held_out = []

    def note_rows(net, rows, y):
        held_out[:] = np.flatnonzero(X["a"].isin(rows["a"]))
        return -net.predict(rows)[:, 0].mean()

    y = np.column_stack([COUNT, np.full(N, np.nan)])
    y[0, 1] = 3.0
    chosen_by_rows = QUICK | {"loss": "poisson", "early_stopping": True, "scoring": note_rows}
    SigmoidMLPRegressor(**chosen_by_rows).fit(X, y)
    y[[0, held_out[0]], 1] = np.nan, 3.0
    net = SigmoidMLPRegressor(**chosen_by_rows).fit(X, y)
    assert np.delete(net.predict(X)[:, 0], held_out).sum() == pytest.approx(np.delete(COUNT, held_out).sum(), rel=1e-5)


def test_many_rows_are_balanced_exactly():
    many = np.linspace(-1.0, 1.0, 2**17)[:, np.newaxis]
    y, weight = np.exp(many + np.array([0.0, 1.0, 3.0])), np.linspace(0.1, 3.0, len(many))
    net = SigmoidMLPRegressor(hidden_layer_sizes=1, max_iter=1, random_state=0, loss="poisson")
    net.fit(many, y, weight, X_val=many[:40], y_val=y[:40])
    assert_allclose(weight @ net.predict(many), weight @ y, rtol=1e-6)


def test_a_stream_is_balanced():
    net = SigmoidMLPRegressor(**QUICK, loss="poisson", n_members=1)
    chunks = lambda: ((X[i : i + 50], COUNT[i : i + 50], WEIGHT[i : i + 50]) for i in (0, 50, 100))  # noqa: E731
    with pool_bytes(1000, encoded=500):  # several pools, and several blocks of each
        stream.fit(net, chunks, validation=lambda: iter([(X[:40], COUNT[:40])]))
    assert total(net, COUNT, WEIGHT) == pytest.approx(1.0, abs=1e-5)


def test_a_users_loss_that_starts_at_the_mean_is_balanced():
    def value(raw, target):
        return (np.exp(raw) - target * raw).mean(axis=1)

    def gradient(raw, target):
        return (np.exp(raw) - target) / raw.shape[1]

    def start(target, weight):
        return np.log(np.average(target, axis=0, weights=weight))

    own = Loss("own", value, gradient, lambda raw: np.exp(raw, out=raw), start=start)
    net = SigmoidMLPRegressor(**QUICK, loss=own).fit(X, COUNT)
    assert total(net, COUNT) == pytest.approx(1.0, abs=1e-5)
    without = Loss("own", value, gradient, lambda raw: np.exp(raw, out=raw))
    assert abs(total(SigmoidMLPRegressor(**QUICK, loss=without).fit(X, COUNT), COUNT) - 1.0) > 1e-4


def test_a_users_loss_that_does_not_predict_means_is_not_balanced():
    def value(raw, target):
        return np.maximum(0.9 * (target - np.exp(raw)), 0.1 * (np.exp(raw) - target)).mean(axis=1)

    def gradient(raw, target):
        return (np.exp(raw) * ((target <= np.exp(raw)) - raw.dtype.type(0.9))) / raw.shape[1]

    def start(target, weight):
        return np.log(np.quantile(target, 0.9, axis=0))

    quantile = Loss("quantile of sizes", value, gradient, lambda raw: np.exp(raw, out=raw), start=start)
    net = SigmoidMLPRegressor(**QUICK, loss=quantile).fit(X, COST)
    assert 0.8 < (net.predict(X) >= COST).mean() < 1.0  # the rows' quantile is not that of their quantiles


def test_nothing_is_balanced_if_no_rows_choose_the_epoch():
    plain = QUICK | {"loss": "poisson", "early_stopping": False, "n_members": 1, "max_iter": 3, "averaging": 0.0}
    one = SigmoidMLPRegressor(**plain | {"category_encoding": "one_hot", "numeric_encoding": "raw"}).fit(X, COUNT)
    other = SigmoidMLPRegressor(**one.resolved_params_)
    for _ in range(3):
        other.partial_fit(X, COUNT)
    assert_array_equal(one.predict(X), other.predict(X))


def test_a_resumed_run_is_balanced_like_an_uninterrupted_one(tmp_path):
    parameters = QUICK | {"loss": "poisson", "early_stopping": True, "n_members": 1}
    path = tmp_path / "run"
    whole = SigmoidMLPRegressor(**parameters).set_callbacks(Checkpoint(path, every=5)).fit(X, COUNT)
    again = SigmoidMLPRegressor(**parameters).resume(path, X, COUNT)
    assert_array_equal(whole.predict(X), again.predict(X))
    assert_allclose(whole.predict_interval(X), again.predict_interval(X))
