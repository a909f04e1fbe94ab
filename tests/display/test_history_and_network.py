"""Plots of the training history and of the network: what is drawn, and where."""

import sys
from types import SimpleNamespace

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

from sknet import (
    ExplanationDisplay,
    NetworkDisplay,
    ShapeFunctionDisplay,
    SigmoidMLPClassifier,
    SigmoidMLPRegressor,
    TrainingHistoryDisplay,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
y = X @ [1.0, 2.0, 0.0]
ONE = {"n_members": 1, "random_state": 0}
FRAME = pd.DataFrame(rng.normal(size=(90, 2)), columns=["length", "width"]).assign(colour=["red", "green", "blue"] * 30)
COLOUR = FRAME["colour"]
PLAIN = ONE | {"numeric_encoding": "raw"}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("display", [
    TrainingHistoryDisplay(None), NetworkDisplay([np.ones((1, 1))]), ShapeFunctionDisplay([None]),
    ExplanationDisplay(SimpleNamespace(output_names=["y"], values=np.ones((1, 1)))),
], ids=lambda display: type(display).__name__)  # fmt: skip
def test_without_matplotlib_the_error_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    named = rf"{type(display).__name__} needs the package matplotlib .*pip install matplotlib\.$"
    with pytest.raises(ImportError, match=named):
        display.plot()


# --- the history -----------------------------------------------------------------------------------------------------


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
    assert display.ax_.get_title() == "SigmoidMLPClassifier"
    assert display.ax_.get_xlabel() == "epoch"


def marked(display):
    return [line.get_xdata()[0] for line in display.ax_.lines if line not in display.lines_.values()]


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_epoch_that_folds_have_chosen_is_marked(n_members):
    fold = {
        "early_stopping": "folds",
        "max_iter": 12,
        "learning_rate_init": 0.1,
        "n_members": n_members,
        "input_gains": False,
    }
    noisy = y + np.random.default_rng(2).normal(size=120)
    nets = [SigmoidMLPRegressor(8, random_state=seed, **fold).fit(X, noisy) for seed in range(3)]
    assert any(net.best_epoch_ != 1 + np.argmax(net.validation_scores_) for net in nets)
    for net in nets:
        display = TrainingHistoryDisplay.from_estimator(net)
        assert marked(display) == [net.best_epoch_]
        labels = {text.get_text() for text in display.ax_.get_legend().get_texts()}
        assert labels == {
            "training loss of the final network", "validation loss of the folds' networks", "learning rate",
            f"epoch chosen by the folds, {net.best_epoch_}",
        }  # fmt: skip


@pytest.mark.filterwarnings("ignore:early_stopping. .* this is a warm start")
def test_after_a_warm_start_the_epoch_of_the_last_call_is_marked():
    net = SigmoidMLPRegressor(4, early_stopping=True, warm_start=True, max_iter=6, learning_rate_init=0.3, **ONE)
    first = net.fit(X, y).n_iter_
    net.fit(X, y[::-1])  # which it has not learnt: the best scores were the first call's
    assert marked(TrainingHistoryDisplay.from_estimator(net)) == [net.best_epoch_]
    assert net.best_epoch_ > first


@pytest.mark.filterwarnings("ignore")  # said once: no score is a number
def test_where_no_score_is_a_number_the_epoch_of_least_loss_is_marked():
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
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert ax.get_yscale() == "log"
    assert set(display.lines_) == {"loss", "learning_rate"}
    ax.set_ylim(0.04, 0.6)
    figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels(which="both") if label.get_text()]
    assert {"0.05", "0.1", "0.2", "0.5"} <= set(shown)
    assert "0.3" not in shown


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_lbfgs_has_no_rate_and_no_axis_for_it():
    net = SigmoidMLPRegressor(4, solver="lbfgs", early_stopping=False, max_iter=5, random_state=0).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(net)
    assert set(display.lines_) == {"loss"}
    assert display.rate_ax_ is None
    assert display.figure_.axes == [display.ax_]


@pytest.mark.parametrize("early_stopping", [True, "folds"])
def test_no_text_is_cut_and_no_curve_runs_through_the_legend(early_stopping):
    net = SigmoidMLPClassifier(4, early_stopping=early_stopping, max_iter=8, **ONE).fit(X, y > 0)
    display = TrainingHistoryDisplay.from_estimator(net)
    display.figure_.canvas.draw()
    whole, legend = display.figure_.bbox, display.ax_.get_legend().get_window_extent()
    for text in (display.rate_ax_.yaxis.label, display.ax_.yaxis.label, display.ax_.title):
        assert whole.containsx(text.get_window_extent().x0)
        assert whole.containsx(text.get_window_extent().x1)
    assert whole.x0 <= legend.x0
    assert legend.x1 <= whole.x1
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
    net = SigmoidMLPRegressor(4, early_stopping=True, max_iter=4, **ONE | {"n_members": 2}).fit(X, y)
    one, other = (part for _, part in net.history_.groupby("member"))
    display = TrainingHistoryDisplay.from_estimator(net)
    np.testing.assert_allclose(display.lines_["loss"].get_ydata(), (one["loss"] + other["loss"].to_numpy()) / 2)
    bands, chosen = display.ax_.collections, [line for line in display.ax_.lines if line.get_linestyle() == ":"]
    assert len(bands) == 2
    assert marked(display) == [net.best_epoch_]
    assert chosen[0].get_zorder() < min(band.get_zorder() for band in bands)


def test_a_history_without_a_chosen_epoch_has_curves_alone():
    history = SigmoidMLPRegressor(4, early_stopping=True, max_iter=4, **ONE).fit(X, y).history_
    display = TrainingHistoryDisplay(history).plot()
    assert marked(display) == []
    assert not display.ax_.collections  # a single network has no band


def test_an_unfitted_estimator_has_no_history():
    for estimator in (SigmoidMLPClassifier(), make_pipeline(StandardScaler(), SigmoidMLPClassifier())):
        with pytest.raises(NotFittedError, match="This SigmoidMLPClassifier instance is not fitted yet"):
            TrainingHistoryDisplay.from_estimator(estimator)


# --- the network -----------------------------------------------------------------------------------------------------


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_inputs_and_classes_have_their_names():
    net = SigmoidMLPClassifier((4, 3), max_iter=2, **PLAIN).fit(FRAME, COLOUR.to_numpy())
    display = NetworkDisplay.from_estimator(net)
    written = texts(display)
    assert written[:5] == ["length", "width", "colour_blue", "colour_green", "colour_red"]
    assert written[5:8] == ["blue", "green", "red"]
    assert written[8:] == ["5 inputs", "4 units", "3 units", "3 outputs"]
    assert [len(lines.get_segments()) for lines in display.weights_] == [20, 12, 9]
    assert display.ax_.get_title() == "SigmoidMLPClassifier"


def test_two_classes_have_one_output_for_the_second_class():
    net = SigmoidMLPClassifier(3, max_iter=2, random_state=0).fit(FRAME, COLOUR == "red")
    assert "True" in texts(NetworkDisplay.from_estimator(net))
    assert net.n_outputs_ == 1


def test_of_large_layers_the_strongest_are_shown():
    net = SigmoidMLPRegressor(40, max_iter=2, **PLAIN).fit(FRAME[["length", "width"]], FRAME["length"].to_numpy())
    display = NetworkDisplay.from_estimator(net, max_units=6)
    assert [len(shown) for shown in display.shown_] == [2, 6, 1]
    assert "6 of 40 units" in texts(display)
    weak, strong = np.array([[1.0, 5.0, 2.0]]), np.array([[1.0], [1.0], [3.0]])
    assert [shown.tolist() for shown in NetworkDisplay([weak, strong]).plot(max_units=2).shown_] == [[0], [1, 2], [0]]
    with pytest.raises(ValueError, match="max_units == 0, must be >= 1"):
        display.plot(max_units=0)
    with pytest.raises(TypeError, match="max_units=True is a bool: give an integer"):
        display.plot(max_units=True)


@pytest.mark.parametrize(("n_units", "height"), [(1, 2.6), (10, 4.8)])
def test_a_picture_grows_with_the_units_and_has_room_for_its_names(n_units, height):
    network = [np.ones((1, n_units)), np.ones((n_units, 1))]
    width, found = NetworkDisplay(network).plot().figure_.get_size_inches()
    assert width == pytest.approx(2.4 + 3 * 1.9)
    assert found == pytest.approx(height)


def test_positive_weights_are_red_negative_ones_blue_and_all_may_be_zero():
    display = NetworkDisplay([np.array([[1.0], [-1.0]]), np.array([[0.0]])]).plot()
    display.weights_[0].update_scalarmappable()
    blue, red = display.weights_[0].get_colors()  # of equal ones, the order of the inputs
    reds = {tuple(np.round(color[:3], 1)) for color in (blue, red)}
    assert len(reds) == 2
    assert texts(display) == ["2 inputs", "1 unit", "1 output"]


def test_the_network_of_a_pipeline_on_axes_of_the_users_own():
    numbers = FRAME[["length", "width"]]
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor(3, max_iter=2, random_state=0)).fit(
        numbers, COLOUR == "red"
    )
    figure, ax = plt.subplots()
    display = NetworkDisplay.from_estimator(pipeline, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert len(display.weights_) == 2


def test_a_dollar_sign_is_drawn_as_it_is():
    frame = FRAME[["length", "width"]].set_axis(["tip_$_per_$_spent", "width"], axis=1)
    net = SigmoidMLPClassifier(3, max_iter=2, **PLAIN).fit(
        frame, np.where(COLOUR == "red", "$^$", np.where(COLOUR == "blue", "b", "c"))
    )
    display = NetworkDisplay.from_estimator(net)
    display.figure_.canvas.draw()  # where matplotlib reads formulas
    assert {"tip_$_per_$_spent", "$^$"} <= set(texts(display))


def test_an_unfitted_estimator_has_no_network():
    with pytest.raises(NotFittedError, match="This SigmoidMLPRegressor instance is not fitted yet"):
        NetworkDisplay.from_estimator(SigmoidMLPRegressor())
