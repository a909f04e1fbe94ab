"""Plots of contributions: what their bars and curves show, and what cannot be drawn."""

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

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
from sknet._display.contributions import label_of

rng = np.random.default_rng(0)
N, D = 6, 5
VALUES = rng.normal(size=(N, D))
NAMES = ["length", "width", "a name that is too long to be written", "colour", "when"]
DATA = np.array([[12340.5678, np.nan, True, "red", pd.Timestamp("2023-01-01")]] * N, dtype=object)
ONE = Explanation(VALUES, np.full(N, 10.0), DATA, NAMES, ["0"])
TWO = Explanation(np.dstack([VALUES, -3.0 * VALUES]), np.tile([10.0, 20.0], (N, 1)), DATA, NAMES, ["no", "yes"])


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


# --- contributions of rows ------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("value", "text"), [
    (2023, "2023"), (12019.6, "12,020"), (-3.5e6, "-3,500,000"), (9999.9, "10,000"), (1.23456, "1.235"),
    (1.5e9, "1.5e+09"), (2e-7, "2e-07"), (np.inf, "inf"), (np.int64(12020), "12,020"),
])  # fmt: skip
def test_numbers_are_written_without_powers_of_ten_where_they_fit(value, text):
    assert label_of("income", value) == f"income = {text}"


def test_the_bars_and_lines_of_large_outputs_are_labelled_in_full():
    large = Explanation(VALUES * 1e5, np.full(N, 12020.0), DATA, NAMES, ["0"])
    display = ExplanationDisplay(large).plot()
    written = [text.get_text() for axes in display.axes_ for text in axes.texts]
    assert "mean 12,020" in written
    assert not any("e+" in text for text in written)


def test_columns_have_their_names_and_values():
    found = set(labels(ExplanationDisplay(ONE).plot().axes_[1]))
    assert found == {
        "length = 12,341", "width = nan", "a name that is too long to be…", "colour = red",
        "when = 2023-01-01 00:00:00",
    }  # fmt: skip


def test_names_that_are_equal_once_shortened_have_a_bar_each():
    names = [f"a name that is too long to be written {j}" for j in range(D)]
    display = ExplanationDisplay(Explanation(VALUES, np.full(N, 10.0), DATA, names, ["0"])).plot()
    for bars, axes in zip(display.bars_, display.axes_, strict=True):
        assert len({bar.get_y() for bar in bars}) == len(labels(axes)) == D


def test_a_dollar_sign_is_drawn_as_it_is():
    names, outputs = ["$^$", *NAMES[1:]], ["$_$", "yes"]
    display = ExplanationDisplay(Explanation(TWO.values, TWO.base_values, DATA, names, outputs)).plot()
    display.figure_.canvas.draw()  # where matplotlib reads formulas
    assert "$^$" in labels(display.axes_[0])
    assert display.axes_[1].get_xlabel() == "$_$"


def test_small_contributions_are_added_up():
    display = ExplanationDisplay(ONE, row=-1).plot(max_columns=2)
    widths = [bar.get_width() for bar in display.bars_[1]]
    order = np.argsort(np.abs(VALUES[-1]))
    assert_allclose(widths, [VALUES[-1][order[:3]].sum(), *VALUES[-1][order[3:]]])
    assert labels(display.axes_[0])[0] == labels(display.axes_[1])[0] == "3 others"


@pytest.mark.parametrize("output", [1, "yes"])
def test_the_chosen_output_is_drawn(output):
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


def test_the_best_estimator_of_a_search_is_explained_on_given_axes():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    search = GridSearchCV(SigmoidMLPRegressor(2, max_iter=2), {"alpha": [0.1]}, cv=2).fit(X, X["a"].to_numpy())
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
        ({"row": 6}, "row == 6, must be <= 5"),
        ({"row": -7}, "row == -7, must be >= -6"),
        ({"output": 2}, r"output=2 is none of the outputs \['no', 'yes'\]"),
        ({"output": "maybe"}, "output='maybe' is none"),
    ):
        with pytest.raises(ValueError, match=message):
            ExplanationDisplay(TWO, **change).plot()
    with pytest.raises(ValueError, match="max_columns == 0, must be >= 1"):
        ExplanationDisplay(ONE).plot(max_columns=0)
    for name, draw in {
        "row": lambda: ExplanationDisplay(ONE, row=True).plot(),
        "max_columns": lambda: ExplanationDisplay(ONE).plot(max_columns=True),
    }.items():
        with pytest.raises(TypeError, match=rf"{name}=True is a bool: give an integer\."):
            draw()
    with pytest.raises(ValueError, match="output=False is none of the outputs"):
        ExplanationDisplay(TWO, output=False).plot()
    with pytest.raises(TypeError, match="max_columns must be an instance of int, not float"):
        ExplanationDisplay(ONE).plot(max_columns=1.5)
    with pytest.raises(ValueError, match="ax holds 1 axes: pass 2, for the means and the row"):
        ExplanationDisplay(ONE).plot(ax=plt.gca())


# --- contributions as functions -------------------------------------------------------------------------------------

draw = np.random.default_rng(0)
N_ROWS = 150
TABLE = pd.DataFrame({
    "size": np.where(draw.random(N_ROWS) < 0.2, np.nan, draw.normal(size=N_ROWS)), "rooms": draw.integers(1, 6, N_ROWS),
    "town": draw.choice(["Oslo", "Rome", None], N_ROWS), "sold": pd.date_range("2024-01-01", periods=N_ROWS, tz="UTC"),
    "wait": pd.to_timedelta(draw.exponential(size=N_ROWS), unit="D"), "new": draw.random(N_ROWS) < 0.5,
    "grade": pd.Categorical(
        draw.choice(["low", "high", "mid"], N_ROWS), ["low", "mid", "high", "never seen"], ordered=True
    ),
})  # fmt: skip
NUMBER = np.sin(2 * TABLE["size"].fillna(1)) + (TABLE["town"] == "Rome") + TABLE["rooms"] + (TABLE["grade"] == "high")
ADDITIVE = {"interaction_cst": "no_interactions", "max_iter": 5, "random_state": 0, "dtype": "float64"}
NET = SigmoidMLPRegressor(**ADDITIVE).fit(TABLE, NUMBER)


def drawn(display):
    return {function.name: function for function in display.functions}


def test_each_column_has_the_panel_of_its_kind():
    display = ShapeFunctionDisplay.from_estimator(NET, TABLE)
    is_curve = {function.name: function.is_curve for function in display.functions}
    assert is_curve == dict(size=True, rooms=True, town=False, sold=True, wait=True, new=False, grade=False)
    assert [axes.get_title() for axes in display.axes_] == list(is_curve)
    importances = [function.importance for function in display.functions]
    assert importances == sorted(importances, reverse=True)
    for function, artist in zip(display.functions, display.artists_, strict=True):
        heights = artist.get_ydata() if function.is_curve else [bar.get_height() for bar in artist]
        assert_allclose(heights[: len(function.contributions)], function.contributions)
    display.figure_.canvas.draw()  # dates and durations have ticks
    assert display.axes_[list(is_curve).index("wait")].get_xlabel() == "days"


def test_functions_are_what_changes_the_prediction():
    """Of every kind of column: two values' difference is that of predictions of rows that differ in it alone."""
    for name, function in drawn(ShapeFunctionDisplay.from_estimator(NET, TABLE)).items():
        rows = TABLE.iloc[[3] * len(function.values)].reset_index(drop=True)
        rows[name] = function.values
        predicted = NET.predict(rows)
        assert_allclose(np.diff(function.contributions), np.diff(predicted), rtol=1e-6, atol=1e-9)
        if function.missing is not None:
            without = NET.predict(rows.iloc[:1].assign(**{name: rows[name].iloc[:1].where([False])}))
            assert_allclose(function.missing - function.contributions[0], without - predicted[0], rtol=1e-6, atol=1e-9)
        assert (function.missing is not None) == TABLE[name].isna().any()


def test_the_contribution_of_a_missing_value_is_named_beside_its_line():
    display = ShapeFunctionDisplay.from_estimator(NET, TABLE)
    display.figure_.canvas.draw()
    names = [(axes, text) for axes in display.axes_.ravel() for text in axes.texts if text.get_text() == "missing"]
    assert names
    for axes, text in names:
        assert axes.get_window_extent().containsx(text.get_window_extent().x0)
        assert axes.get_window_extent().containsx(text.get_window_extent().x1)


DAYS = pd.Series(pd.date_range("1955-01-01", periods=N_ROWS, freq="9D")).where(draw.random(N_ROWS) < 0.8)
SPELLED = pd.DataFrame({
    "day": DAYS.dt.strftime("%Y-%m-%d"), "time": DAYS.dt.strftime("%Y-%m-%dT%H:%MZ"),
    "object": DAYS.dt.date.astype(object), "digits": draw.integers(5, size=N_ROWS).astype(str),
})  # fmt: skip


@pytest.mark.parametrize("as_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_dates_and_numbers_that_are_text_or_objects_have_curves(as_frame):
    table = as_frame(SPELLED)
    net = SigmoidMLPRegressor(**ADDITIVE, categorical_features=None).fit(table, NUMBER)
    functions = drawn(ShapeFunctionDisplay.from_estimator(net, table))
    assert sorted(functions) == sorted(SPELLED)
    assert all(function.is_curve for function in functions.values())
    for name in ("day", "time", "object"):
        assert functions[name].values.iloc[0].year == 1955
        assert functions[name].missing is not None
    rows = SPELLED.iloc[[0] * 200].assign(digits=functions["digits"].values.astype(str).to_numpy())
    assert_allclose(np.diff(functions["digits"].contributions), np.diff(net.predict(as_frame(rows))), atol=1e-9)
    one = SPELLED.assign(day=[None, *SPELLED["day"][1:]])
    assert drawn(ShapeFunctionDisplay.from_estimator(net, as_frame(one)))["day"].missing is not None


def test_functions_have_mean_0_over_the_rows():
    town = drawn(ShapeFunctionDisplay.from_estimator(NET, TABLE))["town"]
    contributions = dict(zip(town.values, town.contributions, strict=True))
    assert_allclose(TABLE["town"].map(contributions).fillna(town.missing).mean(), 0.0, atol=1e-9)


def test_categories_that_occur_are_drawn_in_their_order():
    functions = drawn(ShapeFunctionDisplay.from_estimator(NET, TABLE))
    assert list(functions["grade"].values) == ["low", "mid", "high"]
    assert list(functions["new"].values) == [False, True]
    display = ShapeFunctionDisplay.from_estimator(NET, TABLE, columns=["town"])
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert sorted(labels[:-1]) == ["Oslo", "Rome"]
    assert labels[-1] == "missing"


def test_categories_in_arrow_dictionaries_are_drawn_in_their_order():
    grades = pa.array(TABLE["grade"].astype(str)).dictionary_encode()
    table = pd.DataFrame({"size": TABLE["size"], "grade": pd.arrays.ArrowExtensionArray(grades)})
    net = SigmoidMLPRegressor(**ADDITIVE).fit(table, NUMBER)
    function = drawn(ShapeFunctionDisplay.from_estimator(net, table, columns=["grade"]))["grade"]
    assert list(function.values) == ["high", "low", "mid"]


def test_a_rug_shows_where_the_rows_are():
    display = ShapeFunctionDisplay.from_estimator(NET, TABLE, columns=["rooms"])
    rug = display.axes_[0].get_lines()[1]
    assert_array_equal(np.unique(rug.get_xdata()), [1, 2, 3, 4, 5])


def test_columns_are_chosen_and_drawn_on_axes_that_are_given():
    axes = plt.subplots(1, 2)[1]
    display = ShapeFunctionDisplay.from_estimator(NET, TABLE, columns=["grade", "size"], ax=axes)
    assert list(display.axes_) == list(axes)
    assert [each.name for each in display.functions] == ["grade", "size"]
    few = ShapeFunctionDisplay.from_estimator(NET, TABLE, max_columns=2)
    assert len(few.functions) == len(few.artists_) == 2


@pytest.mark.parametrize("as_table", [np.asarray, sp.csr_array])
def test_columns_without_names(as_table):
    rng = np.random.default_rng(1)
    numbers = as_table(np.where(rng.random((N_ROWS, 3)) < 0.5, 0.0, rng.normal(size=(N_ROWS, 3))))
    linear = SigmoidMLPRegressor((), max_iter=5, random_state=0).fit(numbers, NUMBER)
    functions = drawn(ShapeFunctionDisplay.from_estimator(linear, numbers))
    assert sorted(functions) == ["x0", "x1", "x2"]
    assert all(each.is_curve for each in functions.values())


@pytest.mark.parametrize("output", [2, "mid"])
def test_the_curve_of_a_chosen_output_is_in_units_of_its_softmax_input(output):
    table = TABLE[["size", "rooms"]]
    net = SigmoidMLPClassifier(**ADDITIVE).fit(table, TABLE["grade"].astype(str))
    display = ShapeFunctionDisplay.from_estimator(net, table, columns=["rooms"], output=output)
    assert display.axes_[0].get_ylabel() == "contribution to\nsoftmax input of 'mid'"
    (function,) = display.functions
    ends = table.iloc[[0, 0]].assign(rooms=function.values.iloc[[0, -1]].to_numpy())
    assert_allclose(np.ptp(function.contributions[[0, -1]]), np.ptp(net.decision_function(ends)[:, 2]), rtol=1e-6)


def test_text_and_columns_that_are_left_out_have_no_function():
    words = np.random.default_rng(1).choice(["red", "blue"], N_ROWS)
    table = TABLE[["size"]].assign(
        said=[f"{word} and {i} more words in a row" for i, word in enumerate(words)],
        nothing=np.nan,
    )
    net = SigmoidMLPRegressor(**ADDITIVE, text_features=["said"]).fit(table, NUMBER)
    assert list(drawn(ShapeFunctionDisplay.from_estimator(net, table))) == ["size"]
    with pytest.raises(ValueError, match=r"columns=\['said'\] have no function to draw: give some of \['size'\]"):
        ShapeFunctionDisplay.from_estimator(net, table, columns=["said"])


def test_the_best_of_a_search_is_drawn():
    search = GridSearchCV(SigmoidMLPRegressor(**ADDITIVE), {"alpha": [0.1]}, cv=2).fit(TABLE[["rooms"]], NUMBER)
    assert list(drawn(ShapeFunctionDisplay.from_estimator(search, TABLE[["rooms"]]))) == ["rooms"]


def test_functions_that_cannot_be_drawn_are_refused_by_name():
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor())
    with pytest.raises(TypeError, match=r"Pipeline has no explain.*pipeline\[-1\]"):
        ShapeFunctionDisplay.from_estimator(pipeline, TABLE)
    numbers = TABLE[["size", "rooms"]]
    for parameters in ({"interaction_cst": None}, {"loss": "quantile", "quantile": [0.1, 0.9]}):
        net = SigmoidMLPRegressor(**ADDITIVE | parameters).fit(numbers, NUMBER)
        with pytest.raises(
            ValueError, match="not sums of functions of single columns.*interaction_cst='no_interactions'"
        ):
            ShapeFunctionDisplay.from_estimator(net, numbers)
    with pytest.raises(ValueError, match="max_columns == 0, must be >= 1"):
        ShapeFunctionDisplay.from_estimator(NET, TABLE, max_columns=0)
    with pytest.raises(ValueError, match=r"output=3 is none of the outputs \['0'\]"):
        ShapeFunctionDisplay.from_estimator(NET, TABLE, output=3)
    with pytest.raises(ValueError, match=r"columns=\['n', 'e', 'w'\] have no function to draw: give some of"):
        ShapeFunctionDisplay.from_estimator(NET, TABLE, columns="new")
    with pytest.raises(ValueError, match=r"columns=\[\] leaves nothing to draw: the columns .* \['size', 'rooms'"):
        ShapeFunctionDisplay.from_estimator(NET, TABLE, columns=[])
    nothing = TABLE[["size"]].assign(size=np.nan)
    with pytest.raises(ValueError, match=r"leaves nothing to draw.* X has no value"):
        ShapeFunctionDisplay.from_estimator(SigmoidMLPRegressor(**ADDITIVE).fit(nothing, NUMBER), nothing)
    with pytest.raises(ValueError, match="ax holds 1 axes: pass 7, for one function each"):
        ShapeFunctionDisplay.from_estimator(NET, TABLE, ax=plt.gca())
