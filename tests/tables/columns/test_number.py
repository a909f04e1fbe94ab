"""Scaling: weights are repetitions, missing values count nowhere, and no magnitude breaks it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import bend_outliers, common_scaler

from sknet._tables.encoding import learn_encoder

METHODS = ["robust", "standard", None]
values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))
columns = st.lists(st.tuples(values | st.just(float("nan")), st.integers(1, 4)), min_size=1, max_size=30)


def weighted_and_repeated(column):
    x, w = (np.array(part) for part in zip(*column, strict=True))
    return x[:, None], w, np.repeat(x, w)[:, None]


def learn(X, method, weight=None):
    weight = None if weight is None else np.asarray(weight, dtype=float)
    return list(learn_encoder(X, ColumnSettings(input_scaling=method, weight=weight)).columns)


def learn_scaler(X, method, weight=None):
    return common_scaler(learn(X, method, weight))


def apply(scaler, Z):
    scaler.impute_and_scale_into(Z, Z)
    return Z


def scaled(X, method, weight=None, dtype=np.float64):
    return apply(learn_scaler(X, method, weight), np.array(X, dtype=dtype))


# --- columns


@given(columns, st.sampled_from(METHODS))
def test_weights_are_repetitions(column, method):
    x, w, repeated = weighted_and_repeated(column)
    if method == "robust":
        assert learn(x, method, w) == learn(repeated, method)
    weighted, plain = learn_scaler(x, method, w), learn_scaler(repeated, method)
    np.testing.assert_allclose(weighted.center, plain.center, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.factor, plain.factor, rtol=1e-9)
    assert learn(repeated, method) == learn(repeated, method, np.ones(len(repeated)))


def test_robust_is_median_and_quartile_range_with_bent_outliers():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 700])[:, None]
    scaler = learn_scaler(x, "robust")
    assert (scaler.center, scaler.factor, scaler.bend) == (3, 1 / 4, True)
    z = (x - 3) / 4
    np.testing.assert_allclose(apply(scaler, x.copy()), 3 * np.arcsinh(z / 3), rtol=1e-14)


def test_where_quartiles_coincide_robust_takes_the_other_values_and_silences_constants():
    X = np.column_stack([[5.0] * 9 + [9.0], [7.0] * 10, [np.nan] * 10])
    scaler = learn_scaler(X, "robust")
    assert scaler.center.tolist() == [5, 7, 0] and scaler.factor.tolist() == [1 / 4, 0, 0]
    assert (apply(scaler, np.array([[1e300, -1e300, 3.0]]))[0, 1:] == 0).all()


def test_a_zero_inflated_column_keeps_its_resolution():
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(2000) < 0.9, 0.0, rng.lognormal(8, 1, 2000))
    gain[0] = 1e7
    scaler = learn_scaler(gain[:, None], "robust")
    Z = apply(scaler, np.quantile(gain[gain > 0], [0.1, 0.5, 0.9])[:, None].copy())
    assert scaler.center == 0 and (np.diff(Z[:, 0]) > 0.5).all()


def test_standard_has_mean_zero_and_deviation_one_under_the_weights():
    rng = np.random.default_rng(0)
    X, w = rng.normal(5, 3, (50, 3)), rng.random(50)
    Z = scaled(X, "standard", w)
    np.testing.assert_allclose(w @ Z, 0, atol=1e-12)
    np.testing.assert_allclose(w @ Z**2 / w.sum(), 1, rtol=1e-12)


def test_none_changes_nothing_but_fills_in_the_weighted_mean():
    X = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    scaler = learn_scaler(X, None, [3, 1, 5])
    assert scaler.center.tolist() == [1.5, 0]
    assert apply(scaler, X.copy()).tolist() == [[1, 0], [3, 0], [1.5, 0]]


@pytest.mark.parametrize("method", ["robust", "standard"])
def test_missing_values_become_zero(method):
    Z = scaled(np.array([[1.0], [np.nan], [5.0], [9.0]]), method)
    assert Z[1] == 0 and Z[0] < 0 < Z[3]


@pytest.mark.parametrize("method", ["robust", "standard"])
@pytest.mark.parametrize("magnitude", [1e300, 1.7e308, 1e-300, 1e-307, 1e9, 1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_magnitude_does_not_matter(method, magnitude, dtype):
    x = np.linspace(-1, 1, 21)[:, None]
    Z = scaled_into(x * magnitude, method, dtype)
    np.testing.assert_allclose(Z, scaled(x, method), rtol=1e-6, atol=1e-7)


def scaled_into(X, method, dtype):
    out = np.empty(X.shape, dtype)
    assert learn_scaler(X, method).impute_and_scale_into(X, out)
    return out


def test_an_offset_costs_no_precision_in_single_precision():
    x = np.linspace(-1, 1, 21)[:, None]
    np.testing.assert_allclose(scaled_into(1e9 + x, "robust", np.float32), scaled(x, "robust"), atol=1e-6)


def test_a_constant_is_recognised_though_its_mean_rounds():
    scaler = learn_scaler(np.full((10, 1), 0.1), "standard", np.linspace(0.1, 1, 10))
    assert scaler.center == 0.1 and scaler.factor == 0


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint64, np.bool_, np.float32])
def test_any_real_type_is_scaled(dtype):
    X = np.array([[0], [1], [0], [1], [1]], dtype=dtype)
    out = np.empty(X.shape, np.float32)
    assert learn_scaler(X, "standard").impute_and_scale_into(X, out)
    np.testing.assert_allclose(out, scaled(X, "standard"), rtol=1e-6)


def test_single_precision_stays_single():
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    scaler = learn_scaler(X, "robust")
    Z = apply(scaler, X.copy())
    assert Z.dtype == np.float32 and scaler.float32_suffices
    np.testing.assert_allclose(Z, apply(scaler, X.astype(float)), rtol=1e-5, atol=1e-6)


def test_trouble_is_told():
    scaler = learn_scaler(np.array([[1.0], [2.0], [3.0]]), None)
    out = np.empty((2, 1), np.float32)
    assert scaler.impute_and_scale_into(np.array([[1.0], [2.0]]), out)
    assert not scaler.impute_and_scale_into(np.array([[1.0], [np.nan]]), out)
    assert not scaler.impute_and_scale_into(np.array([[1.0], [1e200]]), out)


@given(st.floats(-1e200, 1e200), st.floats(-1e200, 1e200))
def test_bent_outliers_keep_their_order_and_are_never_flat(a, b):
    Z = np.array([min(a, b), max(a, b), -min(a, b)])
    bend_outliers(Z)
    assert Z[0] == -Z[2] and Z[0] <= Z[1] and np.abs(Z).max() < 1400
    if abs(a - b) > 1e-9 * max(abs(a), abs(b)):
        assert Z[0] < Z[1]


# --- the column


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_by_itself_is_encoded_as_in_the_stack(method, dtype):
    X = np.array([[1.0, 7.0], [np.nan, 9.0], [5.0, 8.0]])
    columns = learn(X, method)
    assert [column.suffixes for column in columns] == [("", "_missing"), ("",)]
    assert [column.n_inputs for column in columns] == [2, 1]
    together = np.empty(X.shape, dtype)
    common_scaler(columns).impute_and_scale_into(X, together)
    for j, column in enumerate(columns):
        out = np.zeros((3, column.n_inputs), dtype)
        column.write(pd.Series(X[:, j]), out, "c")
        np.testing.assert_array_equal(out[:, 0], together[:, j])
        assert (out[:, 1:] == np.isnan(X[:, [j]])).all()


def test_no_columns_are_a_stack_too():
    out = np.empty((3, 0))
    assert common_scaler([]).impute_and_scale_into(np.empty((3, 0)), out)
