"""Fits by a cluster's workers, which may be lost at any instant, come late, or never have been there."""

import asyncio
import gc
import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.dask
dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sknet import Checkpoint, load, save  # noqa: E402
from sknet import SigmoidMLPClassifier as LocalClassifier  # noqa: E402
from sknet import SigmoidMLPRegressor as LocalRegressor  # noqa: E402
from sknet._dask import table as on_workers  # noqa: E402
from sknet._dask.cluster import Cluster  # noqa: E402
from sknet.dask import SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from tests.dask.driver import at_call  # noqa: E402
from tests.dask.local_workers import distance  # noqa: E402
from tests.estimators.inside import publish  # noqa: E402
from tests.tables.limits import sample_rows  # noqa: E402

rng = np.random.default_rng(0)
N = 2000
X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(list("xyz"), N), "c": rng.normal(size=N)})
X.loc[rng.random(N) < 0.1, "c"] = np.nan
y = X["a"] + (X["b"] == "x")
WEIGHT = rng.random(N)
FIT = dict(n_members=1, hidden_layer_sizes=8, max_iter=8, batch_size=300, dtype="float64", dropout=0.0, random_state=0)


@pytest.fixture(scope="module")
def client():
    with (
        # or a worker that is away at that time after it was killed once, because it is killed again, never comes back
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as new_client,
    ):
        yield new_client


@pytest.fixture
def workers(client):
    """The pids of the workers, both of which are there."""
    client.wait_for_workers(2, timeout=60)
    return client.run(os.getpid)


def table(n_parts=5):
    return dd.from_pandas(X.assign(y=y, w=WEIGHT), npartitions=n_parts)


# --- what is learnt


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_a_fit_is_that_in_memory(client, workers, solver, n_parts):
    parts = table(n_parts)
    parameters = FIT | dict(solver=solver)
    many = SigmoidMLPRegressor(**parameters).fit(parts[list(X)], parts["y"], parts["w"])
    one = LocalRegressor(**parameters).fit(X, y, WEIGHT)
    assert distance(one, many) < 1e-8
    assert one.resolved_params_ == many.resolved_params_
    pd.testing.assert_frame_equal(one.inputs_, many.inputs_)
    assert isinstance(many.to_local(), LocalRegressor)
    assert many.score(parts[list(X)], parts["y"], parts["w"]) == pytest.approx(one.score(X, y, WEIGHT), abs=1e-6)


def test_a_column_of_text_is_that_in_memory(client, workers):
    rng = np.random.default_rng(1)
    words = ["a", "new", "flat", "of", "quiet", "near", "trees"]
    table = X.assign(note=[" ".join(some) for some in rng.choice(words, (N, 6))])
    parts = dd.from_pandas(table.assign(y=y), npartitions=3)
    many = SigmoidMLPRegressor(**FIT).fit(parts[list(table)], parts["y"])
    one = LocalRegressor(**FIT).fit(table, y)
    assert distance(one, many) < 1e-8
    assert many.resolved_params_["text_features"] == ["note"]
    np.testing.assert_allclose(many.predict(parts[list(table)]).compute(), one.predict(table), rtol=1e-7)


def test_arrays_labels_and_a_validation_set(client, workers):
    numbers, labels = X[["a", "c"]].to_numpy(), (y > 0.5).to_numpy()
    arrays = da.from_array(numbers, chunks=(700, 1)), da.from_array(labels, chunks=900)
    many = SigmoidMLPClassifier(**FIT).fit(
        arrays[0][:1500], arrays[1][:1500], X_val=arrays[0][1500:], y_val=labels[1500:]
    )
    one = LocalClassifier(**FIT).fit(numbers[:1500], labels[:1500], X_val=numbers[1500:], y_val=labels[1500:])
    assert distance(one, many) < 1e-8
    assert many.predict_proba(arrays[0]).compute().shape == (N, 2)


# --- workers are lost


def kill(workers, which, delay):
    """Return a function that kills a worker a little later."""
    pid = list(workers.values())[which]
    return lambda: threading.Timer(delay, os.kill, (pid, signal.SIGKILL)).start()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("parameters", "task", "nth", "delay"),
    [
        ({}, "value_and_gradient", 7, 0.0),
        ({}, "encode_shard", 1, 0.001),
        (dict(solver="lbfgs"), "value_and_gradient", 5, 0.002),
        (dict(early_stopping="folds"), "value_and_gradient", 20, 0.001),
        (dict(n_members=2), "value_and_gradient", 17, 0.002),
        (dict(n_members=2), "outputs_of_shard", 4, 0.001),
        (dict(dropout=0.2), "value_and_gradient", 9, 0.003),
        ({}, "KeptValueActor", 1, 0.01),
    ],
    ids=["adam", "encode", "lbfgs", "folds", "members", "outputs of members", "dropout", "kept values"],
)
def test_a_lost_worker_changes_nothing(client, workers, parameters, task, nth, delay):
    parts = table()
    undisturbed = SigmoidMLPRegressor(**FIT | parameters).fit(parts[list(X)], parts["y"])
    with at_call(nth, kill(workers, nth % 2, delay), task) as since:
        again = SigmoidMLPRegressor(**FIT | parameters).fit(parts[list(X)], parts["y"])
    assert since
    assert distance(undisturbed, again) == 0.0
    assert undisturbed.resolved_params_ == again.resolved_params_


def test_a_fit_goes_on_if_a_worker_is_lost_before_its_first_call(client, workers, monkeypatch):
    parts = table()
    undisturbed = SigmoidMLPRegressor(**FIT).fit(parts[list(X)], parts["y"])
    results, lost = Cluster.results, []

    def without_first_actors(self, futures):
        if not lost and str(futures[0].key).startswith("KeptValueActor"):
            lost.append(len(futures))
            raise RuntimeError("Worker holding Actor was lost")  # as dask says it
        return results(self, futures)

    monkeypatch.setattr(Cluster, "results", without_first_actors)
    again = SigmoidMLPRegressor(**FIT).fit(parts[list(X)], parts["y"])
    assert lost
    assert distance(undisturbed, again) == 0.0


def test_tasks_to_spread_wait_for_a_worker_where_there_is_none(client, monkeypatch):
    cluster = Cluster(client)
    monkeypatch.setattr(Cluster, "_thread_addresses", lambda self: [])
    assert cluster.results(cluster.start_tasks(len, ["a", "ab"], spread=True)) == [1, 2]
    cluster.close()


def test_kept_values_are_made_anew_after_an_error(client, workers):
    cluster = Cluster(client)
    kept = cluster.keep(dict, [{}, {"a": 1}])
    assert kept.call_each("pop", [None, ("a",)]) == [1]
    assert kept.call_each("pop", [("a",), None]) is None  # a KeyError, which a task that does the same would raise
    assert kept.call_each("get", [("a", 2), ("a", 3)]) == [2, 1]
    cluster.close()


def test_a_call_of_kept_values_ends_where_there_are_no_workers(client, workers, monkeypatch):
    cluster = Cluster(client)
    kept = cluster.keep(threading.Semaphore, [0])
    assert kept.call_each("acquire", [(False,)]) == [False]
    with monkeypatch.context() as patched:
        patched.setattr("sknet._dask.cluster.WORKER_CHECK_SECONDS", 0.01)
        patched.setattr(Cluster, "_thread_addresses", lambda self: [])
        cluster._seconds_to_wait = 0.05
        assert kept.call_each("acquire", [(True, 2.0)]) is None
    cluster.close()


# --- workers are called directly, or by way of the scheduler


@pytest.fixture
def passed_on(monkeypatch):
    """What the scheduler passes on to workers: their addresses, one for each call."""
    addresses = []

    class Recorded(distributed.actor.ProxyRPC):
        def __init__(self, rpc, address):
            addresses.append(address)
            super().__init__(rpc, address)

    monkeypatch.setattr(distributed.actor, "ProxyRPC", Recorded)
    return addresses


async def refused(address, addresses):
    raise OSError(f"{address}: no route to host")


async def dropped(address, addresses):
    await asyncio.sleep(3600)


async def of_another(address, addresses):
    return next(other for other in addresses if other != address)


def unreachable(monkeypatch, away, way, addresses=()):
    """Let direct connections to some addresses go another way; return the addresses that were tried."""
    tried, connect = [], distributed.core.ConnectionPool._connect

    async def connected(self, addr, timeout=None):
        if addr in away and self.server and isinstance(self.server(), distributed.Client):
            tried.append(addr)
            addr = await way(addr, addresses)
        return await connect(self, addr, timeout)

    monkeypatch.setattr(distributed.core.ConnectionPool, "_connect", connected)
    return tried


def test_calls_go_straight_to_workers_unless_the_client_says_otherwise(client, workers, passed_on, monkeypatch):
    parts = table()
    monkeypatch.setattr("sknet._dask.cluster.ANSWER_TIMEOUT", 60.0)  # also of a busy machine
    directly = SigmoidMLPRegressor(**FIT).fit(parts[list(X)], parts["y"])
    assert passed_on == []
    assert client.direct_to_workers is None
    monkeypatch.setattr(client, "direct_to_workers", False)
    tried = unreachable(monkeypatch, workers, refused)
    by_scheduler = SigmoidMLPRegressor(**FIT).fit(parts[list(X)], parts["y"])
    assert set(passed_on) == set(workers)
    assert tried == []
    assert distance(directly, by_scheduler) == 0.0


@pytest.mark.parametrize(("way", "n_away"), [(refused, 2), (dropped, 1), (of_another, 2)])
def test_a_worker_that_cannot_be_reached_is_tried_once(client, workers, passed_on, monkeypatch, way, n_away):
    parts, parameters = table(), FIT | dict(n_members=2, early_stopping="folds")
    expected = SigmoidMLPRegressor(**parameters).fit(parts[list(X)], parts["y"])
    away, started, start = sorted(workers)[:n_away], [], Cluster.start_tasks

    def recorded(self, function, *arguments, **options):
        started.append(function)
        return start(self, function, *arguments, **options)

    monkeypatch.setattr(Cluster, "start_tasks", recorded)
    monkeypatch.setattr("sknet._dask.cluster.ANSWER_TIMEOUT", 10.0)
    tried = unreachable(monkeypatch, away, way, workers)
    net = SigmoidMLPRegressor(**parameters).fit(parts[list(X)], parts["y"])
    assert set(tried) <= set(away)
    assert set(passed_on) <= set(workers)
    assert len(tried) == len(set(tried))
    assert bool(tried) == bool(passed_on)
    assert tried or n_away == 1  # both shards may be on one worker
    assert on_workers.value_and_gradient not in started  # no step is done again by tasks
    assert distance(expected, net) == 0.0
    assert left_on(client) == (set(), {})


# --- workers come late, or not at all


def test_a_cluster_without_workers_raises_an_error(client, workers):
    parts = table()
    net = SigmoidMLPRegressor(**FIT | dict(max_iter=1)).fit(parts[list(X)], parts["y"])
    before = net.coefs_
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        distributed.Client(empty),
        dask.config.set({"sknet.workers": 0.5}),
        pytest.raises(RuntimeError, match="no workers for .* start some"),
    ):
        net.fit(parts[list(X)], parts["y"])
    assert net.coefs_ is before


@pytest.mark.parametrize("n_members", [1, 2])
def test_workers_that_all_leave_end_the_fit(n_members):
    parts, net = table(), SigmoidMLPRegressor(**FIT | dict(n_members=n_members))
    options = dict(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
        at_call(4, lambda: cluster.scale(0), "value_and_gradient"),
        dask.config.set({"sknet.workers": 0.5}),
        pytest.raises(RuntimeError, match="no workers for .* start some"),
    ):
        net.fit(parts[list(X)], parts["y"])
    assert not hasattr(net, "coefs_")


def test_data_lost_with_its_worker_raises_an_error(client, workers):
    scattered = client.scatter(X[["a", "c"]].to_numpy(), hash=False)
    array = da.from_delayed(dask.delayed(np.copy)(scattered), (N, 2), float)
    net, kill_all = SigmoidMLPRegressor(**FIT), lambda: [os.kill(pid, signal.SIGKILL) for pid in workers.values()]
    with at_call(4, kill_all, "value_and_gradient"), pytest.raises(RuntimeError, match="scattered to a worker is lost"):
        net.fit(array, y.to_numpy())
    assert not hasattr(net, "coefs_")
    del scattered, array
    gc.collect()  # the error's frames hold what was scattered


def test_a_closed_client_raises_an_error():
    options = dict(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", silence_logs=50)
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as new_client:
        parts, net = table(), SigmoidMLPRegressor(**FIT)
        match = "The dask client is (closed|closing): connect to a scheduler again"
        with at_call(4, new_client.close, "value_and_gradient"), pytest.raises(RuntimeError, match=match):
            net.fit(parts[list(X)], parts["y"])
    assert not hasattr(net, "coefs_")


# --- what is left


def test_messages_to_the_scheduler_are_not_kept(client, workers):
    """A message that releases results names them only, and may come after the last call has cleared the log."""
    parts, kept, log = table(), [], client.scheduler_comm.recent_message_log

    def keep_messages():
        kept.append([message for batch in log for message in batch if message["op"] != "client-releases-keys"])

    with at_call(6, keep_messages, "value_and_gradient"):
        SigmoidMLPRegressor(**FIT).fit(parts[list(X)], parts["y"])
    assert kept == [[]]
    assert not log


def left_on(client):
    """Return the keys that the cluster still has, and its clients beside this one, once it has had time to forget."""

    def on_scheduler(dask_scheduler):
        return [*dask_scheduler.tasks, *dask_scheduler.clients]

    for _ in range(50):
        held = set(client.run_on_scheduler(on_scheduler)) - {client.id, "fire-and-forget"}
        if not held and not client.futures:
            break
        time.sleep(0.1)
    return held, dict(client.futures)


def n_connections():
    """Return how many connections sknet's clients have to workers and schedulers."""
    pools = [(pool, pool.server and pool.server()) for pool in distributed.core.ConnectionPool._instances]
    return sum(pool.open for pool, server in pools if getattr(server, "id", "").startswith("Client-sknet"))


@pytest.mark.parametrize(
    "parameters", [dict(early_stopping=False), dict(n_members=2)], ids=["one network", "folds of members"]
)
def test_nothing_is_left_behind(client, workers, parameters):
    gc.collect()  # errors of earlier tests, which hold what their fits kept
    parts, threads = table(), set(threading.enumerate())
    net = SigmoidMLPRegressor(**FIT | parameters).fit(parts[list(X)], parts["y"])
    assert left_on(client) == (set(), {})
    bad = SigmoidMLPRegressor(**FIT | parameters | dict(solver="sgd", learning_rate_init=1e200, clip_norm=None))
    with pytest.raises(ValueError, match="learning_rate_init") as failed:
        bad.fit(parts[list(X)], parts["y"])
    assert left_on(client) == (set(), {})
    assert failed.value
    before, interrupt = net.coefs_, lambda: os.kill(os.getpid(), signal.SIGINT)
    with at_call(3, interrupt, "value_and_gradient"), pytest.raises(KeyboardInterrupt) as interrupted:
        net.fit(parts[list(X)], parts["y"])
    assert left_on(client) == (set(), {})
    assert interrupted.value
    assert net.coefs_ is before
    with at_call(40, interrupt, "value_and_gradient"), pytest.warns(UserWarning, match="interrupted"):
        net.fit(parts[list(X)], parts["y"])
    assert left_on(client) == (set(), {})
    assert 0 < net.n_iter_ < 8
    assert n_connections() == 0
    of_dask = ("Profile", "Dask-Offload")  # which stay for the time of the process
    new = set(threading.enumerate()) - threads
    assert [thread for thread in new if not thread.name.startswith(of_dask)] == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_threads_of_a_worker_each_have_a_shard():
    options = dict(n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0", silence_logs=50)
    one = LocalRegressor(**FIT | dict(solver="lbfgs")).fit(X, y)
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        parts = table()
        many = SigmoidMLPRegressor(**FIT | dict(solver="lbfgs")).fit(parts[list(X)], parts["y"])
    assert distance(one, many) < 1e-8


# --- several networks


TWO = FIT | dict(n_members=2)


@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_members_and_folds_are_those_in_memory(client, workers, n_parts):
    parameters = TWO | dict(early_stopping="folds")
    parts = table(n_parts)
    remote = SigmoidMLPRegressor(**parameters).fit(parts[list(X)], parts["y"], parts["w"])
    local = LocalRegressor(**parameters).fit(X, y, WEIGHT)
    assert remote.resolved_params_["numeric_encoding"] == "auto"  # one sees bins, the other does not
    assert remote.n_iter_ == local.n_iter_
    assert distance(local, remote) < 1e-8
    np.testing.assert_allclose(remote.oof_prediction_, local.oof_prediction_, rtol=1e-8, atol=1e-10)
    for method in "predict", "predict_interval":
        lazy = getattr(remote, method)(parts[list(X)])
        assert lazy.divisions == parts.divisions
        np.testing.assert_allclose(lazy.compute(), getattr(local, method)(X), rtol=1e-7, atol=1e-9)


def test_local_members_are_kept_in_a_file(client, workers, tmp_path):
    parts = table()
    net = SigmoidMLPClassifier(**TWO | dict(max_iter=2)).fit(parts[["a", "c"]], parts["b"])
    save(net.to_local(), tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    p = net.predict_proba(parts[["a", "c"]])
    assert list(p.columns) == list("xyz")
    np.testing.assert_array_equal(p.compute(), again.predict_proba(X[["a", "c"]]))


def test_folds_of_labels_are_those_in_memory(client, workers):
    parts = table()
    remote = SigmoidMLPClassifier(**FIT | dict(early_stopping="folds")).fit(parts[["a", "c"]], parts["b"])
    local = LocalClassifier(**FIT | dict(early_stopping="folds")).fit(X[["a", "c"]], X["b"])
    assert remote.n_iter_ == local.n_iter_
    assert distance(local, remote) < 1e-8
    np.testing.assert_allclose(remote.oof_prediction_, local.oof_prediction_, rtol=1e-8, atol=1e-10)
    sets = remote.predict_set(parts[["a", "c"]], 0.8)
    assert list(sets.columns) == list("xyz")
    assert sets.divisions == parts.divisions
    np.testing.assert_array_equal(sets.compute(), local.predict_set(X[["a", "c"]], 0.8))
    with pytest.raises(ValueError, match="coverage=1.5: give a number"):
        remote.predict_set(parts[["a", "c"]], 1.5)


def test_target_means_of_a_large_table_are_added_up_by_the_workers(client, workers):
    parts, parameters = table(), FIT | dict(category_encoding="target", max_iter=3)
    with sample_rows(500):
        remote = SigmoidMLPRegressor(**parameters).fit(parts[list(X)], parts["y"], parts["w"])
        local = LocalRegressor(**parameters).fit(X, y, WEIGHT)
    assert distance(local, remote) < 1e-8


# --- a driver that is lost


def test_a_run_goes_on_from_a_checkpoint(client, workers, tmp_path):
    data, path = table(), tmp_path / "run.npz"
    columns, target = data[["a", "b", "c"]], data["y"]
    net = SigmoidMLPRegressor(**FIT).set_callbacks(Checkpoint(path, every=3)).fit(columns, target)
    resumed = SigmoidMLPRegressor(**FIT).resume(path, columns, target)  # of 8 epochs, 6 are in the file
    assert resumed.n_iter_ == net.n_iter_ == 8
    assert distance(resumed, net) == 0.0
    with pytest.raises(ValueError, match="other data, which differ in y"):
        SigmoidMLPRegressor(**FIT).resume(path, columns, target + 1.0)
    with pytest.raises(ValueError, match="other data, which differ in X"):
        SigmoidMLPRegressor(**FIT).resume(path, columns.assign(a=columns["a"] + 1.0), target)


# --- what is predicted and scored


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scores_and_intervals_are_the_local_ones(client, workers):
    data = table()
    columns = data[["a", "b", "c"]]
    net = SigmoidMLPRegressor(**FIT | dict(early_stopping=True, scoring="r2")).fit(columns, data["y"])
    local = LocalRegressor(**FIT | dict(early_stopping=True, scoring="r2")).fit(X, y)
    assert net.validation_scores_ == pytest.approx(local.validation_scores_, rel=1e-9)
    assert net.score(columns, data["y"], data["w"]) == pytest.approx(local.score(X, y, WEIGHT), rel=1e-9)
    ends = net.predict_interval(columns, 0.8).compute()
    np.testing.assert_allclose(ends, local.predict_interval(X, 0.8), rtol=1e-6, atol=1e-9)
    levels = dict(loss="quantile", quantile=0.7)
    net.set_params(**levels).fit(columns, data["y"]), local.set_params(**levels).fit(X, y)
    assert net.score(columns, data["y"], data["w"]) == pytest.approx(local.score(X, y, WEIGHT), rel=1e-9)
    sure, there = SigmoidMLPClassifier(**FIT).fit(columns, data["b"]), LocalClassifier(**FIT).fit(X, X["b"].to_numpy())
    assert sure.score(columns, data["b"]) == there.score(X, X["b"])


@pytest.mark.parametrize(
    ("kind", "method"), [(SigmoidMLPRegressor, "predict_interval"), (SigmoidMLPClassifier, "predict_set")]
)
def test_intervals_and_sets_that_cannot_be_are_refused_at_the_call(kind, method):
    local, target = kind._local(**FIT | dict(early_stopping=True)), y > 0.5
    table, net = da.from_array(X[["a", "c"]].to_numpy(), chunks=(700, 2)), kind(**FIT)
    publish(net, local.fit(X[["a", "c"]].to_numpy(), target.to_numpy()))  # as a fit on workers leaves it
    with pytest.raises(ValueError, match="coverage=2: give a number between 0 and 1"):
        getattr(net, method)(table, coverage=2)
    publish(net, local.set_params(early_stopping=False).fit(X[["a", "c"]].to_numpy(), target.to_numpy()))
    with pytest.raises(ValueError, match=f"{method} needs rows that were held out"):
        getattr(net, method)(table)


def test_quantiles_are_the_local_ones_and_refused_at_the_call():
    table, target = X[["a", "c"]].to_numpy(), y.to_numpy()
    parts, net = da.from_array(table, chunks=(700, 2)), SigmoidMLPRegressor(**FIT)
    local = LocalRegressor(**FIT | dict(early_stopping=True)).fit(table, target)
    publish(net, local)  # as a fit on workers leaves it
    quantiles = net.predict_quantiles(parts, 0.5).compute(scheduler="sync")
    np.testing.assert_allclose(quantiles, local.predict_quantiles(table, 0.5), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="quantiles=2: give one number"):
        net.predict_quantiles(parts, 2)
    publish(net, local.set_params(early_stopping=False).fit(table, target))
    with pytest.raises(ValueError, match="predict_quantiles needs rows that were held out"):
        net.predict_quantiles(parts, 0.5)


def test_explanations_are_the_local_estimators():
    with pytest.raises(AttributeError, match="'SigmoidMLPRegressor' object has no attribute 'explain'"):
        SigmoidMLPRegressor().explain(X)
