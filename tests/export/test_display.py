"""The plot of a history: what is drawn, and where."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, TrainingHistoryDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
y = X @ [1.0, 2.0, 0.0]
ONE = {"n_members": 1, "random_state": 0}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_losses_rate_and_best_epoch_of_a_validated_fit():
    net = SigmoidMLPClassifier(4, early_stopping=True, max_iter=8, **ONE).fit(X, y > 0)
    display = TrainingHistoryDisplay.from_estimator(net)
    assert set(display.lines_) == {"loss", "validation_loss", "learning_rate"}
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), net.history_[name])
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, net.n_iter_ + 1))
    marks = [line for line in display.ax_.lines if line not in display.lines_.values()]
    assert marks[0].get_xdata()[0] == net.best_epoch_ == np.argmax(net.validation_scores_) + 1
    assert f"chosen epoch, {net.best_epoch_}" in [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert display.ax_.get_title() == "SigmoidMLPClassifier" and display.ax_.get_xlabel() == "epoch"


def test_of_equal_scores_the_last_is_marked_whose_weights_are_kept():
    history = SigmoidMLPRegressor(4, early_stopping=True, max_iter=4, **ONE).fit(X, y).history_
    history["validation_score"] = [0.5, 0.8, 0.8, np.nan]
    display = TrainingHistoryDisplay(history).plot()
    marks = [line for line in display.ax_.lines if line not in display.lines_.values()]
    assert marks[0].get_xdata()[0] == 3


def marked(display):
    return [line.get_xdata()[0] for line in display.ax_.lines if line not in display.lines_.values()]


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_epoch_that_folds_have_chosen_is_marked(n_members):
    fold = dict(early_stopping="folds", max_iter=12, learning_rate_init=0.1, n_members=n_members)
    noisy = y + np.random.default_rng(2).normal(size=120)
    nets = [SigmoidMLPRegressor(8, random_state=seed, **fold).fit(X, noisy) for seed in range(3)]
    assert any(net.best_epoch_ != 1 + np.argmax(net.validation_scores_) for net in nets)
    for net in nets:
        display = TrainingHistoryDisplay.from_estimator(net)
        assert marked(display) == [net.best_epoch_]
        labels = {text.get_text() for text in display.ax_.get_legend().get_texts()}
        assert labels == {
            "training loss of the final network", "validation loss of the folds' networks", "learning rate",
            f"chosen epoch, {net.best_epoch_}",
        }  # fmt: skip


def test_after_a_warm_start_the_epoch_of_the_last_call_is_marked():
    net = SigmoidMLPRegressor(4, early_stopping=True, warm_start=True, max_iter=6, learning_rate_init=0.3, **ONE)
    first = net.fit(X, y).n_iter_
    net.fit(X, y[::-1])  # which it has not learnt: the best scores were the first call's
    assert marked(TrainingHistoryDisplay.from_estimator(net)) == [first + net.best_epoch_]


@pytest.mark.filterwarnings("ignore")  # said once: no score is a number
def test_where_no_score_is_a_number_the_epochs_of_least_loss_are_marked():
    scored = dict(early_stopping=True, max_iter=8, learning_rate_init=0.3, scoring=lambda *_: np.nan)
    for n_members in (1, 2):
        net = SigmoidMLPRegressor(8, **ONE | scored | dict(n_members=n_members)).fit(X, y)
        members = [part for _, part in net.history_.groupby("member")] if n_members > 1 else [net.history_]
        least = {1 + np.argmin(part["validation_loss"]) for part in members}
        assert set(marked(TrainingHistoryDisplay.from_estimator(net))) == least


def test_on_axes_of_the_users_own_and_a_logarithmic_scale():
    net = SigmoidMLPRegressor(4, early_stopping=False, max_iter=5, random_state=0).fit(X, y)
    figure, ax = plt.subplots()
    display = TrainingHistoryDisplay.from_estimator(net, ax=ax, log_scale=True)
    assert display.ax_ is ax and display.figure_ is figure and ax.get_yscale() == "log"
    assert set(display.lines_) == {"loss", "learning_rate"}
    ax.set_ylim(0.04, 0.6)
    figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels(which="both") if label.get_text()]
    assert {"0.05", "0.1", "0.2", "0.5"} <= set(shown) and "0.3" not in shown  # plain numbers, and not all of them


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_lbfgs_has_no_rate_and_no_axis_for_it():
    net = SigmoidMLPRegressor(4, solver="lbfgs", early_stopping=False, max_iter=5, random_state=0).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(net)
    assert set(display.lines_) == {"loss"}
    assert display.rate_ax_ is None and display.figure_.axes == [display.ax_]


@pytest.mark.parametrize("early_stopping", [True, "folds"])
def test_no_text_is_cut_and_no_curve_runs_through_the_legend(early_stopping):
    net = SigmoidMLPClassifier(4, early_stopping=early_stopping, max_iter=8, **ONE).fit(X, y > 0)
    display = TrainingHistoryDisplay.from_estimator(net)
    display.figure_.canvas.draw()
    whole, legend = display.figure_.bbox, display.ax_.get_legend().get_window_extent()
    for text in (display.rate_ax_.yaxis.label, display.ax_.yaxis.label, display.ax_.title):
        assert whole.containsx(text.get_window_extent().x0) and whole.containsx(text.get_window_extent().x1)
    assert whole.x0 <= legend.x0 and legend.x1 <= whole.x1
    assert legend.y0 >= display.ax_.get_window_extent().y1
    assert legend.y1 <= display.ax_.title.get_window_extent().y0 + 1


def test_a_pipeline_and_a_search_show_what_they_have_fitted():
    net = SigmoidMLPClassifier(4, max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net).fit(X, y > 0)
    search = GridSearchCV(make_pipeline(StandardScaler(), net), {"sigmoidmlpclassifier__alpha": [0.1, 1.0]}, cv=2)
    target = TransformedTargetRegressor(SigmoidMLPRegressor(4, max_iter=3, random_state=0))
    for fitted, n_epochs in ((pipeline, 3), (search.fit(X, y > 0), 3), (target.fit(X, y), 3)):
        assert len(TrainingHistoryDisplay.from_estimator(fitted).lines_["loss"].get_xdata()) == n_epochs
    with pytest.raises(TypeError, match="StandardScaler holds no fitted SigmoidMLPClassifier"):
        TrainingHistoryDisplay.from_estimator(StandardScaler())


def test_members_are_their_mean_and_a_band():
    one = SigmoidMLPRegressor(4, early_stopping=True, max_iter=4, **ONE).fit(X, y).history_
    other = SigmoidMLPRegressor(4, early_stopping=True, max_iter=6, **ONE | {"random_state": 1}).fit(X, y).history_
    display = TrainingHistoryDisplay(pd.concat([one.assign(member=0), other.assign(member=1)])).plot()
    loss = display.lines_["loss"].get_ydata()
    np.testing.assert_allclose(loss[:4], (one["loss"] + other["loss"][:4]) / 2)
    np.testing.assert_array_equal(loss[4:], other["loss"][4:])
    assert len(display.ax_.collections) == 2
    assert "chosen epochs" in [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_an_unfitted_estimator_has_no_history():
    for estimator in (SigmoidMLPClassifier(), make_pipeline(StandardScaler(), SigmoidMLPClassifier())):
        with pytest.raises(NotFittedError, match="This SigmoidMLPClassifier instance is not fitted yet"):
            TrainingHistoryDisplay.from_estimator(estimator)
