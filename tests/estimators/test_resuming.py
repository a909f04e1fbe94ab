"""Runs that go on, by `partial_fit` and by `resume`, end where the uninterrupted run ends, bit for bit."""

import os
import pickle
import stat

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import quiet, stops_at
from tests.estimators.pairs import over_pairs
from tests.estimators.results import weights

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 5))
NUMBER = X[:, 0] - X[:, 1]
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
WEIGHT = rng.integers(1, 4, size=N).astype(float)
TOWNS = pd.DataFrame(X[:, :3], columns=list("abc")).assign(town=[f"town {i}" for i in rng.integers(0, 30, N)])
KINDS = [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)]
OF_TASK = {"classifier": KINDS[0], "regressor": KINDS[1]}
of_both = pytest.mark.parametrize("kind, y", KINDS, ids=list(OF_TASK))
TASKS, SOLVERS = ["classifier", "regressor"], ["adam", "sgd", "rmsprop"]


def half(fraction):
    return 1.0 - 0.5 * fraction


SCHEDULES = ["constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle", "coslog4", half]
needs_callbacks = pytest.mark.skipif(not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")
pytestmark = quiet

PLAIN = dict(
    n_members=1,
    hidden_layer_sizes=4, max_iter=6, batch_size=40, learning_rate_init=0.02, random_state=1, early_stopping=False,
    tol=0.0, max_norm=2.0, clip_norm=1.0, weight_decay=0.01,
)  # fmt: skip
STOPS = {"tol": 1e-2, "n_iter_no_change": 2}  # patience counts: the rate of "adaptive" falls, early stopping stops


def assert_the_same(one, other, n_iter=True):
    assert_array_equal(weights(one), weights(other))
    assert one.loss_curve_ == other.loss_curve_
    assert (one.t_, one.loss_, one.best_loss_) == (other.t_, other.loss_, other.best_loss_)
    assert one.n_iter_ == other.n_iter_ or not n_iter
    assert one.validation_scores_ == other.validation_scores_
    assert one.best_validation_score_ == other.best_validation_score_
    assert one.history_.drop(columns="seconds").equals(other.history_.drop(columns="seconds"))
    assert_array_equal(one.predict(X), other.predict(X))
    assert vars(one).keys() == vars(other).keys()


def travelled(net):
    return pickle.loads(pickle.dumps(net))


# --- partial_fit -----------------------------------------------------------------------------------------------------


@over_pairs(task=TASKS, solver=SOLVERS, learning_rate=SCHEDULES, dropout=[0.0, 0.3])
def test_k_partial_fits_are_one_fit(task, solver, learning_rate, dropout):
    kind, y = OF_TASK[task]
    parameters = PLAIN | {"solver": solver, "learning_rate": learning_rate, "dropout": dropout}
    parameters |= {"tol": 10.0, "n_iter_no_change": 1} if learning_rate == "adaptive" else {}  # the rate falls
    whole, parts = kind(**parameters).fit(X, y), kind(**parameters)
    for _ in range(parameters["max_iter"]):
        parts = travelled(parts.partial_fit(X, y))
    assert whole.n_iter_ == 6
    assert parts.n_iter_ == 1
    assert_the_same(whole, parts, n_iter=False)


@of_both
def test_the_rate_of_an_adaptive_schedule_falls_in_partial_fit_too(kind, y):
    net = kind(**PLAIN | {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1})
    for _ in range(8):
        net.partial_fit(X, y)
    rates = net.history_["learning_rate"].to_numpy()
    assert rates[-1] < rates[0] / 20.0


@over_pairs(
    task=TASKS,
    table=["float32", "float64", "sparse", "weighted"],
    dtype=["float32", "float64"],
    averaging=[0.0, 0.9],
)
def test_whatever_the_types_no_digit_is_lost(task, table, dtype, averaging):
    kind, y = OF_TASK[task]
    parameters = PLAIN | {"dtype": dtype, "averaging": averaging}
    if table == "sparse":
        parameters |= {"input_scaling": None, "max_norm": None}
    data = {"float32": X.astype(np.float32), "sparse": sp.csr_array(np.where(X > 1.0, X, 0.0))}.get(table, X)
    weight = WEIGHT if table == "weighted" else None
    whole, parts = kind(**parameters).fit(data, y, sample_weight=weight), kind(**parameters)
    for _ in range(6):
        parts = travelled(parts.partial_fit(data, y, sample_weight=weight))
    assert_array_equal(weights(whole), weights(parts))
    assert whole.loss_curve_ == parts.loss_curve_


@of_both
@pytest.mark.parametrize("data", [X, X.astype(np.float32)], ids=["float64", "float32"])
def test_weights_set_by_hand_are_gone_on_from(kind, y, data):
    net = kind(**PLAIN, input_gains=False).partial_fit(data, y)
    rate = net.learning_rate_init * 100.0
    net.coefs_ = [W + 50.0 for W in net.coefs_]
    before = weights(net)
    net.set_params(max_norm=None).partial_fit(data, y)
    assert np.abs(weights(net) - before).max() < rate


@of_both
def test_another_solver_may_take_over(kind, y):
    net = kind(**PLAIN).partial_fit(X, y).set_params(solver="sgd").partial_fit(X, y)
    net.set_params(solver="adam").partial_fit(X, y)
    assert len(net.loss_curve_) == 3
    assert net.t_ == 3 * N


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


@over_pairs(task=TASKS, solver=SOLVERS, dropout=[0.0, 0.3], pickled=[False, True], at=[4, 8, 18])
def test_a_run_interrupted_anywhere_goes_on_by_partial_fit(task, solver, dropout, pickled, at):
    kind, y = OF_TASK[task]
    parameters = PLAIN | {"solver": solver, "dropout": dropout, "learning_rate": half}  # three steps an epoch
    whole, net = kind(**parameters).fit(X, y), kind(**parameters | {"learning_rate": stops_at(at, half)})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        net.fit(X, y)
    assert net.n_iter_ == (at - 1) // 3
    net.set_params(learning_rate=half)
    for _ in range(6 - net.n_iter_):
        net = (travelled(net) if pickled else net).partial_fit(X, y)
    assert_the_same(whole, net, n_iter=False)


# --- what travels ----------------------------------------------------------------------------------------------------

WIDE = rng.normal(size=(60, 300))


def size(net):
    return len(pickle.dumps(net)) / sum(part.nbytes for part in net.coefs_ + net.intercepts_)


@over_pairs(task=TASKS, solver=SOLVERS, dtype=["float32", "float64"], early_stopping=[False, True])
def test_moments_travel_only_where_training_may_go_on(task, solver, dtype, early_stopping):
    kind, y = OF_TASK[task]
    parameters = PLAIN | {"hidden_layer_sizes": 200, "batch_size": 20, "solver": solver, "dtype": dtype}
    parameters |= {"early_stopping": early_stopping, "validation_fraction": 0.4, "learning_rate": "cosine"}
    table, target = WIDE.astype(dtype), y[:60]
    n_moments = 2 if solver == "adam" else 1
    net = kind(**parameters).fit(table, target)
    assert size(net) <= 1.1
    net.partial_fit(table, target)
    assert 1.0 + n_moments < size(net) <= 1.1 + n_moments
    assert size(net.fit(table, target)) <= 1.1
    interrupted = kind(**parameters | {"learning_rate": stops_at(6, half)})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        interrupted.fit(table, target)
    assert size(interrupted) <= 1.1 + n_moments
    assert size(interrupted.set_params(learning_rate="cosine").partial_fit(table, target)) <= 1.1 + n_moments


# --- checkpoints -----------------------------------------------------------------------------------------------------


class PowerCutError(Exception):
    """The machine is switched off."""


class PowerCut:
    """A callback that ends everything after n epochs; those of folds are not counted, if there are that many."""

    def __init__(self, after, n_of_folds=0):
        self.after = after + n_of_folds

    def setup(self, estimator, context):
        self.left = self.after

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.left -= 1
            if self.left < 0:
                raise PowerCutError

    def on_fit_task_end(self, estimator, context):
        pass


def cut(net, path, after, *args, every=1, n_of_folds=0, **kwargs):
    with pytest.raises(PowerCutError):
        net.set_callbacks(Checkpoint(path, every), PowerCut(after, n_of_folds)).fit(*args, **kwargs)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@needs_callbacks
@over_pairs(task=TASKS, solver=SOLVERS, learning_rate=SCHEDULES, dropout=[0.0, 0.3], early_stopping=[False, True])
def test_a_resumed_run_equals_the_uninterrupted_one(task, solver, learning_rate, dropout, early_stopping, path):
    kind, y = OF_TASK[task]
    parameters = PLAIN | STOPS | {"max_iter": 15, "early_stopping": early_stopping, "validation_fraction": 0.2}
    parameters |= {"solver": solver, "learning_rate": learning_rate, "dropout": dropout}
    whole = kind(**parameters).fit(X, y)
    for after in {1, whole.n_iter_ // 2, whole.n_iter_ - 1}:
        cut(kind(**parameters), path, after, X, y)
        resumed = kind(**parameters | {"random_state": None}).resume(path, X, y)
        assert_the_same(whole, resumed)


@needs_callbacks
@over_pairs(task=TASKS, n_members=[1, 2], every=[1, 3], categories=[False, True])
def test_a_run_with_folds_is_resumed_during_and_after_the_folds(task, n_members, every, categories, path):
    """Two members and more have mixing weights; the target's means are learnt anew for each fold."""
    kind, y = OF_TASK[task]
    parameters = PLAIN | {"early_stopping": "folds", "learning_rate": "cosine", "max_norm": None, "max_iter": 9}
    parameters |= {"n_members": n_members, "n_iter_no_change": 2, "category_encoding": "auto"}
    table = TOWNS if categories else X
    whole = kind(**parameters).fit(table, y)
    n_of_folds = len(whole.validation_scores_)
    for after in {every, n_of_folds, n_of_folds + every}:
        cut(kind(**parameters), path, after, table, y, every=every)
        resumed = kind(**parameters | {"random_state": None}).resume(path, table, y)
        assert_array_equal(weights(whole), weights(resumed))
        assert_array_equal(whole.oof_prediction_, resumed.oof_prediction_)
        assert whole.history_.drop(columns="seconds").equals(resumed.history_.drop(columns="seconds"))
        assert (whole.temperature_, whole.t_) == (resumed.temperature_, resumed.t_)
        assert (whole.n_iter_, whole.validation_scores_) == (resumed.n_iter_, resumed.validation_scores_)


@needs_callbacks
@of_both
def test_members_of_a_resumed_run_keep_the_same_epoch(kind, y, path):
    parameters = PLAIN | {"max_iter": 60, "n_members": 2, "early_stopping": True, "validation_fraction": 0.2}
    parameters |= {"learning_rate": "flat_cosine", "n_iter_no_change": 3, "tol": 1e-3}
    whole = kind(**parameters).fit(X, y)
    for after in {1, whole.best_epoch_ // 2, whole.n_iter_ - 1}:
        cut(kind(**parameters), path, after, X, y)
        assert_the_same(whole, kind(**parameters | {"random_state": None}).resume(path, X, y))


@needs_callbacks
def test_a_ctrl_c_among_the_folds_of_a_resumed_run(path):
    parameters = PLAIN | {"early_stopping": "folds", "learning_rate": half, "max_iter": 9, "n_members": 2}
    cut(SigmoidMLPRegressor(**parameters), path, 2, X, NUMBER)
    net = SigmoidMLPRegressor(**parameters | {"learning_rate": stops_at(1, half)})
    with pytest.raises(KeyboardInterrupt):  # before a whole epoch of this call, nothing is published
        net.resume(path, X, NUMBER)
    assert not hasattr(net, "coefs_")


@needs_callbacks
@of_both
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_run_that_has_ended_is_not_gone_on_with(kind, y, early_stopping, path):
    parameters = PLAIN | STOPS | {"max_iter": 100, "early_stopping": early_stopping, "validation_fraction": 0.2}
    parameters |= {"tol": 0.5, "learning_rate": "constant"}
    whole = kind(**parameters).set_callbacks(Checkpoint(path)).fit(X, y).set_callbacks()
    assert whole.n_iter_ < 100
    assert_the_same(whole, kind(**parameters).resume(path, X, y))
    longer = kind(**parameters | {"n_iter_no_change": 10}).resume(path, X, y)
    assert longer.n_iter_ > whole.n_iter_


@needs_callbacks
@of_both
def test_resumed_twice_from_files_written_now_and_then(kind, y, path):
    whole = kind(**PLAIN).fit(X, y)
    cut(kind(**PLAIN), path, 3, X, y, every=2)
    again = kind(**PLAIN).set_callbacks(Checkpoint(path, 2), PowerCut(2))
    with pytest.raises(PowerCutError):
        again.resume(path, X, y)
    assert not hasattr(again, "coefs_")
    assert_the_same(whole, kind(**PLAIN).resume(path, X, y))


@needs_callbacks
def test_a_run_may_go_on_for_longer(path):
    parameters = PLAIN | {"learning_rate": "constant"}
    SigmoidMLPRegressor(**parameters | {"max_iter": 3}).set_callbacks(Checkpoint(path)).fit(X, NUMBER)
    longer = SigmoidMLPRegressor(**parameters).resume(path, X, NUMBER)
    assert_the_same(SigmoidMLPRegressor(**parameters).fit(X, NUMBER), longer)


@needs_callbacks
@of_both
def test_weights_and_a_validation_set_of_ones_own(kind, y, path):
    parameters = PLAIN | {"early_stopping": True}
    data = dict(sample_weight=WEIGHT, X_val=X[:30], y_val=y[:30], sample_weight_val=WEIGHT[:30])
    whole = kind(**parameters).fit(X, y, **data)
    cut(kind(**parameters), path, 3, X, y, **data)
    assert_the_same(whole, kind(**parameters).resume(path, X, y, **data))
    for name, what in (("sample_weight", "sample_weight or class_weight"), ("sample_weight_val", "the validation w")):
        with pytest.raises(ValueError, match=f"other data, which differ in {what}"):
            kind(**parameters).resume(path, X, y, **data | {name: None})
    with pytest.raises(ValueError, match="other data, which differ in the validation rows, the validation targets"):
        kind(**parameters).resume(path, X, y, **data | {"X_val": X[1:31], "y_val": y[30:60]})


GROUPS = np.arange(N) // 3
ARGUMENTS = {"X": X, "y": NUMBER, "sample_weight": WEIGHT, "groups": GROUPS}
OF_VALIDATION = {"X_val": X[:30], "y_val": NUMBER[:30], "sample_weight_val": WEIGHT[:30]}
CALLED = {
    "X_val": "the validation rows", "y_val": "the validation targets", "sample_weight_val": "the validation weights",
    "sample_weight": "sample_weight or class_weight",
}  # fmt: skip


@needs_callbacks
@pytest.mark.parametrize("name", [*ARGUMENTS, *OF_VALIDATION])
def test_every_argument_must_be_that_of_the_interrupted_run(name, path):
    given = ARGUMENTS | (OF_VALIDATION if name in OF_VALIDATION else {})
    parameters = PLAIN | {"learning_rate": "cosine", "early_stopping": "folds"}
    if name in OF_VALIDATION:
        del given["groups"]
        parameters["early_stopping"] = True
    whole = SigmoidMLPRegressor(**parameters).fit(**given)
    cut(SigmoidMLPRegressor(**parameters), path, 3, **given)
    assert_the_same(whole, SigmoidMLPRegressor(**parameters).resume(path, **given))
    optional = {"sample_weight", "groups", "sample_weight_val"}
    for other in (np.roll(given[name], 1, axis=0), *([None] if name in optional else [])):
        with pytest.raises(ValueError, match=rf"training on other data, which differ in .*{CALLED.get(name, name)}"):
            SigmoidMLPRegressor(**parameters).resume(path, **given | {name: other})


class RowsOfWeightZeroDecide:
    """A splitter whose test sets depend on rows that have no weight."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 3

    def split(self, X, y=None, groups=None):
        for k in range(3):
            held_out = (np.arange(len(X)) + int(X[0, 0] > 0.0)) % 3 == k
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


@needs_callbacks
def test_other_folds_of_the_same_rows_are_refused(path):
    parameters = PLAIN | {"learning_rate": "cosine", "early_stopping": "folds"}
    parameters |= {"validation_fraction": RowsOfWeightZeroDecide()}
    table, weight = X.copy(), np.r_[0.0, np.ones(N - 1)]
    table[0] = 1.0
    cut(SigmoidMLPRegressor(**parameters), path, 3, table, NUMBER, weight)
    other = table.copy()
    other[0] = -1.0
    with pytest.raises(ValueError, match="training on other data, which differ in the folds"):
        SigmoidMLPRegressor(**parameters).resume(path, other, NUMBER, weight)
    SigmoidMLPRegressor(**parameters).resume(path, table, NUMBER, weight)


@needs_callbacks
@of_both
def test_a_warm_start_is_taken_up_by_the_estimator_it_began_from(kind, y, path):
    parameters = PLAIN | {"warm_start": True, "dtype": "float64"}
    first = kind(**parameters).fit(X, y)
    kept = travelled(first)
    whole = travelled(first).fit(X, y)
    cut(first, path, 2, X, y)
    assert_the_same(whole, kept.resume(path, X, y))
    with pytest.raises(ValueError, match=r"holds a warm start: call resume on the estimator .*t_ is 720 there, 0 here"):
        kind(**parameters).resume(path, X, y)


@needs_callbacks
def test_a_cold_run_is_resumed_cold_by_a_fitted_estimator(path):
    cut(SigmoidMLPRegressor(**PLAIN), path, 3, X, NUMBER)
    fitted = SigmoidMLPRegressor(**PLAIN, warm_start=True).fit(X + 1.0, NUMBER)
    assert_the_same(SigmoidMLPRegressor(**PLAIN).fit(X, NUMBER), fitted.resume(path, X, NUMBER))


OTHERS = {
    "X": ({}, (X + 1e-9, NUMBER), "other data, which differ in X"),
    "a row more": ({}, (X[:-1], NUMBER[:-1]), "other data, which differ in X, y"),
    "y": ({}, (X, NUMBER[::-1]), "other data, which differ in y"),
    "weights": ({}, (X, NUMBER, WEIGHT), "other data, which differ in sample_weight or class_weight"),
    "early stopping": ({"early_stopping": True}, (X, NUMBER), "other data, which differ in the validation rows"),
    "layers": ({"hidden_layer_sizes": 9}, (X, NUMBER), "hidden_layer_sizes=4, and this is .* hidden_layer_sizes=9"),
    "columns": ({}, (X[:, 1:], NUMBER), "other data, which differ in X"),
    "the solver": ({"solver": "sgd"}, (X, NUMBER), "with solver='adam', and this is a run with solver='sgd'"),
    "the type": ({"dtype": "float32"}, (X, NUMBER), "with dtype='float64', and this is a run with dtype='float32'"),
    "lbfgs": ({"solver": "lbfgs", "max_norm": None}, (X, NUMBER), "solver='lbfgs' keeps its curvature inside SciPy"),
}


@needs_callbacks
def test_the_error_names_early_stopping_before_parameters_resolved_from_it(path):
    parameters = PLAIN | {"early_stopping": "folds", "learning_rate": "cosine", "averaging": "auto"}
    cut(SigmoidMLPRegressor(**parameters), path, 2, X, NUMBER)
    with pytest.raises(ValueError, match="with early_stopping='folds', and this is a run with early_stopping=False"):
        SigmoidMLPRegressor(**parameters | {"early_stopping": False}).resume(path, X, NUMBER)


@needs_callbacks
@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("fitted", [False, True])
def test_another_run_is_refused_and_the_estimator_stays_what_it_was(what, fitted, path):
    parameters, data, message = OTHERS[what]
    cut(SigmoidMLPRegressor(**PLAIN | {"dtype": "float64"}), path, 2, X, NUMBER)
    net = SigmoidMLPRegressor(**PLAIN | {"dtype": "float64"} | parameters)
    if fitted:
        net.fit(X, NUMBER)
    before = pickle.dumps(net)
    with pytest.raises(ValueError, match=message):
        net.resume(path, *data)
    assert pickle.dumps(net) == before


@needs_callbacks
def test_another_kind_of_estimator_is_refused(path):
    cut(SigmoidMLPRegressor(**PLAIN), path, 2, X, NUMBER)
    with pytest.raises(ValueError, match="run of SigmoidMLPRegressor, and this is SigmoidMLPClassifier"):
        SigmoidMLPClassifier(**PLAIN).resume(path, X, LABEL)


@needs_callbacks
def test_class_weights_belong_to_the_data(path):
    cut(SigmoidMLPClassifier(**PLAIN, class_weight="balanced"), path, 2, X, LABEL)
    with pytest.raises(ValueError, match="other data, which differ in sample_weight or class_weight"):
        SigmoidMLPClassifier(**PLAIN).resume(path, X, LABEL)


@needs_callbacks
def test_callbacks_hear_of_what_is_left(path):
    class Listener(PowerCut):
        heard = ()

        def on_fit_task_end(self, estimator, context):
            self.heard += ((context.task_name, context.max_subtasks),)

    cut(SigmoidMLPRegressor(**PLAIN), path, 2, X, NUMBER)
    listener = Listener(99)
    SigmoidMLPRegressor(**PLAIN).set_callbacks(listener).resume(path, X, NUMBER)
    assert listener.heard == (("epoch", 0),) * 4 + (("fit", 4),)


FRAME = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(d=pd.Categorical(np.where(X[:, 3] > 0.0, "x", "y")))
FRAME.loc[::7, "a"] = np.nan


@needs_callbacks
@pytest.mark.parametrize("table", ["frame", "sparse", "memory-mapped"])
@pytest.mark.parametrize("target", ["numbers", "labels", "multilabel", "strings"])
def test_tables_and_targets_of_every_kind(table, target, path, tmp_path):
    np.save(tmp_path / "X.npy", X)
    data = {"frame": FRAME, "sparse": sp.csr_array(np.where(X > 0.5, X, 0.0))}.get(table)
    data = np.load(tmp_path / "X.npy", mmap_mode="r") if data is None else data
    y = {"multilabel": (X[:, :2] > 0.0).astype(int), "strings": np.array(["a", "bc", "d"])[LABEL], "labels": LABEL}
    kind, y = (SigmoidMLPRegressor, NUMBER) if target == "numbers" else (SigmoidMLPClassifier, y[target])
    parameters = PLAIN | {"early_stopping": True, "validation_fraction": 0.2}
    whole = kind(**parameters).fit(data, y)
    cut(kind(**parameters), path, 3, data, y)
    resumed = kind(**parameters).resume(path, data, y)
    assert_array_equal(weights(resumed), weights(whole))
    assert_array_equal(resumed.predict(data), whole.predict(data))


@needs_callbacks
def test_a_resumed_run_may_be_interrupted_too(path):
    parameters = PLAIN | {"learning_rate": half}
    cut(SigmoidMLPRegressor(**parameters), path, 2, X, NUMBER)
    net = SigmoidMLPRegressor(**parameters | {"learning_rate": stops_at(8, half)})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        net.resume(path, X, NUMBER)
    assert net.n_iter_ == len(net.loss_curve_) == 4
    net.set_params(learning_rate=half).partial_fit(X, NUMBER).partial_fit(X, NUMBER)
    assert_the_same(SigmoidMLPRegressor(**parameters).fit(X, NUMBER), net, n_iter=False)


@needs_callbacks
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 1.0), ("loss", "huber"), ("activation", "tanh"), ("input_scaling", "standard"), ("batch_size", 20),
        ("random_state", 7), ("target_scaling", None), ("learning_rate_init", 0.5), ("clip_norm", None),
    ],
)  # fmt: skip
def test_a_run_with_another_parameter_is_refused(name, value, path):
    cut(SigmoidMLPRegressor(**PLAIN), path, 2, X, NUMBER)
    net = SigmoidMLPRegressor(**PLAIN | {name: value})
    with pytest.raises(ValueError, match=rf"was written with {name}=.*, and this is a run with {name}=.*: set it as"):
        net.resume(path, X, NUMBER)
    assert not hasattr(net, "coefs_")


@needs_callbacks
def test_a_path_that_cannot_be_written_is_told_of_before_training(tmp_path):
    (tmp_path / "folder").mkdir()
    for bad in (tmp_path / "folder", tmp_path / "nowhere" / "run.npz", tmp_path / "folder" / ("x" * 300)):
        net = SigmoidMLPRegressor(**PLAIN).set_callbacks(Checkpoint(bad))
        with pytest.raises(OSError, match="cannot be written: .*Give another path"):
            net.fit(X, NUMBER)
        assert not hasattr(net, "coefs_")
        assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@needs_callbacks
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_checkpoint_does_not_replace_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    net = SigmoidMLPRegressor(**PLAIN).set_callbacks(Checkpoint(tmp_path / "pipe"))
    with pytest.raises(OSError, match="cannot be written: it is a pipe"):
        net.fit(X, NUMBER)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert not hasattr(net, "coefs_")


@needs_callbacks
def test_a_temperature_that_cannot_be_found_is_refused(path):
    cut(SigmoidMLPClassifier(**PLAIN), path, 2, X, LABEL)
    with pytest.raises(ValueError, match="temperature_scaling=True does not go with loss='squared_error'"):
        SigmoidMLPClassifier(**PLAIN | {"loss": "squared_error"}, temperature_scaling=True).resume(path, X, LABEL)
