"""The plot of a history: what is drawn, and where."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, TrainingHistoryDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 3))
y = X @ [1.0, 2.0, 0.0]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_losses_rate_and_best_epoch_of_a_validated_fit():
    net = SigmoidMLPClassifier(4, early_stopping=True, max_iter=8, random_state=0).fit(X, y > 0)
    display = TrainingHistoryDisplay.from_estimator(net)
    assert set(display.lines_) == {"loss", "validation_loss", "learning_rate"}
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), net.history_[name])
    marks = [line for line in display.ax_.lines if line not in display.lines_.values()]
    assert marks[0].get_xdata()[0] == np.argmax(net.validation_scores_)
    assert display.ax_.get_title() == "SigmoidMLPClassifier" and display.ax_.get_xlabel() == "epoch"


def test_of_equal_scores_the_last_is_marked_whose_weights_are_kept():
    history = SigmoidMLPRegressor(4, early_stopping=True, max_iter=4, random_state=0).fit(X, y).history_
    history["validation_score"] = [0.5, 0.8, 0.8, np.nan]
    display = TrainingHistoryDisplay(history).plot()
    marks = [line for line in display.ax_.lines if line not in display.lines_.values()]
    assert marks[0].get_xdata()[0] == 2


def test_on_axes_of_the_users_own_and_a_logarithmic_scale():
    net = SigmoidMLPRegressor(4, early_stopping=False, max_iter=5, random_state=0).fit(X, y)
    figure, ax = plt.subplots()
    display = TrainingHistoryDisplay.from_estimator(net, ax=ax, log_scale=True)
    assert display.ax_ is ax and display.figure_ is figure and ax.get_yscale() == "log"
    assert set(display.lines_) == {"loss", "learning_rate"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_lbfgs_has_no_rate():
    net = SigmoidMLPRegressor(4, solver="lbfgs", early_stopping=False, max_iter=5, random_state=0).fit(X, y)
    assert set(TrainingHistoryDisplay.from_estimator(net).lines_) == {"loss"}


def test_an_unfitted_estimator_has_no_history():
    with pytest.raises(AttributeError, match="no attribute 'history_' before fit"):
        TrainingHistoryDisplay.from_estimator(SigmoidMLPClassifier())
