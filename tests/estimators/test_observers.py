"""What watches a fit is told of each epoch: its number, its figures, the best one so far."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import Checkpoint, SigmoidMLPRegressor
from sknet._estimators import callbacks

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
Y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=100)
QUICK = dict(hidden_layer_sizes=4, max_iter=6, random_state=0, learning_rate_init=0.3, verbose=True)


class Recorder:
    """A printer that keeps what it is told."""

    def __init__(self):
        self.epochs = []

    def watch(self, run):
        self.run = run
        return self

    def epoch_began(self):
        pass

    def epoch_ended(self):
        names = ("epochs_done", "n_epochs", "last_epoch", "best_epoch", "is_of_folds")
        self.epochs.append(SimpleNamespace(**{name: getattr(self.run.phase, name) for name in names}))
        return False

    def fit_ended(self, fitted):
        pass


# --- what every observer promises ------------------------------------------------------------------------------------

OBSERVERS = {
    "scikit-learn's lines": lambda net, _: net.set_params(verbose=True),
    "lines in a log": lambda net, _: net.set_params(verbose=2),
    "a line in a terminal": lambda net, _: net.set_params(verbose=2),
    "a callback": lambda net, _: net.set_callbacks(Silent()),
    "a checkpoint": lambda net, folder: net.set_callbacks(Checkpoint(folder / "run", every=2)),
}


class Silent:
    """A callback that asks for a fitted estimator after each epoch, and does nothing with it."""

    def setup(self, estimator, context):
        pass

    on_fit_task_begin = teardown = setup

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        pass


@pytest.mark.parametrize("observer", OBSERVERS)
@pytest.mark.parametrize("how", [{"early_stopping": "folds"}, {"early_stopping": True, "dropout": 0.2}], ids=str)
@pytest.mark.parametrize("n_members", ["auto", 1])
def test_what_observes_a_fit_changes_nothing_of_it(n_members, observer, how, tmp_path, monkeypatch):
    if observer.startswith("a c") and not hasattr(SigmoidMLPRegressor, "set_callbacks"):
        pytest.skip("scikit-learn < 1.9")
    alone, observed = (SigmoidMLPRegressor(**QUICK | how | {"verbose": False}, n_members=n_members) for _ in range(2))
    monkeypatch.setattr("sys.stdout.isatty", lambda: observer == "a line in a terminal")
    OBSERVERS[observer](observed, tmp_path).fit(X, Y)
    alone.fit(X, Y)
    for one, other in zip(alone.coefs_ + alone.intercepts_, observed.coefs_ + observed.intercepts_, strict=True):
        assert_array_equal(one, other)
    assert alone.history_.drop(columns="seconds").equals(observed.history_.drop(columns="seconds"))


# --- what they are told ----------------------------------------------------------------------------------------------


@pytest.fixture
def told(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(callbacks, "EpochPrinter", lambda run, **kwargs: recorder.watch(run))
    return recorder.epochs


@pytest.mark.parametrize("n_members", [1, 2])
def test_epochs_of_folds_are_observed_before_those_of_all_rows(n_members, told):
    net = SigmoidMLPRegressor(**QUICK, n_members=n_members).fit(X, Y)
    of_folds, of_all = [[epoch for epoch in told if epoch.is_of_folds is kind] for kind in (True, False)]
    assert told == of_folds + of_all
    assert [epoch.epochs_done for epoch in of_folds] == list(range(1, len(net.validation_scores_) + 1))
    assert [epoch.last_epoch.validation_score for epoch in of_folds] == net.validation_scores_
    assert {epoch.n_epochs for epoch in of_folds} == {6}
    assert [(epoch.epochs_done, epoch.n_epochs) for epoch in of_all] == [
        (i + 1, net.n_iter_) for i in range(net.n_iter_)
    ]
    assert [epoch.last_epoch.loss for epoch in of_all] == net.loss_curve_
    assert {epoch.best_epoch for epoch in of_all} == {None}


@pytest.mark.parametrize("n_members", [1, 2])
def test_observed_scores_are_those_of_held_out_rows(n_members, told):
    net = SigmoidMLPRegressor(**QUICK, n_members=n_members, early_stopping=True).fit(X, Y)
    assert [epoch.last_epoch.validation_score for epoch in told] == net.validation_scores_
    assert told[-1].best_epoch == net.best_epoch_
    assert not any(epoch.is_of_folds for epoch in told)
