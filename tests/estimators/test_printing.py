"""What `verbose` prints."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import callbacks
from sknet._estimators.callbacks import duration

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
y = X[:, 0] + 0.1 * rng.normal(size=120)
QUICK = {"n_members": 1, "hidden_layer_sizes": 3, "max_iter": 20, "random_state": 0}


@pytest.mark.parametrize(
    "seconds, text",
    [(0.0123, "0.012 s"), (3.14, "3.1 s"), (9.96, "10 s"), (61.0, "61 s"), (150.0, "2 min"), (7500.0, "2 h 05 min")],
)
def test_a_duration_is_printed_in_its_unit(seconds, text):
    assert duration(seconds) == text


def test_one_line_is_kept_up_to_date(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    net = SigmoidMLPRegressor(**QUICK, verbose=2).fit(X, y)
    folds, line, *after = capsys.readouterr().out.split("\n")
    assert re.match(r"\rfolds 1/20, loss \S+, validation loss \S+, ", folds)
    of_folds = folds.split("\r")[1:]
    assert len(of_folds) == len(net.validation_scores_)
    assert f"best {net.best_epoch_}," in of_folds[-1]
    states = line.split("\r")[1:]
    assert len(states) == net.n_iter_
    last = (
        rf"epoch {net.n_iter_}/{net.n_iter_}, loss \S+, "
        r"at most \S+ (s|min) left\s*"
    )
    assert re.fullmatch(last, states[-1])
    assert {len(state) for state in states} == {119}
    assert after[0].endswith("Stopping.")  # on a line of its own


def test_each_line_counts_the_time_of_its_own_epochs(capsys, monkeypatch):
    """An epoch of folds takes three seconds, and one of what follows them five."""
    now, run = 0.0, SimpleNamespace()
    monkeypatch.setattr(callbacks, "perf_counter", lambda: now)
    line = callbacks.ProgressPrinter(run)
    for of_folds, seconds in ((True, 3.0), (False, 5.0)):
        for number in (1, 2):
            now += seconds
            run.phase = SimpleNamespace(epochs_done=number, n_epochs=2, best_epoch=None, is_of_folds=of_folds)
            run.phase.last_epoch = SimpleNamespace(loss=0.0)
            line.epoch_ended()
    left = {"folds 1/2": 3, "folds 2/2": 0, "epoch 1/2": 5, "epoch 2/2": 0}
    expected = [f"{epoch}, loss 0, at most {seconds} s left" for epoch, seconds in left.items()]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_a_line_is_shorter_than_the_terminal_is_wide(scoring, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for columns in (80, 30):
        monkeypatch.setenv("COLUMNS", str(columns))
        SigmoidMLPRegressor(**QUICK, verbose=2, scoring=scoring).fit(X, y)
        states = capsys.readouterr().out.split("\n")[0].split("\r")[1:]
        assert max(map(len, states)) < columns
        figure = r"validation loss" if scoring == "loss" else "score"
        whole = rf"(folds|epoch) \d+/20, loss \S+, {figure} [^\s,]+(, best \d+)?, at most \S+ (s|min) left\s*"
        assert columns == 30 or (all(re.fullmatch(whole, state) for state in states) and ", best " in states[-1])


def test_a_log_file_gets_ten_lines(capsys):
    SigmoidMLPRegressor(**QUICK, verbose=2, early_stopping=False).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[:10]] == [f"epoch {2 * i}/20" for i in range(1, 11)]
    assert "validation" not in "".join(lines[:10])


@pytest.mark.parametrize("module", ["ipykernel.iostream", "somewhere"])
def test_a_notebook_and_what_stands_in_for_stdout_get_ten_lines(module, monkeypatch):
    class Stand:
        """In place of stdout: it has no more methods than `print` needs."""

        def __init__(self):
            self.text = ""

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    Stand.__module__ = module
    stand = Stand()
    monkeypatch.setattr("sys.stdout", stand)
    SigmoidMLPRegressor(**QUICK, verbose=2, early_stopping=False).fit(X, y)
    lines = stand.text.splitlines()
    assert len([line for line in lines if line.startswith("epoch")]) == 10
    assert "\r" not in stand.text


def test_a_scorer_s_figure_is_shown(capsys):
    SigmoidMLPClassifier(**QUICK, verbose=2, scoring="accuracy").fit(X, y > 0)
    assert re.search(r"loss \S+, score 0\.\d+, best \d", capsys.readouterr().out)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_lbfgs_and_partial_fit_print_their_iterations(capsys):
    SigmoidMLPRegressor(**QUICK, verbose=2, solver="lbfgs", early_stopping=False, tol=0.0).fit(X, y)
    assert "epoch 20/20" in capsys.readouterr().out
    SigmoidMLPRegressor(**QUICK, verbose=2).partial_fit(X, y)
    assert re.match(r"Iteration 1, loss = ", capsys.readouterr().out)
