"""Shards on workers of a cluster, which may be lost at any instant, come late, or never have been there."""

import os
import signal
import threading
from concurrent.futures import Future as Called
from types import SimpleNamespace

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
from sknet._partitions import dask as room  # noqa: E402
from sknet._partitions.dask import Patience, Workers  # noqa: E402
from sknet.dask import SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402

rng = np.random.default_rng(0)
N = 2000
X = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(list("xyz"), N), "c": rng.normal(size=N)})
X.loc[rng.random(N) < 0.1, "c"] = np.nan
y = X["a"] + (X["b"] == "x")
WEIGHT = rng.random(N)
FIT = dict(hidden_layer_sizes=8, max_iter=8, batch_size=300, dtype="float64", dropout=0.0, random_state=0)
FIT |= dict(numeric_encoding="piecewise_linear")  # "auto" would train three networks instead of one


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
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
    parameters = FIT | dict(solver=solver, numeric_encoding="auto")
    many = SigmoidMLPRegressor(**parameters).fit(given[list(X)], given["y"], given["w"])
    one = LocalRegressor(**parameters).fit(X, y, WEIGHT)
    assert distance(one, many) < 1e-8 and one.resolved_params_ == many.resolved_params_
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


def watch(monkeypatch, on_call):
    """Tell a function of each call to the shards."""
    call = Workers.call
    monkeypatch.setattr(Workers, "call", lambda self, name, *a, **k: on_call(name) or call(self, name, *a, **k))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize(
    ("solver", "method", "nth", "delay"),
    [("adam", "step", 7, 0.0), ("lbfgs", "step", 5, 0.002), ("adam", "tables", 1, 0.0), ("adam", "encode", 1, 0.001)],
)
def test_a_lost_worker_is_replaced(client, workers, monkeypatch, solver, method, nth, delay):
    given = table()
    whole = SigmoidMLPRegressor(**FIT | dict(solver=solver)).fit(given[list(X)], given["y"])
    killer = Killer(list(workers.values())[nth % 2], method, nth, delay)
    watch(monkeypatch, killer)
    again = SigmoidMLPRegressor(**FIT | dict(solver=solver)).fit(given[list(X)], given["y"])
    assert killer.left <= 0
    assert distance(whole, again) < (1e-11 if solver == "adam" else 1e-8)
    assert whole.loss_curve_ == pytest.approx(again.loss_curve_, rel=1e-9)


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize("nth", [7, 60, 110])  # of some 50 steps each without bins, with them, and of the fit
def test_a_worker_that_is_lost_while_encodings_are_compared_is_replaced(client, workers, monkeypatch, nth):
    given, parameters = table(), FIT | dict(numeric_encoding="auto")
    whole = SigmoidMLPRegressor(**parameters).fit(given[list(X)], given["y"])
    killer = Killer(list(workers.values())[nth % 2], "step", nth, 0.0)
    watch(monkeypatch, killer)
    again = SigmoidMLPRegressor(**parameters).fit(given[list(X)], given["y"])
    assert killer.left <= 0 and distance(whole, again) < 1e-11
    assert whole.resolved_params_ == again.resolved_params_


# --- workers come late, or not at all


@pytest.fixture
def stopped(workers):
    """The address and pid of a worker that does nothing until it is told to go on."""
    address, pid = next(iter(workers.items()))
    yield address, pid
    os.kill(pid, signal.SIGCONT)


class Stopper(Killer):
    """Stops a worker for some seconds, at the nth step."""

    def __call__(self, method):
        if method == self.method:
            self.left -= 1
            if self.left == 0:
                os.kill(self.pid, signal.SIGSTOP)
                threading.Timer(self.delay, os.kill, (self.pid, signal.SIGCONT)).start()


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_a_straggler_is_named_and_waited_for(client, stopped, monkeypatch):
    given, (address, pid) = table(), stopped
    whole = SigmoidMLPRegressor(**FIT).fit(given[list(X)], given["y"])
    watch(monkeypatch, Stopper(pid, "step", 4, 1.5))
    with dask.config.set({"sknet.straggler": 0.3}), pytest.warns(RuntimeWarning, match=f"{address}.*waited for"):
        late = SigmoidMLPRegressor(**FIT).fit(given[list(X)], given["y"])
    assert distance(whole, late) < 1e-11


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning", "ignore:.*waited for:RuntimeWarning")
@pytest.mark.parametrize("n_members", [1, 3])
def test_a_worker_that_never_answers_ends_the_fit(client, stopped, monkeypatch, n_members):
    given, (address, pid) = table(), stopped
    net = SigmoidMLPRegressor(**FIT | dict(n_members=n_members)).fit(given[list(X)], given["y"])
    before = net._fitted
    watch(monkeypatch, Stopper(pid, "step", 4, 8.0))
    with (
        dask.config.set({"sknet.straggler": 0.3, "sknet.timeout": 1.0}),
        pytest.raises(TimeoutError, match=f"{address}.*stop them"),
    ):
        net.fit(given[list(X)], given["y"])
    assert net._fitted is before


def test_a_cluster_without_workers_is_told(client, workers):
    given = table()
    net = SigmoidMLPRegressor(**FIT | dict(max_iter=1)).fit(given[list(X)], given["y"])
    before = net._fitted
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        distributed.Client(empty),
        dask.config.set({"sknet.workers": 0.5}),
        pytest.raises(RuntimeError, match="no workers for .* start some"),
    ):
        net.fit(given[list(X)], given["y"])
    assert net._fitted is before


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize("n_members", [1, 3])
def test_workers_that_all_leave_end_the_fit(monkeypatch, n_members):
    given, net = table(), SigmoidMLPRegressor(**FIT | dict(n_members=n_members))
    options = dict(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=50)
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):

        class Leaver(Killer):
            def __call__(self, method):
                if method == self.method:
                    self.left -= 1
                    if self.left == 0:
                        cluster.scale(0)

        watch(monkeypatch, Leaver(0, "step", 4, 0.0))
        with (
            dask.config.set({"sknet.straggler": 0.3, "sknet.workers": 0.5, "sknet.replacement": 0.5}),
            pytest.raises(RuntimeError, match="no workers for .* start some"),
        ):
            net.fit(given[list(X)], given["y"])
    assert net._fitted is None


# --- several networks


MEMBERS = FIT | dict(n_members=3)


def furthest(one, other):
    return max(map(distance, one.members_, other.members_))


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_members_are_those_in_memory(client, workers, n_parts):
    given = table(n_parts)
    many = SigmoidMLPRegressor(**MEMBERS).fit(given[list(X)], given["y"], given["w"])
    one = LocalRegressor(**MEMBERS).fit(X, y, WEIGHT)
    assert furthest(one, many) < 1e-8
    np.testing.assert_allclose(many.oof_prediction_, one.oof_prediction_, rtol=1e-8, atol=1e-10)
    for method in "predict", "predict_interval":
        lazy = getattr(many, method)(given[list(X)])
        assert lazy.divisions == given.divisions
        np.testing.assert_allclose(lazy.compute(), getattr(many.to_local(), method)(X), rtol=1e-12, atol=1e-14)
    assert type(many.members_[0]) is SigmoidMLPRegressor and len(many.members_[0].predict(given[list(X)])) == N


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_local_members_are_kept_in_a_file(client, workers, tmp_path):
    given = table()
    net = SigmoidMLPClassifier(**MEMBERS | dict(max_iter=2)).fit(given[["a", "c"]], given["b"])
    save(net.to_local(), tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    p = net.predict_proba(given[["a", "c"]])
    assert list(p.columns) == list("xyz")
    np.testing.assert_array_equal(p.compute(), again.predict_proba(X[["a", "c"]]))


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
@pytest.mark.parametrize(("method", "nth", "delay"), [("step", 17, 0.002), ("choose", 2, 0.0), ("raw", 4, 0.001)])
def test_a_lost_worker_is_replaced_for_all_members(client, workers, monkeypatch, method, nth, delay):
    given = table()
    whole = SigmoidMLPRegressor(**MEMBERS).fit(given[list(X)], given["y"])
    killer = Killer(list(workers.values())[nth % 2], method, nth, delay)
    watch(monkeypatch, killer)
    again = SigmoidMLPRegressor(**MEMBERS).fit(given[list(X)], given["y"])
    assert killer.left <= 0 and furthest(whole, again) < 1e-11


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_a_straggler_is_named_once_for_all_members(client, stopped, monkeypatch):
    given, (address, pid) = table(), stopped
    watch(monkeypatch, Stopper(pid, "step", 7, 1.5))
    with dask.config.set({"sknet.straggler": 0.3}), pytest.warns(RuntimeWarning) as told:
        SigmoidMLPRegressor(**MEMBERS).fit(given[list(X)], given["y"])
    assert [one.filename for one in told if address in str(one.message)] == [__file__]


@pytest.mark.filterwarnings("ignore:A step's work:RuntimeWarning")
def test_folds_are_those_in_memory(client, workers):
    given = table()
    many = SigmoidMLPClassifier(**FIT | dict(early_stopping="folds")).fit(given[["a", "c"]], given["b"])
    one = LocalClassifier(**FIT | dict(early_stopping="folds")).fit(X[["a", "c"]], X["b"])
    assert many.n_iter_ == one.n_iter_ and distance(one, many) < 1e-8


@pytest.mark.parametrize(
    ("parameters", "what"), [(dict(solver="lbfgs"), "solver='lbfgs'"), (dict(early_stopping=False), "early_stopping")]
)
def test_what_does_not_go_with_members_is_refused_before_anything_is_computed(parameters, what):
    with pytest.raises(ValueError, match=f"n_members=3 does not go with {what}"):
        SigmoidMLPRegressor(**MEMBERS | parameters).fit(None, None)
    with pytest.raises(ValueError, match="n_members=3 does not go with X_val"):
        SigmoidMLPRegressor(**MEMBERS).fit(None, None, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="n_members=3 does not go with Checkpoint"):
        SigmoidMLPRegressor(**MEMBERS).set_callbacks(Checkpoint("run.npz")).fit(None, None)
    with pytest.raises(ValueError, match="n_members=3: a checkpoint holds one network"):
        SigmoidMLPRegressor(**MEMBERS).resume("run.npz", None, None)


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


# --- what is predicted and scored


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:A step's work:RuntimeWarning")
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
    sure, there = SigmoidMLPClassifier(**FIT).fit(columns, data["b"]), LocalClassifier(**FIT).fit(X, X["b"])
    assert sure.score(columns, data["b"]) == there.score(X, X["b"])


# --- what goes wrong, on a cluster that is played


class Task:
    """A task of dask's."""

    def __init__(self, result=None, status="finished", error=None):
        self.result, self.status, self.error, self.key = result, status, error, "part-0"

    def done(self):
        return self.status != "pending"

    def exception(self):
        return self.error


class Cluster:
    """A client whose workers are addresses; those in `broken` take no shard, and a shard's lease is `lease`."""

    security = SimpleNamespace(get_connection_args=lambda role: {})

    def __init__(self):
        self.addresses, self.broken, self.status, self.lease = ["a", "b"], [], "running", Task()

    def nthreads(self):
        return dict.fromkeys(self.addresses, 1)

    def compute(self, tables, **where):
        return [Task(each) for each in tables]

    def submit(self, function, *parts, **how):
        if function is room.worker.host:
            return self.lease
        return Task(len(parts[0].result) if function is room.worker.n_rows_of else parts[0].result[:2])

    def gather(self, tasks):
        return [task.result for task in tasks]

    def who_has(self, parts):
        return {}

    def run(self, function, workers):
        if workers[0] in self.broken:
            raise OSError("a connection broke")


class Line:
    """Calls to workers: each answers as `says` has it, and never where that is None."""

    def __init__(self, arguments):
        self.says = {"a": "one", "b": "two"}

    def send(self, address, key, method, arguments):
        call, found = Called(), self.says[address]
        if isinstance(found, OSError):
            call.set_exception(found)
        elif isinstance(found, Exception):
            call.set_result({"status": "error", "error": found})
        elif found is not None:
            call.set_result({"status": "unknown"} if found == "unknown" else {"status": "done", "answer": found})
        return call

    def close(self):
        pass


@pytest.fixture
def played(monkeypatch):
    """Two shards, of 3 and 4 rows, on two workers."""
    monkeypatch.setattr(room, "Wire", Line)
    monkeypatch.setattr(room, "TICK", 0.001)
    warned = []
    found = Workers(Cluster(), [np.zeros(3), np.zeros(4)], warned.append)
    found.warned, found._patience = warned, Patience(straggler=0.01, timeout=0.05, replacement=0.01, workers=0.03)
    assert found.open()[0] == [3, 4] and len(found.held) == 2
    return found


def test_a_call_is_answered_by_every_shard(played):
    assert sorted(played.call("step", {0: (), 1: ()}).values()) == ["one", "two"] and not played.warned


def test_an_error_on_a_worker_is_raised_here(played):
    played._wire.says["b"] = ZeroDivisionError("there")
    with pytest.raises(ZeroDivisionError, match="there"):
        played.call("step", {0: (), 1: ()})


def test_a_straggler_is_named_once_and_then_given_up(played):
    played._wire.says["b"] = None
    with pytest.raises(TimeoutError, match=r"\['b'\] did not answer for 0 s: see what these workers do"):
        played.call("step", {0: (), 1: ()})
    assert played.warned == ["['b'] did not answer for 0 s. These workers are waited for."]


def test_a_shard_of_a_worker_that_is_gone_moves(played):
    played._wire.says["b"] = None
    played._client.addresses.remove("b")
    assert played.call("step", {0: (), 1: ()}) == {0: "one", 1: "one"}
    assert {home.address for home in played._home.values()} == {"a"} and not played.warned


def test_a_shard_that_cannot_be_hosted_is_given_up_after_some_attempts(played):
    played._wire.says["b"] = "unknown"
    played._client.broken = ["a", "b"]
    with pytest.raises(
        RuntimeError, match=r"5 workers in a row were lost with the same 1 parts of the table, of \d rows"
    ):
        played.call("step", {0: (), 1: ()})


def test_a_worker_that_goes_while_its_shard_is_made(played):
    played._client.lease = Task(status="pending")
    played._client.addresses.remove("b")
    with pytest.raises(room.LostError, match="b"):
        played._host(1, "b")


def test_a_shard_that_several_runs_find_lost_is_made_anew_once(played):
    played._wire.says["b"] = None
    played._client.addresses.remove("b")
    shard = next(i for i, home in played._home.items() if home.address == "b")
    gone, hosted = played._home[shard], []
    host = played._host
    played._host = lambda *given: hosted.append(given) or host(*given)
    played._replace(shard, gone)
    played._replace(shard, gone)  # another one, which was called where the shard was
    assert hosted == [(shard, "a")] and played.call("step", {shard: ()}) == {shard: "one"}


def test_nobody_waits_again_for_workers_that_do_not_come(played):
    played._client.addresses.clear()
    gone = played._home[0]
    with pytest.raises(RuntimeError, match="no workers for") as first:
        played._replace(0, gone)
    with pytest.raises(RuntimeError, match="no workers for") as second:
        played._replace(0, gone)
    assert second.value is first.value


def test_what_had_been_done_is_repeated_or_the_worker_counts_as_lost(played):
    played.call("encode", {0: (), 1: ()}, changes=True)
    played._wire.says["b"] = "unknown"
    shard = next(i for i, home in played._home.items() if home.address == "b")
    with pytest.raises(room.LostError, match="b"):
        played._host(shard, "b")


def test_a_worker_that_is_lost_at_the_beginning(played):
    played._client.broken, played._wire.says["b"] = ["b"], OSError("a connection broke")
    assert played.open()[0] == [3, 4] and {home.address for home in played._home.values()} == {"a"}


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (Task(status="error", error=KeyError("k")), KeyError, "k"),
        (
            Task(status="error", error=distributed.KilledWorker("t", SimpleNamespace(address="b"), 3)),
            RuntimeError,
            "killed several workers",
        ),
        (Task(status="cancelled"), RuntimeError, r"dask has cancelled a part of the table \(part-0\)"),
    ],
    ids=["error", "killed", "cancelled"],
)
def test_a_part_that_is_not_computed(played, task, error, message):
    with pytest.raises(error, match=message):
        played.finish([Task(), task])
    played._client.lease = task
    with pytest.raises(error, match=message):
        played._host(0, "a")


def test_a_cluster_without_workers(played):
    played._client.addresses.clear()
    with pytest.raises(RuntimeError, match=r"The dask cluster has had no workers for 0\.03 s: start some"):
        played.finish([Task(status="pending")])
    with pytest.raises(RuntimeError, match="The dask cluster has had no workers for 0 s: start some"):
        played._worker_for(0, "a")


def test_a_client_that_is_closed(played):
    played._client.status = "closed"
    with pytest.raises(RuntimeError, match="The dask client is closed: connect to a scheduler again"):
        played.finish([Task(status="pending")])
