"""scikit-learn's callbacks: what they are told, by whom, how often, and that nothing of them stays."""

import io
import os
import pickle
from contextlib import redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor, TimeLimit, stream
from sknet._estimators import callbacks
from sknet._estimators.fit_run import FitRun
from tests.estimators import data
from tests.estimators.data import LABEL, NUMBER, WEIGHT, N, X, of_both, quiet
from tests.estimators.results import weights
from tests.storage.forged import read_checkpoint

QUICK = data.QUICK | {"max_iter": 4, "learning_rate_init": 0.05}
without_callbacks = not hasattr(SigmoidMLPClassifier, "set_callbacks")
needs_callbacks = pytest.mark.skipif(without_callbacks, reason="scikit-learn < 1.9")
STOPPED_IN_FOLDS = "A callback asked to stop. Folds were choosing the epoch: .* no prediction sets or intervals"


class Recorder:
    """Writes down each call, and may stop training or fail."""

    def __init__(self, stop_after=None, fail_at=None, keep=False):
        self.stop_after, self.fail_at, self.keep = stop_after, fail_at, keep
        self.calls, self.fitted, self.heard, self.epochs = [], [], [], 0

    def hear(self, name, estimator, context, **given):
        self.calls.append(f"{name} {context.task_name}")
        self.heard.append((estimator, context, given))
        if self.fail_at == self.calls[-1]:
            raise RuntimeError("a callback fails")

    def setup(self, estimator, context):
        self.hear("setup", estimator, context)

    def teardown(self, estimator, context):
        self.hear("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.hear("begin", estimator, context, X=X, y=y, metadata=metadata)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.hear("end", estimator, context, X=X, y=y, metadata=metadata)
        self.fitted.append(fitted_estimator)
        self.epochs += context.task_name == "epoch"
        return self.epochs == self.stop_after


class Beginner(Recorder):
    """Asks for a fitted estimator at the beginning of tasks too."""

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.fitted.append(fitted_estimator)


class Silent(Recorder):
    """Asks for nothing."""

    def on_fit_task_end(self, estimator, context):
        self.hear("end", estimator, context)


def epochs(n):
    return ["setup fit", "begin fit", *["begin epoch", "end epoch"] * n, "end fit", "teardown fit"]


# --- what they are told ----------------------------------------------------------------------------------------------


@needs_callbacks
@of_both
def test_each_epoch_is_one_task(kind, y):
    recorder = Recorder()
    net = kind(**QUICK).set_callbacks(recorder).fit(X, y)
    assert recorder.calls == epochs(4)
    assert all(estimator is net for estimator, _, _ in recorder.heard)
    contexts = [context for _, context, _ in recorder.heard]
    assert contexts[0].max_subtasks == 4
    assert [c.task_id for c in contexts if c.task_name == "epoch"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {c.max_subtasks for c in contexts if c.task_name == "epoch"} == {0}


@needs_callbacks
@quiet
@of_both
@pytest.mark.parametrize("max_iter", [3, 200])
def test_each_iteration_of_lbfgs_is_one_task(kind, y, max_iter):
    recorder = Recorder()
    parameters = QUICK | {"solver": "lbfgs", "max_iter": max_iter, "tol": 1e-2}
    net = kind(**parameters).set_callbacks(recorder).fit(X, y)
    assert recorder.calls == epochs(net.n_iter_)
    assert (net.n_iter_ == 3) == (max_iter == 3)
    assert recorder.heard[0][1].max_subtasks == max_iter


@needs_callbacks
def test_lbfgs_at_its_optimum_closes_what_it_has_opened():
    zero = ([np.zeros((4, 1))], [np.zeros(1)])
    recorder = Recorder()
    net = SigmoidMLPRegressor((), **QUICK_LINEAR, init=zero).set_callbacks(recorder).fit(X, np.zeros(N))
    assert net.n_iter_ == 0
    assert recorder.calls == epochs(1)
    assert recorder.fitted[0] is None


QUICK_LINEAR = {"solver": "lbfgs", "early_stopping": False, "alpha": 0.0}


@needs_callbacks
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_hooks_are_handed_the_users_data(weight):
    recorder = Recorder()
    net = SigmoidMLPRegressor(**QUICK | {"early_stopping": True, "validation_fraction": 0.3})
    net.set_callbacks(recorder).fit(X, NUMBER, weight, X_val=X[:20], y_val=NUMBER[:20])
    for _, _, given in recorder.heard[1:-1]:
        assert given["X"] is X
        assert given["y"] is NUMBER
        assert given["metadata"] is None if weight is None else given["metadata"] == {"sample_weight": weight}


@needs_callbacks
@of_both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@quiet
def test_fitted_estimators_are_as_if_fit_had_stopped_there_and_stay_so(kind, y, solver):
    recorder = Recorder()
    parameters = QUICK | {"solver": solver, "learning_rate": lambda _: 1.0, "averaging": 0.9, "dtype": "float64"}
    net = kind(**parameters).set_callbacks(recorder).fit(X, y)
    for k, snapshot in enumerate(recorder.fitted[:-1], 1):
        alone = kind(**parameters | {"max_iter": k}).fit(X, y)
        assert_array_equal(weights(snapshot), weights(alone))
        assert_array_equal(snapshot.predict(X), alone.predict(X))
        assert (snapshot.n_iter_, snapshot.t_, snapshot.loss_curve_) == (k, alone.t_, alone.loss_curve_)
        assert snapshot is not net
        assert not any(np.shares_memory(a, b) for a in snapshot.coefs_ for b in net.coefs_)
    assert_array_equal(weights(recorder.fitted[-1]), weights(net))
    assert recorder.fitted[-1].loss_curve_ == net.loss_curve_
    assert recorder.fitted[-1].t_ == net.t_


@needs_callbacks
def test_what_is_held_out_chooses_the_weights_of_a_fitted_estimator():
    recorder = Recorder()
    parameters = QUICK | {"early_stopping": True, "validation_fraction": 0.3, "learning_rate_init": 3.0}
    SigmoidMLPRegressor(**parameters).set_callbacks(recorder).fit(X, NUMBER)
    scores = [net.best_validation_score_ for net in recorder.fitted]
    assert scores == sorted(scores)
    assert scores[-1] == max(recorder.fitted[-1].validation_scores_)


@needs_callbacks
def test_a_fitted_estimator_at_the_beginning_has_the_first_weights():
    beginner = Beginner()
    net = SigmoidMLPRegressor(**QUICK).set_callbacks(beginner).fit(X, NUMBER)
    none, first, after_first, *_ = beginner.fitted
    assert none is None
    assert first.loss_curve_ == []
    assert np.isnan(first.loss_)
    assert first.predict(X).shape == (N,)
    assert_array_equal(weights(after_first), weights(beginner.fitted[3]))
    assert first.history_.empty
    assert net.n_iter_ == 4


@needs_callbacks
def test_a_warm_start_tells_of_all_epochs_so_far():
    recorder = Recorder()
    net = SigmoidMLPRegressor(**QUICK, warm_start=True).fit(X, NUMBER).set_callbacks(recorder).fit(X, NUMBER)
    assert recorder.calls == epochs(4)
    assert [len(snapshot.loss_curve_) for snapshot in recorder.fitted] == [5, 6, 7, 8, 8]
    assert [snapshot.t_ for snapshot in recorder.fitted] == [N * k for k in (5, 6, 7, 8, 8)]
    assert net.t_ == 8 * N


# --- folds and members -----------------------------------------------------------------------------------------------

FOLDS = dict(hidden_layer_sizes=3, max_iter=6, random_state=0, early_stopping="folds", learning_rate_init=0.05)


@needs_callbacks
@of_both
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_folds_epochs_are_tasks_too(kind, y, n_members):
    """Those of the folds first, with the first fold's members; then those of the networks that learn from all rows."""
    recorder = Recorder()
    net = kind(**FOLDS, n_members=n_members).set_callbacks(recorder).fit(X, y)
    n_folds_epochs = len(net.validation_scores_)
    assert recorder.calls == epochs(n_folds_epochs + net.n_iter_)
    assert recorder.heard[0][1].max_subtasks == 12
    of_folds, of_all = recorder.fitted[:n_folds_epochs], recorder.fitted[n_folds_epochs:-1]
    assert [one.validation_scores_ for one in of_folds] == [
        net.validation_scores_[:k] for k in range(1, n_folds_epochs + 1)
    ]
    assert all(one.coefs_[0].shape == net.coefs_[0].shape and one.predict(X).shape == (N,) for one in of_folds)
    assert [one.n_iter_ for one in of_all] == list(range(1, net.n_iter_ + 1))
    assert all(one.validation_scores_ == net.validation_scores_ for one in of_all)
    assert_array_equal(weights(of_all[-1]), weights(net))
    assert_array_equal(weights(net), weights(kind(**FOLDS, n_members=n_members).fit(X, y)))


@needs_callbacks
@of_both
@pytest.mark.parametrize("n_members", [1, 2])
def test_a_stop_during_folds_publishes_the_first_folds_network(kind, y, n_members):
    recorder = Recorder(stop_after=2)
    with pytest.warns(UserWarning, match=STOPPED_IN_FOLDS):
        net = kind(**FOLDS, n_members=n_members).set_callbacks(recorder).fit(X, y)
    assert recorder.calls == epochs(2)
    assert net.n_iter_ == len(net.validation_scores_) == 2
    assert net.best_epoch_ == 2
    assert_array_equal(weights(net), weights(recorder.fitted[1]))
    assert net.coefs_[0].shape[1] == 3 * n_members
    assert not hasattr(net, "oof_prediction_")
    assert net.predict(X).shape == (N,)
    assert len(net.history_) == 2
    if kind is SigmoidMLPRegressor:
        with pytest.raises(ValueError, match="predict_interval needs rows that were held out.*callback stopped it"):
            net.predict_interval(X)


@needs_callbacks
@of_both
@pytest.mark.parametrize("how", [{"early_stopping": False}, {"early_stopping": True, "validation_fraction": 0.3}])
def test_a_stop_ends_all_members_after_the_same_epoch(kind, y, how):
    net = kind(**FOLDS | how, n_members=3).set_callbacks(Recorder(stop_after=2)).fit(X, y)
    assert net.n_iter_ == 2
    assert list(net.history_.groupby("member").size()) == [2, 2, 2]


@of_both
@pytest.mark.parametrize("n_members", [1, 2])
def test_verbose_prints_the_folds_epochs_as_well(kind, y, n_members, capsys):
    net = kind(**FOLDS, n_members=n_members, verbose=True).fit(X, y)
    printed = capsys.readouterr().out
    n_folds_epochs = len(net.validation_scores_)
    assert printed.count("Folds: iteration ") == printed.count("Validation score: ") == n_folds_epochs
    assert printed.count("Iteration ") == net.n_iter_
    assert f"All {net.n_iter_} epochs that folds have chosen are done. Stopping." in printed
    kind(**FOLDS, n_members=n_members, verbose=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("folds ") for line in lines) == n_folds_epochs
    assert sum(line.startswith(f"epoch {net.n_iter_}/{net.n_iter_}, loss ") for line in lines) == 1


# --- stopping and failing --------------------------------------------------------------------------------------------


@needs_callbacks
@quiet
@of_both
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("places", [(0, 1), (1, 0)])
def test_a_true_return_stops_training(kind, y, solver, places):
    both = [Recorder(stop_after=2), Recorder()]
    net = kind(**QUICK | {"solver": solver}).set_callbacks(*(both[i] for i in places)).fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 2
    assert both[0].calls == both[1].calls == epochs(2)


@needs_callbacks
@pytest.mark.parametrize("at", ["setup fit", "begin fit", "begin epoch", "end epoch"])
def test_a_failing_fit_tears_down_and_leaves_no_trace(at):
    failing, other = Recorder(fail_at=at), Recorder()
    net = SigmoidMLPRegressor(**QUICK).set_callbacks(other, failing)
    before = set(vars(net))
    with pytest.raises(RuntimeError, match="a callback fails"):
        net.fit(X, NUMBER)
    assert failing.calls[-1] == other.calls[-1] == "teardown fit"
    assert set(vars(net)) == before


@needs_callbacks
def test_a_fit_from_a_stream_tears_down():
    recorder = Recorder()
    net = SigmoidMLPRegressor(**QUICK).set_callbacks(recorder)
    before = set(vars(net))
    stream.fit(net, lambda: iter([(X, NUMBER)]))
    assert recorder.calls == epochs(4)
    assert set(vars(net)) == {*before, "_fitted"}
    failing = Recorder(fail_at="end epoch")
    with pytest.raises(RuntimeError, match="a callback fails"):
        stream.fit(net.set_callbacks(failing), lambda: iter([(X, NUMBER)]))
    assert failing.calls[-1] == "teardown fit"


@needs_callbacks
def test_a_diverging_fit_tears_down():
    recorder = Recorder()
    net = SigmoidMLPRegressor(**QUICK | {"solver": "sgd", "activation": "relu", "learning_rate_init": 1e200})
    with pytest.raises(ValueError, match="diverged"):
        net.set_callbacks(recorder).fit(X, NUMBER)
    assert recorder.calls[-1] == "teardown fit"
    assert not hasattr(net, "_callback_fit_ctx")
    assert not hasattr(net, "coefs_")


# --- nothing is paid for, nothing stays ------------------------------------------------------------------------------


@needs_callbacks
def test_fitted_estimators_are_made_only_where_a_callback_asks(monkeypatch):
    made = []
    fitted = FitRun.current_fitted
    monkeypatch.setattr(FitRun, "current_fitted", lambda run: made.append(1) or fitted(run))
    SigmoidMLPRegressor(**QUICK).set_callbacks(Silent()).fit(X, NUMBER)
    assert not made
    SigmoidMLPRegressor(**QUICK).set_callbacks(Silent(), Recorder(), Recorder()).fit(X, NUMBER)
    assert len(made) == 4  # one per epoch, which the recorders share


@needs_callbacks
def test_partial_fit_tells_nobody():
    recorder = Recorder()
    SigmoidMLPRegressor(**QUICK).set_callbacks(recorder).partial_fit(X, NUMBER)
    assert recorder.calls == []


@needs_callbacks
def test_callbacks_travel_before_fit_and_never_after():
    net = SigmoidMLPRegressor(**QUICK).set_callbacks(Silent())
    assert hasattr(pickle.loads(pickle.dumps(net)), "_skl_callbacks")
    assert clone(net)._skl_callbacks == net._skl_callbacks
    net.set_callbacks(Recorder())
    net.fit(X, NUMBER)
    assert hasattr(net, "_skl_callbacks")  # a second fit is watched too
    assert clone(net)._skl_callbacks == net._skl_callbacks
    for saved in (pickle.dumps(net), pickle.dumps(net._skl_callbacks[0].fitted[0])):
        assert b"callback" not in saved
        assert b"Recorder" not in saved
        assert not [name for name in vars(pickle.loads(saved)) if "callback" in name]


# --- scikit-learn's own ----------------------------------------------------------------------------------------------


@needs_callbacks
@quiet
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_scoring_monitor_records_each_epoch(solver, weight):
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=["r2", "neg_mean_absolute_error"])
    net = SigmoidMLPRegressor(**QUICK | {"solver": solver}).set_callbacks(monitor)
    net.fit(X, NUMBER, sample_weight=weight)
    log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(log) == net.n_iter_ == 4
    assert log[-1]["r2"] == pytest.approx(net.score(X, NUMBER, weight))


@needs_callbacks
def test_a_progress_bar_is_shown():
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    shown = io.StringIO()
    with redirect_stdout(shown):
        SigmoidMLPRegressor(**QUICK).set_callbacks(ProgressBar()).fit(X, NUMBER)
    assert "SigmoidMLPRegressor - fit" in shown.getvalue()
    assert "100%" in shown.getvalue()


@needs_callbacks
def test_bars_and_scores_of_a_pipeline_in_a_search_in_two_processes():
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar, ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    net = SigmoidMLPClassifier(**QUICK).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), net)
    grid = {"sigmoidmlpclassifier__hidden_layer_sizes": [2, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2)
    shown = io.StringIO()
    with redirect_stdout(shown):
        search.set_callbacks(ProgressBar(max_propagation_depth=2)).fit(X, LABEL)
    bars = shown.getvalue()
    assert "GridSearchCV - fit" in bars
    assert "Pipeline - fit" in bars
    assert "SigmoidMLPClassifier - fit" in bars
    scores = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == (2 * 2 + 1) * 4
    saved = pickle.dumps(search.best_estimator_[-1])
    assert b"callback" not in saved


@pytest.mark.skipif(not without_callbacks, reason="scikit-learn >= 1.9")
@pytest.mark.parametrize("callback", [TimeLimit, Checkpoint])
def test_an_older_scikit_learn_has_no_callbacks(callback):
    with pytest.raises(ImportError, match=rf"sknet\.{callback.__name__} is a callback, and callbacks need"):
        callback(1)


def test_older_scikit_learns_have_no_set_callbacks():
    assert without_callbacks != hasattr(SigmoidMLPRegressor(), "set_callbacks")
    assert without_callbacks == (tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


# --- time limits -----------------------------------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("seconds", [-1.0, np.nan, True, None, "60", [1.0]])
def test_a_time_limit_is_a_number_of_seconds(seconds):
    with pytest.raises(ValueError, match=r"seconds=.*: give the time limit in seconds"):
        TimeLimit(seconds)


@pytest.fixture
def clock(monkeypatch):
    """A clock that each reading moves on by as many seconds as the list `ticks` says, and then by 1."""
    clock = SimpleNamespace(now=100.0, ticks=[])

    def read():
        clock.now += clock.ticks.pop(0) if clock.ticks else 1.0
        return clock.now

    monkeypatch.setattr(callbacks, "perf_counter", read)
    return clock


@needs_callbacks
@quiet
@pytest.mark.parametrize(
    ("seconds", "n_epochs"), [(0.0, 1), (1.5, 1), (2.0, 2), (3, 3), (np.float32(3.9), 3), (np.inf, 4)]
)
@of_both
def test_training_stops_if_another_epoch_might_end_too_late(kind, y, seconds, n_epochs, clock):
    net = kind(**QUICK).set_callbacks(TimeLimit(seconds))
    for _ in range(2):  # each fit starts the clock anew
        assert net.fit(X, y).n_iter_ == n_epochs
    expected = kind(**QUICK).set_callbacks(Recorder(stop_after=n_epochs)).fit(X, y)
    assert_array_equal(net.coefs_[0], expected.coefs_[0])


@needs_callbacks
@quiet
def test_the_longest_epoch_says_how_long_the_next_one_may_take(clock):
    clock.ticks = [0.0, 3.0, 1.0]  # the start, and the ends of two epochs
    assert SigmoidMLPRegressor(**QUICK).set_callbacks(TimeLimit(6.0)).fit(X, NUMBER).n_iter_ == 2


@needs_callbacks
@quiet
def test_a_fit_that_ran_out_of_time_has_the_weights_of_its_best_epoch(clock):
    settings = QUICK | {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 30, "learning_rate_init": 1.0}
    net = SigmoidMLPRegressor(**settings).set_callbacks(TimeLimit(9.0)).fit(X, NUMBER)
    assert net.n_iter_ == 9 > net.best_epoch_
    best = SigmoidMLPRegressor(**settings).set_callbacks(TimeLimit(float(net.best_epoch_))).fit(X, NUMBER)
    assert_array_equal(net.coefs_[0], best.coefs_[0])


@needs_callbacks
@quiet
def test_the_time_limit_includes_the_epochs_of_folds(clock):
    settings = QUICK | {"early_stopping": "folds"}
    with pytest.warns(UserWarning, match=STOPPED_IN_FOLDS):
        stopped_in_folds = SigmoidMLPRegressor(**settings).set_callbacks(TimeLimit(3.0)).fit(X, NUMBER)
    assert stopped_in_folds.n_iter_ == 3
    with pytest.warns(UserWarning, match=STOPPED_IN_FOLDS):
        first_fold = SigmoidMLPRegressor(**settings).set_callbacks(Recorder(stop_after=3)).fit(X, NUMBER)
    assert_array_equal(stopped_in_folds.coefs_[0], first_fold.coefs_[0])
    with pytest.warns(UserWarning, match="trained for 1 of the . epochs that folds have chosen: .* are too narrow"):
        stopped_later = SigmoidMLPRegressor(**settings).set_callbacks(TimeLimit(5.0)).fit(X, NUMBER)
    assert stopped_later.n_iter_ == 1  # after four epochs of folds


# --- checkpoints ----------------------------------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("every", [0, -1, 1.5, True, np.inf, np.nan, None, "3"])
def test_the_interval_of_a_checkpoint_must_be_a_number_of_epochs(path, every):
    with pytest.raises(ValueError, match="every="):
        Checkpoint(path, every)


class Removing:
    """Removes a checkpoint, and writes down of which epoch it was."""

    def __init__(self, path):
        self.path, self.epochs = path, []

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if self.path.exists():
            self.epochs.append(read_checkpoint(self.path).progress.states[0].epoch)
            self.path.unlink()

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "fit":
            self.on_fit_task_begin(estimator, context)

    teardown = setup


@needs_callbacks
@pytest.mark.parametrize(("every", "written"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (3, [3]), (7, [])])
def test_a_checkpoint_is_written_every_few_epochs(path, every, written):
    removing = Removing(path)
    SigmoidMLPRegressor(**QUICK).set_callbacks(removing, Checkpoint(path, every)).fit(X, NUMBER)
    assert removing.epochs == written


@needs_callbacks
def test_the_path_is_taken_as_it_is_and_may_be_a_string(tmp_path):
    SigmoidMLPRegressor(**QUICK).set_callbacks(Checkpoint(str(tmp_path / "run"))).fit(X, NUMBER)
    assert os.listdir(tmp_path) == ["run"]


@needs_callbacks
def test_a_checkpoint_works_inside_a_pipeline(path):
    net = SigmoidMLPRegressor(**QUICK).set_callbacks(Checkpoint(path))
    pipeline = make_pipeline(StandardScaler(), net).fit(X, NUMBER)
    again = SigmoidMLPRegressor(**QUICK).resume(path, pipeline[0].transform(X), NUMBER)
    assert_array_equal(again.predict(pipeline[0].transform(X)), pipeline.predict(X))


@needs_callbacks
def test_lbfgs_has_no_checkpoints(path):
    net = SigmoidMLPRegressor(**QUICK | {"solver": "lbfgs"}).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match="solver='lbfgs' keeps its curvature inside SciPy"):
        net.fit(X, NUMBER)
    with pytest.raises(ValueError, match="solver='lbfgs' keeps its curvature inside SciPy"):
        net.resume(path, X, NUMBER)


@needs_callbacks
def test_a_checkpoint_refuses_estimators_of_other_packages(path):
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(TypeError, match="LogisticRegression is not one of them"):
        LogisticRegression().set_callbacks(Checkpoint(path)).fit(X, NUMBER > 0)
