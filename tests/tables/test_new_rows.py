"""Columns unlike what was learnt: shifted numbers and unknown categories, and nothing else."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables.new_rows import columns_far_from_training
from tests.tables.examples import encoder_of

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(size=60), "c": ["x", "y", "z"] * 20})


@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
def test_far_columns_are_named(encoding):
    encoder = encoder_of(FRAME, numeric_encoding=encoding, n_bins=4)
    assert columns_far_from_training(encoder, FRAME[::-1]) == []
    assert columns_far_from_training(encoder, FRAME.assign(a=FRAME["a"] + 100)) == ["a"]
    assert columns_far_from_training(encoder, FRAME.assign(c="new", b=np.nan)) == ["c"]
    assert columns_far_from_training(encoder, FRAME.assign(c=None)) == []


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_a_median_is_far_from_ten_scales_on(scaling, sign):
    scale = 2.0  # the deviation, and the range between the quartiles
    X = np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]])
    encoder = encoder_of(X, input_scaling=scaling)
    assert columns_far_from_training(encoder, np.full((5, 1), sign * 9.9 * scale)) == []
    assert columns_far_from_training(encoder, np.full((5, 1), sign * 10.1 * scale)) == ["x0"]


def test_far_columns_of_arrays_and_sparse_rows_are_named():
    X = np.array(FRAME[["a", "b"]])
    assert columns_far_from_training(encoder_of(X), X + np.array([0, 50])) == ["x1"]
    assert columns_far_from_training(encoder_of(X, input_scaling=None), X + np.array([0, 50])) == []
    assert columns_far_from_training(encoder_of(sparse.csr_array(X)), sparse.csr_array(X * 1000)) == []


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
        net.predict(X + 10)


@pytest.mark.parametrize("table", [
    CODES[:19], CODES.assign(c=["new"] * 59 + ["x"]), CODES.assign(c=["new"] * 19 + [None] * 41),
    FRAME.assign(c=pd.Categorical(FRAME["c"], categories=list("zyxwv"))), FRAME,
], ids=["few rows", "one is known", "few values", "other order", "same"])  # fmt: skip
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
