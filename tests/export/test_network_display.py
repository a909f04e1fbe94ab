"""The drawing of a network: what is shown of it, and by what name."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import NetworkDisplay, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._export.network_display import strongest_units

rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(90, 2)), columns=["length", "width"]).assign(colour=["red", "green", "blue"] * 30)
y = X["colour"]
PLAIN = {"n_members": 1, "numeric_encoding": "raw", "random_state": 0}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_inputs_and_classes_have_their_names():
    net = SigmoidMLPClassifier((4, 3), max_iter=2, **PLAIN).fit(X, y)
    display = NetworkDisplay.from_estimator(net)
    written = texts(display)
    assert written[:5] == ["length", "width", "colour_blue", "colour_green", "colour_red"]
    assert written[5:8] == ["blue", "green", "red"]
    assert written[8:] == ["5 inputs", "4 units", "3 units", "3 outputs"]
    assert [len(lines.get_segments()) for lines in display.weights_] == [20, 12, 9]
    assert display.ax_.get_title() == "SigmoidMLPClassifier"


def test_two_classes_have_one_output_the_second_ones():
    net = SigmoidMLPClassifier(3, max_iter=2, random_state=0).fit(X, y == "red")
    assert "True" in texts(NetworkDisplay.from_estimator(net)) and net.n_outputs_ == 1


def test_of_large_layers_the_strongest_are_shown():
    net = SigmoidMLPRegressor(40, max_iter=2, **PLAIN).fit(X[["length", "width"]], X["length"])
    display = NetworkDisplay.from_estimator(net, max_units=6)
    assert [len(shown) for shown in display.shown_] == [2, 6, 1] and "6 of 40 units" in texts(display)
    weak, strong = np.array([[1.0, 5.0, 2.0]]), np.array([[1.0], [1.0], [3.0]])
    assert [shown.tolist() for shown in strongest_units([weak, strong], 2)] == [[0], [1, 2], [0]]
    with pytest.raises(ValueError, match="max_units=0: draw at least one"):
        display.plot(max_units=0)


def test_red_is_positive_blue_negative_and_no_weight_at_all_is_no_error():
    display = NetworkDisplay([np.array([[1.0], [-1.0]]), np.array([[0.0]])]).plot()
    blue, red = display.weights_[0].get_colors()  # of equal ones, the order of the inputs
    reds = {tuple(np.round(color[:3], 1)) for color in (blue, red)}
    assert len(reds) == 2 and texts(display) == ["2 inputs", "1 unit", "1 output"]


def test_a_pipeline_and_axes_of_the_users_own():
    numbers = X[["length", "width"]]
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor(3, max_iter=2, random_state=0)).fit(
        numbers, y == "red"
    )
    figure, ax = plt.subplots()
    display = NetworkDisplay.from_estimator(pipeline, ax=ax)
    assert display.ax_ is ax and display.figure_ is figure and len(display.weights_) == 2


def test_a_dollar_is_no_formula():
    frame = X[["length", "width"]].set_axis(["tip_$_per_$_spent", "width"], axis=1)
    net = SigmoidMLPClassifier(3, max_iter=2, **PLAIN).fit(
        frame, np.where(y == "red", "$^$", np.where(y == "blue", "b", "c"))
    )
    display = NetworkDisplay.from_estimator(net)
    display.figure_.canvas.draw()  # where matplotlib reads formulas
    assert {"tip_$_per_$_spent", "$^$"} <= set(texts(display))


def test_an_unfitted_estimator_has_no_network():
    with pytest.raises(NotFittedError, match="This SigmoidMLPRegressor instance is not fitted yet"):
        NetworkDisplay.from_estimator(SigmoidMLPRegressor())
