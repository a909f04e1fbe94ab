"""`monotonic_cst`: no pair of rows among 100,000 is predicted the wrong way round, and few however it was trained."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import sknet
import sknet.stream
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import outside_training

pytestmark = outside_training
RNG = np.random.default_rng(0)
N = 300
TABLE = RNG.normal(size=(N, 4))
NUMBER = np.tanh(2 * TABLE[:, 0]) - TABLE[:, 1] + np.sin(3 * TABLE[:, 2]) + 0.2 * RNG.normal(size=N)
LABEL = np.where(NUMBER > 0.3, "yes", "no")
CST = [1, -1, 0, 0]
FAST = {"monotonic_cst": CST, "hidden_layer_sizes": (6, 4), "max_iter": 6, "random_state": 0}


def pairs(n, seed=1):
    """Rows, and such as must not be predicted lower: from nearly equal ones to such as lie far outside the table."""
    rng = np.random.default_rng(seed)
    low = rng.normal(size=(n, 4)) * rng.choice([1, 1, 10, 1000], size=(n, 1))
    higher = rng.exponential(size=(n, 2)) * rng.choice([0, 1e-9, 1e-4, 1, 1000], size=(n, 2))
    high = low.copy()
    high[:, :2] += higher * CST[:2]
    return low, high


LOW, HIGH = pairs(15_000)


def predictions(net, X):
    """Predict rows in two ways: many at once; and few at once, in another order."""
    predict = net.predict if isinstance(net, SigmoidMLPRegressor) else lambda rows: net.predict_proba(rows)[:, 1]
    few = np.concatenate([predict(part[::-1])[::-1] for part in np.array_split(X[:1000], 37)])
    return predict(X), few


def refuse_violations(net, dtype=np.float64, rows=(LOW, HIGH)):
    low, high = (predictions(net, X.astype(dtype)) for X in rows)
    n = len(low[1])
    assert (high[0] >= low[0]).all()
    assert (high[0] > low[0]).mean() > 0.5
    assert (high[1] >= low[0][:n]).all()
    assert (high[0][:n] >= low[1]).all()


KINDS = {
    "bins and members": {"n_members": 2, "early_stopping": "folds"},
    "one member": {"n_members": 1, "numeric_encoding": "piecewise_linear", "l1_ratio": 0.5, "alpha": 0.1},
    "averaged and bounded": {"averaging": 0.9, "max_norm": 0.5, "dropout": 0.1, "activation": ["relu", "tanh"]},
    "lbfgs": {"solver": "lbfgs", "l1_ratio": 0.2, "early_stopping": False},
    "quantiles": {"input_scaling": "quantile", "solver": "sgd"},
    "linear": {"hidden_layer_sizes": (), "input_scaling": None},
}


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_of_numbers_are_monotone(name, dtype):
    X = TABLE.astype(dtype)
    refuse_violations(SigmoidMLPRegressor(**FAST | KINDS[name] | {"dtype": "float32"}).fit(X, NUMBER), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_of_100_000_pairs_are_monotone(dtype):
    net = SigmoidMLPRegressor(**FAST).fit(TABLE.astype(dtype), NUMBER)
    refuse_violations(net, dtype, pairs(100_000))


@pytest.mark.parametrize("loss", ["absolute_error", "poisson"])
def test_predictions_with_other_losses_are_monotone(loss):
    y = np.exp(NUMBER)
    refuse_violations(SigmoidMLPRegressor(**FAST, loss=loss).fit(TABLE.astype("f4"), y), np.float32)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_probabilities_are_monotone(loss):
    net = SigmoidMLPClassifier(**FAST, loss=loss).fit(TABLE.astype("f4"), LABEL)
    refuse_violations(net, np.float32)
    low, high = (net.predict_log_proba(X.astype("f4")) for X in (LOW, HIGH))
    assert (high[:, 1] >= low[:, 1]).all()
    assert (high[:, 0] <= low[:, 0]).all()
    assert (net.predict(HIGH) >= net.predict(LOW)).all()


def test_training_further_and_files_keep_the_constraint(tmp_path):
    net = SigmoidMLPRegressor(**FAST, n_members=2).fit(TABLE, NUMBER)
    sknet.save(net, tmp_path / "net")
    for other in (sknet.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other.predict(HIGH), net.predict(HIGH))
        for _ in range(3):
            other.partial_fit(TABLE, np.roll(NUMBER, 1))
        refuse_violations(other)
    refuse_violations(net.set_params(warm_start=True, early_stopping=False).fit(TABLE, -NUMBER))
    fresh = SigmoidMLPRegressor(**FAST).partial_fit(TABLE, NUMBER)
    refuse_violations(fresh)


def test_a_stream_keeps_the_constraint():
    frame = pd.DataFrame(TABLE, columns=list("abcd")).assign(y=NUMBER)
    net = SigmoidMLPRegressor(**FAST | {"monotonic_cst": {"a": 1, "b": -1}})
    sknet.stream.fit(net, lambda: (frame[i : i + 70] for i in range(0, N, 70)), target="y")
    low, high = (net.predict(pd.DataFrame(X, columns=list("abcd"))) for X in (LOW, HIGH))
    assert (high >= low).all()
    assert (high > low).any()


def test_sparse_columns_keep_the_constraint():
    X = TABLE * (np.random.default_rng(3).random(TABLE.shape) < 0.5)
    net = SigmoidMLPRegressor(**FAST).fit(sp.csr_array(X), NUMBER)
    low, high = (net.predict(sp.csr_array(rows)) for rows in (LOW, HIGH))
    assert (high >= low).all()
    assert (high > low).any()


def test_a_resumed_run_equals_the_whole_run_and_needs_the_same_constraint(tmp_path):
    """From its checkpoint, which says what was constrained; another constraint is another run."""
    path = tmp_path / "run"
    whole = SigmoidMLPRegressor(**FAST, early_stopping=False).set_callbacks(sknet.Checkpoint(path)).fit(TABLE, NUMBER)
    again = SigmoidMLPRegressor(**FAST, early_stopping=False).resume(path, TABLE, NUMBER)
    np.testing.assert_array_equal(again.predict(HIGH), whole.predict(HIGH))
    with pytest.raises(ValueError, match="monotonic_cst"):
        again.set_params(monotonic_cst=[0, -1, 0, 0]).resume(path, TABLE, NUMBER)


def test_weights_set_by_hand_are_projected_when_training_goes_on():
    net = SigmoidMLPRegressor(**FAST).partial_fit(TABLE, NUMBER)
    net.coefs_ = (np.full_like(net.coefs_[0], -1.0), *net.coefs_[1:])
    refuse_violations(net.partial_fit(TABLE, NUMBER))


def test_the_opposite_of_what_the_table_says_is_flat():
    """With all columns constrained against the truth, the best monotone prediction is a constant."""
    y = TABLE[:, 0] + TABLE[:, 1]
    net = SigmoidMLPRegressor(monotonic_cst=[-1, -1], max_iter=10, random_state=0).fit(TABLE[:, :2], y)
    assert np.ptp(net.predict(TABLE[:, :2])) < 0.2 * np.ptp(y)


def test_a_true_effect_is_learnt_and_others_stay_free():
    X = np.random.default_rng(2).uniform(-2, 2, size=(800, 3))
    y = np.tanh(3 * X[:, 0]) * (1 + (X[:, 2] > 0)) + np.cos(3 * X[:, 1])
    parameters = {"random_state": 0, "max_iter": 60, "hidden_layer_sizes": (32, 16)}
    bound = SigmoidMLPRegressor(monotonic_cst=[1, 0, 0], **parameters).fit(X[:500], y[:500])
    free = SigmoidMLPRegressor(**parameters).fit(X[:500], y[:500])
    errors = [np.sqrt(np.mean((net.predict(X[500:]) - y[500:]) ** 2)) for net in (bound, free)]
    assert errors[0] < 1.15 * errors[1]
    assert errors[0] < 0.25 * y.std()


def test_a_frame_by_names_with_categories_durations_and_missing_values():
    tables = (pd.DataFrame(X[:5000], columns=list("abcd")) for X in (TABLE, LOW, HIGH))
    frame, low, high = (X.assign(b=pd.to_timedelta(X["b"], unit="h"), town="x") for X in tables)
    frame["town"] = pd.Categorical(np.random.default_rng(1).choice(list("xyz"), N))
    frame.loc[::7, "a"] = np.nan
    net = SigmoidMLPRegressor(**FAST | {"monotonic_cst": {"b": -1, "a": 1}}).fit(frame, NUMBER)
    assert (net.predict(high) >= net.predict(low)).all()
    low["a"] = high["a"] = np.nan
    assert (net.predict(high) >= net.predict(low)).all()
    same = SigmoidMLPRegressor(**net.resolved_params_).fit(frame, NUMBER)
    np.testing.assert_array_equal(same.predict(high), net.predict(high))
