"""Shards on workers of a cluster, which may be lost at any instant, come late, or never have been there."""

import os
import signal
import threading

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.dask
dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sknet import Checkpoint  # noqa: E402
from sknet import SigmoidMLPClassifier as LocalClassifier  # noqa: E402
from sknet import SigmoidMLPRegressor as LocalRegressor  # noqa: E402
from sknet._partitions.dask import Workers  # noqa: E402
from sknet.dask import SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402

rng = np.random.default_rng(0)
N = 2000
X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(list("xyz"), N), "c": rng.normal(size=N)})
X.loc[rng.random(N) < 0.1, "c"] = np.nan
y = X["a"] + (X["b"] == "x")
WEIGHT = rng.random(N)
FIT = dict(hidden_layer_sizes=8, max_iter=8, batch_size=300, dtype="float64", dropout=0.0, random_state=0)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as found,
    ):
        yield found


@pytest.fixture
def workers(client):
    """The pids of the workers, both of which are there."""
    client.wait_for_workers(2, timeout=60)
    return client.run(os.getpid)


def table(n_parts=5):
    return dd.from_pandas(X.assign(y=y, w=WEIGHT), npartitions=n_parts)


def distance(one, other):
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


# --- what is learnt


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_a_fit_is_that_in_memory(client, workers, solver, n_parts):
    given = table(n_parts)
    many = SigmoidMLPRegressor(**FIT | dict(solver=solver)).fit(given[list(X)], given["y"], given["w"])
    one = LocalRegressor(**FIT | dict(solver=solver)).fit(X, y, WEIGHT)
    assert distance(one, many) < 1e-8
    assert one._fitted.model.encoder == many._fitted.model.encoder
    assert isinstance(many.to_local(), LocalRegressor)
    assert many.score(given[list(X)], given["y"], given["w"]) == pytest.approx(one.score(X, y, WEIGHT), abs=1e-6)


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_arrays_labels_and_a_validation_set(client, workers):
    numbers, labels = X[["a", "c"]].to_numpy(), (y > 0.5).to_numpy()
    given = da.from_array(numbers, chunks=(700, 1)), da.from_array(labels, chunks=900)
    many = SigmoidMLPClassifier(**FIT).fit(given[0][:1500], given[1][:1500], X_val=given[0][1500:], y_val=labels[1500:])
    one = LocalClassifier(**FIT).fit(numbers[:1500], labels[:1500], X_val=numbers[1500:], y_val=labels[1500:])
    assert distance(one, many) < 1e-8
    assert many.predict_proba(given[0]).compute().shape == (N, 2)


# --- workers are lost


class Killer:
    """Kills a worker when the shards are called for the nth time by a name, a little later."""

    def __init__(self, pid, method, nth, delay):
        self.pid, self.method, self.left, self.delay = pid, method, nth, delay

    def __call__(self, method):
        if method == self.method:
            self.left -= 1
            if self.left == 0:
                threading.Timer(self.delay, os.kill, (self.pid, signal.SIGKILL)).start()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize(
    ("solver", "method", "nth", "delay"),
    [("adam", "step", 7, 0.0), ("lbfgs", "step", 5, 0.002), ("adam", "tell", 1, 0.0), ("adam", "encode", 1, 0.001)],
)
def test_a_lost_worker_is_replaced(client, workers, monkeypatch, solver, method, nth, delay):
    given = table()
    whole = SigmoidMLPRegressor(**FIT | dict(solver=solver)).fit(given[list(X)], given["y"])
    killer, call = Killer(list(workers.values())[nth % 2], method, nth, delay), Workers.call
    monkeypatch.setattr(Workers, "call", lambda self, name, *a, **k: killer(name) or call(self, name, *a, **k))
    again = SigmoidMLPRegressor(**FIT | dict(solver=solver)).fit(given[list(X)], given["y"])
    assert killer.left <= 0
    assert distance(whole, again) < (1e-11 if solver == "adam" else 1e-8)
    assert whole.loss_curve_ == pytest.approx(again.loss_curve_, rel=1e-9)


# --- a driver that is lost


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_a_run_goes_on_from_a_checkpoint(client, workers, tmp_path):
    data, path = table(), tmp_path / "run.npz"
    columns, target = data[["a", "b", "c"]], data["y"]
    net = SigmoidMLPRegressor(**FIT).set_callbacks(Checkpoint(path, every=3)).fit(columns, target)
    resumed = SigmoidMLPRegressor(**FIT).resume(path, columns, target)  # of 8 epochs, 6 are in the file
    assert resumed.n_iter_ == net.n_iter_ == 8
    assert distance(resumed, net) == 0.0
    with pytest.raises(ValueError, match="other data: y"):
        SigmoidMLPRegressor(**FIT).resume(path, columns, target + 1.0)
    with pytest.raises(ValueError, match="other data: X"):
        SigmoidMLPRegressor(**FIT).resume(path, columns.assign(a=columns["a"] + 1.0), target)
