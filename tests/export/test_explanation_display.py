"""The plot of contributions: what its bars say, and what it refuses."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import (
    Explanation,
    ExplanationDisplay,
    Loss,
    ShapeFunctionDisplay,
    SigmoidMLPClassifier,
    SigmoidMLPRegressor,
)

rng = np.random.default_rng(0)
N, D = 6, 5
VALUES = rng.normal(size=(N, D))
NAMES = ["length", "width", "a name that is too long to be written", "colour", "when"]
DATA = np.array([[1234.5678, np.nan, True, "red", pd.Timestamp("2023-01-01")]] * N, dtype=object)
ONE = Explanation(VALUES, np.full(N, 10.0), DATA, NAMES, ["0"])
TWO = Explanation(np.dstack([VALUES, -3.0 * VALUES]), np.tile([10.0, 20.0], (N, 1)), DATA, NAMES, ["no", "yes"])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def labels(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def test_bars_are_the_mean_sizes_and_the_way_to_the_rows_output():
    display = ExplanationDisplay(ONE, row=2).plot()
    means, steps = display.bars_
    assert_allclose([bar.get_width() for bar in means], np.sort(np.abs(VALUES).mean(axis=0)))
    widths, starts = np.array([(bar.get_width(), bar.get_x()) for bar in steps]).T
    assert_allclose(np.sort(widths), np.sort(VALUES[2]))
    assert (np.diff(np.abs(widths)) > 0.0).all()
    assert_allclose(starts, 10.0 + np.cumsum(widths) - widths)
    assert display.figure_ is display.axes_[0].figure
    written = [text.get_text() for text in display.axes_[1].texts]
    assert written[-2:] == ["mean 10", f"output {10.0 + VALUES[2].sum():.4g}"]


def test_columns_have_their_names_and_values():
    found = set(labels(ExplanationDisplay(ONE).plot().axes_[1]))
    assert found == {
        "length = 1235", "width = nan", "a name that is too long to be…", "colour = red",
        "when = 2023-01-01 00:00:00",
    }  # fmt: skip


def test_names_that_are_equal_once_shortened_have_a_bar_each():
    names = [f"a name that is too long to be written {j}" for j in range(D)]
    display = ExplanationDisplay(Explanation(VALUES, np.full(N, 10.0), DATA, names, ["0"])).plot()
    for bars, axes in zip(display.bars_, display.axes_, strict=True):
        assert len({bar.get_y() for bar in bars}) == len(labels(axes)) == D


def test_a_dollar_is_no_formula():
    names, outputs = ["$^$", *NAMES[1:]], ["$_$", "yes"]
    display = ExplanationDisplay(Explanation(TWO.values, TWO.base_values, DATA, names, outputs)).plot()
    display.figure_.canvas.draw()  # where matplotlib reads formulas
    assert "$^$" in labels(display.axes_[0]) and display.axes_[1].get_xlabel() == "$_$"


def test_small_contributions_are_added_up():
    display = ExplanationDisplay(ONE, row=-1).plot(max_columns=2)
    widths = [bar.get_width() for bar in display.bars_[1]]
    order = np.argsort(np.abs(VALUES[-1]))
    assert_allclose(widths, [VALUES[-1][order[:3]].sum(), *VALUES[-1][order[3:]]])
    assert labels(display.axes_[0])[0] == labels(display.axes_[1])[0] == "3 others"


@pytest.mark.parametrize("output", [1, "yes"])
def test_of_several_outputs_one_is_drawn(output):
    display = ExplanationDisplay(TWO, output=output).plot()
    assert_allclose(sum(bar.get_width() for bar in display.bars_[1]), -3.0 * VALUES[0].sum())
    assert [axes.get_xlabel() for axes in display.axes_] == ["yes", "yes"]


LABEL = np.array(["no", "yes", "$maybe$"] * 20)
OWN = Loss(
    "own", lambda raw, y: np.square(raw - y).sum(axis=1), lambda raw, y: 2.0 * (raw - y),
    link=lambda raw: np.tanh(raw, out=raw), out_activation="tanh", scales_targets=False,
)  # fmt: skip
OUTPUTS = [
    (SigmoidMLPClassifier(), LABEL != "no", ["log-odds of 'True'"]),
    (SigmoidMLPClassifier(), LABEL, [f"softmax input of {name!r}" for name in ("$maybe$", "no", "yes")]),
    (
        SigmoidMLPClassifier(loss="squared_error"), LABEL,
        [f"log-odds of {name!r}" for name in ("$maybe$", "no", "yes")],
    ),
    (
        SigmoidMLPClassifier(), np.column_stack([LABEL, LABEL == "yes"]).astype(object),
        [*(f"softmax input of '0: {name}'" for name in ("$maybe$", "no", "yes")), "log-odds of '1: True'"],
    ),
    (SigmoidMLPRegressor(), np.arange(60.0), ["prediction"]),
    (SigmoidMLPRegressor(), np.ones((60, 2)), ["prediction of target 0", "prediction of target 1"]),
    (SigmoidMLPRegressor(loss="quantile", quantile=(0.1, 0.9)), np.arange(60.0), ["quantile 0.1", "quantile 0.9"]),
    (SigmoidMLPRegressor(loss="poisson"), np.arange(60.0), ["logarithm of the prediction"]),
    (SigmoidMLPRegressor(loss=OWN), np.linspace(0.0, 1.0, 60), ["raw output"]),
]  # fmt: skip


@pytest.mark.parametrize(("net", "y", "expected"), OUTPUTS, ids=[expected[0] for *_, expected in OUTPUTS])
def test_plots_name_the_output_and_its_unit(net, y, expected):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    quick = dict(hidden_layer_sizes=2, max_iter=1, random_state=0, early_stopping=False)
    net.set_params(**quick, interaction_cst="no_interactions").fit(X, y)
    for output, description in enumerate(expected):
        display = ExplanationDisplay.from_estimator(net, X, output=output)
        assert [axes.get_xlabel() for axes in display.axes_] == [description] * 2
        if "quantile" not in description:  # whose functions depend on each other
            curves = ShapeFunctionDisplay.from_estimator(net, X, output=output)
            assert curves.axes_[0].get_ylabel() == f"contribution to\n{description}"


def test_it_explains_what_a_search_has_found_on_axes_that_are_given():
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    search = GridSearchCV(SigmoidMLPRegressor(2, max_iter=2), {"alpha": [0.1]}, cv=2).fit(X, X["a"])
    axes = plt.subplots(2, 1)[1]
    display = ExplanationDisplay.from_estimator(search, X, row=3, ax=axes)
    assert list(display.axes_) == list(axes)
    wanted = search.best_estimator_.explain(X).values[3]
    assert_allclose(sorted(bar.get_width() for bar in display.bars_[1]), sorted(wanted), rtol=1e-6)


def test_what_cannot_be_drawn_is_refused_by_name():
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor())
    with pytest.raises(TypeError, match=r"Pipeline has no explain.*pipeline\[-1\], and pipeline\[:-1\]"):
        ExplanationDisplay.from_estimator(pipeline, VALUES)
    for change, message in (
        ({"row": 6}, "row=6: there are 6 rows, 0 to 5"),
        ({"row": "first"}, "row='first': there are 6 rows"),
        ({"row": True}, "row=True: there are 6 rows"),
        ({"output": 2}, r"output=2 is none of the outputs \['no', 'yes'\]"),
        ({"output": "maybe"}, "output='maybe' is none"),
    ):
        with pytest.raises(ValueError, match=message):
            ExplanationDisplay(TWO, **change).plot()
    for bad in (0, 1.5, "a", True):
        with pytest.raises(ValueError, match=rf"max_columns={bad!r}: give a whole number of columns"):
            ExplanationDisplay(ONE).plot(max_columns=bad)
    with pytest.raises(ValueError, match="ax holds 1 axes: pass two"):
        ExplanationDisplay(ONE).plot(ax=plt.gca())
