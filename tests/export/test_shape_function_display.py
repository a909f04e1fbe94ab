"""The plot of shape functions: what its curves and bars say, and what it refuses."""

import matplotlib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import ShapeFunctionDisplay, SigmoidMLPClassifier, SigmoidMLPRegressor

rng = np.random.default_rng(0)
N = 150
X = pd.DataFrame({
    "size": np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N)), "rooms": rng.integers(1, 6, N),
    "town": rng.choice(["Oslo", "Rome", None], N), "sold": pd.date_range("2024-01-01", periods=N, tz="UTC"),
    "wait": pd.to_timedelta(rng.exponential(size=N), unit="D"), "new": rng.random(N) < 0.5,
    "grade": pd.Categorical(rng.choice(["low", "high", "mid"], N), ["low", "mid", "high", "never seen"], ordered=True),
})  # fmt: skip
NUMBER = np.sin(2 * X["size"].fillna(1)) + (X["town"] == "Rome") + X["rooms"] + (X["grade"] == "high")
ADDITIVE = {"interaction_cst": "no_interactions", "max_iter": 5, "random_state": 0, "dtype": "float64"}
NET = SigmoidMLPRegressor(**ADDITIVE).fit(X, NUMBER)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(display):
    return {function.name: function for function in display.functions}


def test_each_column_has_the_panel_of_its_kind():
    display = ShapeFunctionDisplay.from_estimator(NET, X)
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
    for name, function in drawn(ShapeFunctionDisplay.from_estimator(NET, X)).items():
        rows = X.iloc[[3] * len(function.values)].reset_index(drop=True)
        rows[name] = function.values
        predicted = NET.predict(rows)
        assert_allclose(np.diff(function.contributions), np.diff(predicted), rtol=1e-6, atol=1e-9)
        if function.missing is not None:
            without = NET.predict(rows.iloc[:1].assign(**{name: rows[name].iloc[:1].where([False])}))
            assert_allclose(function.missing - function.contributions[0], without - predicted[0], rtol=1e-6, atol=1e-9)
        assert (function.missing is not None) == X[name].isna().any()


DAYS = pd.Series(pd.date_range("1955-01-01", periods=N, freq="9D")).where(rng.random(N) < 0.8)
SPELLED = pd.DataFrame({
    "day": DAYS.dt.strftime("%Y-%m-%d"), "time": DAYS.dt.strftime("%Y-%m-%dT%H:%MZ"),
    "object": DAYS.dt.date.astype(object), "digits": rng.integers(5, size=N).astype(str),
})  # fmt: skip


@pytest.mark.parametrize("as_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
def test_dates_and_numbers_that_are_text_or_objects_have_curves(as_frame):
    table = as_frame(SPELLED)
    net = SigmoidMLPRegressor(**ADDITIVE, categorical_features=None).fit(table, NUMBER)
    functions = drawn(ShapeFunctionDisplay.from_estimator(net, table))
    assert sorted(functions) == sorted(SPELLED) and all(function.is_curve for function in functions.values())
    for name in ("day", "time", "object"):
        assert functions[name].values.iloc[0].year == 1955 and functions[name].missing is not None
    rows = SPELLED.iloc[[0] * 200].assign(digits=functions["digits"].values.astype(str).to_numpy())
    assert_allclose(np.diff(functions["digits"].contributions), np.diff(net.predict(as_frame(rows))), atol=1e-9)
    one = SPELLED.assign(day=["unknown", *SPELLED["day"][1:]])  # as a missing one
    assert drawn(ShapeFunctionDisplay.from_estimator(net, as_frame(one)))["day"].missing is not None


def test_functions_have_mean_0_over_the_rows():
    town = drawn(ShapeFunctionDisplay.from_estimator(NET, X))["town"]
    contributions = dict(zip(town.values, town.contributions, strict=True))
    assert_allclose(X["town"].map(contributions).fillna(town.missing).mean(), 0.0, atol=1e-9)


def test_levels_that_are_there_stand_in_their_order():
    functions = drawn(ShapeFunctionDisplay.from_estimator(NET, X))
    assert list(functions["grade"].values) == ["low", "mid", "high"]
    assert list(functions["new"].values) == [False, True]
    display = ShapeFunctionDisplay.from_estimator(NET, X, columns=["town"])
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert sorted(labels[:-1]) == ["Oslo", "Rome"] and labels[-1] == "missing"


def test_a_rug_shows_where_the_rows_are():
    display = ShapeFunctionDisplay.from_estimator(NET, X, columns=["rooms"])
    rug = display.axes_[0].get_lines()[1]
    assert_array_equal(np.unique(rug.get_xdata()), [1, 2, 3, 4, 5])


def test_columns_are_chosen_and_drawn_on_axes_that_are_given():
    axes = plt.subplots(1, 2)[1]
    display = ShapeFunctionDisplay.from_estimator(NET, X, columns=["grade", "size"], ax=axes)
    assert list(display.axes_) == list(axes) and [each.name for each in display.functions] == ["grade", "size"]
    few = ShapeFunctionDisplay.from_estimator(NET, X, max_columns=2)
    assert len(few.functions) == len(few.artists_) == 2


@pytest.mark.parametrize("as_table", [np.asarray, sp.csr_array])
def test_columns_without_names(as_table):
    numbers = as_table(np.where(rng.random((N, 3)) < 0.5, 0.0, rng.normal(size=(N, 3))))
    linear = SigmoidMLPRegressor((), max_iter=5, random_state=0).fit(numbers, NUMBER)
    functions = drawn(ShapeFunctionDisplay.from_estimator(linear, numbers))
    assert sorted(functions) == ["x0", "x1", "x2"] and all(each.is_curve for each in functions.values())


@pytest.mark.parametrize("output", [2, "mid"])
def test_one_of_several_outputs(output):
    table = X[["size", "rooms"]]
    net = SigmoidMLPClassifier(**ADDITIVE).fit(table, X["grade"].astype(str))
    display = ShapeFunctionDisplay.from_estimator(net, table, columns=["rooms"], output=output)
    assert display.axes_[0].get_ylabel() == "contribution to\nsoftmax input of 'mid'"
    (function,) = display.functions
    ends = table.iloc[[0, 0]].assign(rooms=function.values.iloc[[0, -1]].to_numpy())
    assert_allclose(np.ptp(function.contributions[[0, -1]]), np.ptp(net.decision_function(ends)[:, 2]), rtol=1e-6)


def test_text_and_columns_that_are_left_out_have_no_function():
    table = X[["size"]].assign(
        said=[f"{word} and {i} more words in a row" for i, word in enumerate(rng.choice(["red", "blue"], N))],
        nothing=np.nan,
    )
    net = SigmoidMLPRegressor(**ADDITIVE, text_features=["said"]).fit(table, NUMBER)
    assert list(drawn(ShapeFunctionDisplay.from_estimator(net, table))) == ["size"]
    with pytest.raises(ValueError, match=r"columns=\['said'\] have no function to draw: give some of \['size'\]"):
        ShapeFunctionDisplay.from_estimator(net, table, columns=["said"])


def test_the_best_of_a_search_is_drawn():
    search = GridSearchCV(SigmoidMLPRegressor(**ADDITIVE), {"alpha": [0.1]}, cv=2).fit(X[["rooms"]], NUMBER)
    assert list(drawn(ShapeFunctionDisplay.from_estimator(search, X[["rooms"]]))) == ["rooms"]


def test_what_cannot_be_drawn_is_refused_by_name():
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPRegressor())
    with pytest.raises(TypeError, match=r"Pipeline has no explain.*pipeline\[-1\]"):
        ShapeFunctionDisplay.from_estimator(pipeline, X)
    numbers = X[["size", "rooms"]]
    for parameters in ({"interaction_cst": None}, {"loss": "quantile", "quantile": [0.1, 0.9]}):
        net = SigmoidMLPRegressor(**ADDITIVE | parameters).fit(numbers, NUMBER)
        with pytest.raises(
            ValueError, match="not sums of functions of single columns.*interaction_cst='no_interactions'"
        ):
            ShapeFunctionDisplay.from_estimator(net, numbers)
    for bad in (0, 1.5, True):
        with pytest.raises(ValueError, match=rf"max_columns={bad!r}: give a whole number of columns"):
            ShapeFunctionDisplay.from_estimator(NET, X, max_columns=bad)
    with pytest.raises(ValueError, match=r"output=3 is none of the outputs \['0'\]"):
        ShapeFunctionDisplay.from_estimator(NET, X, output=3)
    with pytest.raises(ValueError, match="columns='new' is text: give a list of names"):
        ShapeFunctionDisplay.from_estimator(NET, X, columns="new")
    with pytest.raises(ValueError, match=r"columns=\[\] leaves nothing to draw, of the columns .* \['size', 'rooms'"):
        ShapeFunctionDisplay.from_estimator(NET, X, columns=[])
    nothing = X[["size"]].assign(size=np.nan)
    with pytest.raises(ValueError, match=r"leaves nothing to draw.* X has no value"):
        ShapeFunctionDisplay.from_estimator(SigmoidMLPRegressor(**ADDITIVE).fit(nothing, NUMBER), nothing)
    with pytest.raises(ValueError, match="ax holds 1 axes: pass 7, one for each column"):
        ShapeFunctionDisplay.from_estimator(NET, X, ax=plt.gca())
