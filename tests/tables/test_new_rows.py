"""Columns unlike what was learnt: shifted numbers and unknown categories, and nothing else."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables.new_rows import columns_outside_training, numbers_outside_training, rescale_constant_columns
from tests.tables.examples import encoder_of

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(size=60), "c": ["x", "y", "z"] * 20})


@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
def test_columns_outside_training_are_named(encoding):
    encoder = encoder_of(FRAME, numeric_encoding=encoding, n_bins=4)
    assert columns_outside_training(encoder, FRAME[::-1]) == []
    assert columns_outside_training(encoder, FRAME.assign(a=FRAME["a"] + 100)) == ["a"]
    assert columns_outside_training(encoder, FRAME.assign(c="new", b=np.nan)) == ["c"]
    assert columns_outside_training(encoder, FRAME.assign(c=None)) == []


SCALINGS = ["robust", "standard", "quantile", None]


@pytest.mark.parametrize("new", [-3.1, 3.1])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_column_is_outside_if_most_observed_values_are(scaling, new):
    X = np.tile([-3.0, -1.0, 0.0, 1.0, 3.0, np.nan], 4)[:, np.newaxis]
    encoder = encoder_of(X, input_scaling=scaling)
    rows = np.full((30, 1), np.nan)
    for n_outside, expected in ((10, []), (11, ["x0"])):
        rows[:20, 0] = np.where(np.arange(20) < n_outside, new, 3.0)
        assert columns_outside_training(encoder, rows) == expected
        assert numbers_outside_training(encoder, rows) == [0] * len(expected)
    assert columns_outside_training(encoder, np.full((19, 1), new)) == []  # few rows
    assert columns_outside_training(encoder, np.full((20, 1), np.inf)) == []  # which encoding refuses
    assert columns_outside_training(encoder_of(np.zeros((9, 1))), rows) == []  # there is no range


@pytest.mark.parametrize("as_table", [np.asarray, pd.DataFrame, lambda X: pd.DataFrame(X, dtype="Float64")])
def test_a_grid_of_values_is_inside_though_evenly_spaced_rows_are_outside(as_table):
    encoder = encoder_of(as_table(np.linspace([-3.8, -3.2], [3.7, 3.6], 100)))
    x, z = np.meshgrid(np.linspace(-4, 4, 300), np.linspace(-3.2, 3.6, 1000))
    grid = np.column_stack([x.ravel(), z.ravel()])
    assert len(np.unique(grid[:: len(grid) // 20, 0])) == 1
    assert len(np.unique(grid[:: len(grid) // 1000, 0])) == 1
    assert numbers_outside_training(encoder, as_table(grid)) == []
    assert columns_outside_training(encoder, as_table(grid)) == []
    assert numbers_outside_training(encoder, as_table(grid + np.array([9, 0]))) == [0]


def test_rounded_numbers_are_inside():
    X = np.repeat([1 / 3, 2 / 3], 15)[:, np.newaxis]
    assert columns_outside_training(encoder_of(X.astype(np.float32)), X) == []
    assert numbers_outside_training(encoder_of(X), np.round(X, 6)) == []
    assert numbers_outside_training(encoder_of(X), X + 0.4) == [0]


@pytest.mark.parametrize("n_observed", [1, 19, 20])
def test_few_observed_values_are_not_outside(n_observed):
    rows = np.full((300, 2), np.nan)
    rows[:, 1] = 0.0
    rows[:n_observed, 0] = 9.0
    encoder = encoder_of(np.array(FRAME[["a", "b"]]))
    assert numbers_outside_training(encoder, rows[: n_observed + 5]) == [0] * (n_observed == 20)
    assert numbers_outside_training(encoder, np.repeat(rows[:1], 300, axis=0)) == [0]


def test_few_training_values_have_no_range():
    rows = np.full((30, 1), 100.0)
    assert columns_outside_training(encoder_of(np.arange(20.0)[:, np.newaxis]), rows) == ["x0"]
    assert columns_outside_training(encoder_of(np.arange(19.0)[:, np.newaxis]), rows) == []


def test_ends_of_a_range_are_rounded_as_the_numbers_are():
    X = np.repeat([0.1, 0.7], 15)[:, np.newaxis]
    assert float(X.astype(np.float32)[0, 0]) > 0.1
    assert columns_outside_training(encoder_of(-X), -X.astype(np.float32)) == []
    assert columns_outside_training(encoder_of(X * 1e300), X.astype(np.float32)) == ["x0"]


def test_arrays_and_sparse_rows_outside_training_are_named():
    X = np.array(FRAME[["a", "b"]])
    assert columns_outside_training(encoder_of(X), X + np.array([0, 50])) == ["x1"]
    assert columns_outside_training(encoder_of(sparse.csr_array(X)), sparse.csr_array(X * 1000)) == []


def test_the_range_grows_when_a_column_has_a_second_value():
    encoder = encoder_of(np.full((30, 1), 7.0))
    encoder, names = rescale_constant_columns(encoder, np.array([[5.0], [np.nan], [8.0]]), None)
    assert names == ["x0"]
    assert encoder.columns[0].training_range == (5.0, 8.0)


# --- predict ---------------------------------------------------------------------------------------------------------

LABEL = FRAME["a"] > 0
CODES = FRAME.assign(c=FRAME["c"].astype("category").cat.codes)


def fitted(X=FRAME, **parameters):
    return SigmoidMLPClassifier(3, max_iter=2, random_state=0, **parameters).fit(X, LABEL)


@pytest.mark.parametrize("encoding", ["one_hot", "target"])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "activations", "input_gradients"])
def test_unknown_codes_are_warned_of_once_per_call(method, encoding):
    net = fitted(category_encoding=encoding)
    many = pd.concat([CODES] * 60)  # more rows than are predicted at once
    for table in (CODES, many, CODES.assign(c=CODES["c"].astype("category")), pl.from_pandas(CODES)):
        with pytest.warns(UserWarning, match=r"Columns \['c'\] of X hold no category that fit has seen") as caught:
            getattr(net, method)(table)
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_arrays_with_categories_too():
    X = np.c_[FRAME["a"], np.arange(60) % 3]
    net = fitted(X, categorical_features=[1])
    with pytest.warns(UserWarning, match=r"Columns \['x1'\]"):
        net.predict(X + np.array([0, 10]))


IN_FAHRENHEIT = FRAME.assign(a=1.8 * FRAME["a"] + 32)


@pytest.mark.parametrize(
    "table", [FRAME, FRAME[["a", "b"]], FRAME.astype({"a": "Float64"})], ids=["mixed", "numbers", "nullable"]
)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "input_gradients"])
def test_numbers_outside_the_training_range_are_warned_of_once_per_call(method, table):
    net = fitted(table)
    outside = pd.concat([IN_FAHRENHEIT[table.columns]] * 60)  # more rows than are predicted at once
    with pytest.warns(
        UserWarning, match=r"Column 'a' of X ranged from -2.\d+ to 1.96026 in fit, and most .* Check"
    ) as caught:
        getattr(net, method)(outside)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=r"Column 'a' .* The same holds for \['b'\]"):
        net.predict(IN_FAHRENHEIT.assign(b=100.0)[table.columns])


def test_numbers_of_polars_frames_and_arrays_are_compared_too():
    net = fitted(FRAME[["a", "b"]])
    for table in (pl.from_pandas(IN_FAHRENHEIT[["a", "b"]]), IN_FAHRENHEIT[["a", "b"]].astype(np.float32)):
        with pytest.warns(UserWarning, match="Column 'a' of X ranged"):
            net.predict(table)
    with pytest.warns(UserWarning, match="Column 'x0' of X ranged"):
        fitted(FRAME[["a", "b"]].to_numpy()).predict(IN_FAHRENHEIT[["a", "b"]].to_numpy())


@pytest.mark.parametrize("table", [
    CODES[:19], CODES.assign(c=["new"] * 59 + ["x"]), CODES.assign(c=["new"] * 19 + [None] * 41),
    FRAME.assign(c=pd.Categorical(FRAME["c"], categories=list("zyxwv"))), FRAME, IN_FAHRENHEIT[:19],
    FRAME.assign(a=FRAME["a"].where(FRAME.index % 2 == 0, 99.0)), FRAME.astype({"a": "float32"}), FRAME[::-1],
], ids=["few rows", "one is known", "few values", "other order", "same", "few numbers", "half",
    "float32", "reversed"])  # fmt: skip
def test_small_differences_from_training_give_no_warning(table):
    net = fitted()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(table)


DAYS = pd.date_range("2026-01-01", periods=60)
TEXTS = [f"the {word} of {k} words" for k, word in enumerate(["length", "number", "meaning"] * 20)]
ALL_KINDS = FRAME.assign(d=DAYS, t=TEXTS)
KINDS_OF_INPUTS = {
    "one-hot": {"category_encoding": "one_hot"},
    "target means": {"category_encoding": "target"},
    "bins": {"numeric_encoding": "piecewise_linear", "n_bins": 4},
    "quantiles": {"input_scaling": "quantile"},
}


def with_gaps(rows):
    table = ALL_KINDS.copy()
    table.loc[rows] = None
    return table


ALL_MISSING = r"of X are missing in all rows, but were never missing in fit"


@pytest.mark.parametrize("kind", KINDS_OF_INPUTS)
def test_columns_that_are_missing_only_now_are_named(kind):
    net = fitted(ALL_KINDS, **KINDS_OF_INPUTS[kind])
    for name in "abcdt":
        with pytest.warns(UserWarning, match=rf"Columns \['{name}'\] {ALL_MISSING}") as caught:
            net.predict(ALL_KINDS.assign(**{name: None}))
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=rf"Columns \['a', 'd'\] {ALL_MISSING}"):
        net.predict(ALL_KINDS.assign(a=np.nan, d=pd.NaT))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(ALL_KINDS.assign(a=np.nan, b=np.nan, c=None, d=pd.NaT, t=None)[:19])
        net.predict(with_gaps(ALL_KINDS.index < 59))


@pytest.mark.parametrize("kind", KINDS_OF_INPUTS)
def test_columns_that_were_missing_before_are_not_named(kind):
    gaps = with_gaps(ALL_KINDS.index % 6 == 0)
    net = fitted(gaps, **KINDS_OF_INPUTS[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(gaps.assign(a=np.nan, b=np.nan, c=None, d=pd.NaT, t=None))


def test_columns_of_numbers_alone_that_are_missing_only_now_are_named():
    for X in (FRAME[["a", "b"]], FRAME[["a", "b"]].to_numpy()):
        now = X.copy()
        now[:] = np.nan
        with pytest.warns(UserWarning, match=rf"Columns \['(a', 'b|x0', 'x1)'\] {ALL_MISSING}"):
            fitted(X).predict(now)


def test_a_warning_names_columns_whose_new_values_are_unlikely_all_infrequent():
    categories = np.repeat([f"l{k}" for k in range(30)], 20)
    table = pd.DataFrame({"x": np.arange(604.0), "c": [*categories, "once", "only", "rare", "rare"]})
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0, max_categories=31).fit(table, table["x"].to_numpy())
    assert "infrequent" in set(net.inputs_["kind"])
    with pytest.warns(UserWarning, match=r"Columns \['c'\] of X hold no category that fit has seen"):
        net.predict(table.assign(c=np.arange(604).astype(str)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(table.assign(c="rare"))


def test_there_is_no_warning_where_most_categories_were_infrequent():
    categories = np.array([f"l{k}" for k in range(30)])
    net = fitted(FRAME.assign(c=np.repeat(categories, 2)), max_categories=3, category_encoding="one_hot")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.predict(FRAME.assign(c=np.repeat(categories[::-1], 2)))
