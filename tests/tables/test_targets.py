"""Regression targets: parsed whatever holds them, and brought back in their own units and shape."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning

from sknet import SigmoidMLPRegressor
from sknet._tables.targets import RegressionTarget, TargetScaler, read_regression_target, restore_shape


def learn_and_encode(y):
    values, _ = read_regression_target(y)
    scaler = TargetScaler.learn(values)
    return scaler, scaler.encode(values)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=20), st.booleans())
def test_numbers_come_back_in_their_units_and_shape(values, flat):
    y = np.array(values) if flat else np.array([values, values[::-1]]).T
    scaler, encoded = learn_and_encode(y)
    assert encoded.shape == (len(values), 1 if flat else 2)
    decoded = restore_shape(scaler.decode(encoded), flat)
    assert decoded.shape == y.shape
    np.testing.assert_allclose(decoded, y, rtol=1e-9, atol=1e-6)


HELD = {
    "list": list,
    "object": lambda y: np.array(y, dtype=object),
    "float32": lambda y: np.array(y, dtype=np.float32),
    "ints": lambda y: np.array(y, dtype=int),
    "Series": pd.Series,
    "nullable": lambda y: pd.Series(y, dtype="Float64"),
    "arrow": lambda y: pd.Series(y, dtype=pd.ArrowDtype(pa.float64())),
    "decimals": lambda y: [Decimal(value) for value in y],
    "polars": pl.Series,
    "numerals": lambda y: [str(value) for value in y],
}


@pytest.mark.parametrize("hold", HELD.values(), ids=HELD)
def test_what_holds_the_numbers_does_not_matter(hold):
    y = [4.0, 2.0, 9.0]
    values, flat = read_regression_target(hold(y))
    assert flat
    assert values.dtype == np.float64
    assert values.tolist() == [[4], [2], [9]]


@pytest.mark.parametrize("hold", [pd.DataFrame, pl.DataFrame, lambda t: pd.DataFrame(t).convert_dtypes()])
def test_frames_of_several_targets(hold):
    table = {"a": [1.0, 2.0, 4.0], "b": [3.0, 3.5, 9.0]}
    plain = np.column_stack(list(table.values()))
    values, flat = read_regression_target(hold(table))
    assert not flat
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, plain)


def test_a_column_vector_is_taken_as_flat_with_scikit_learns_warning():
    with pytest.warns(DataConversionWarning, match=r"column-vector"):
        values, flat = read_regression_target([[1.0], [2.0]])
    assert flat
    assert values.shape == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, pd.NA])
@pytest.mark.parametrize("hold", [list, lambda y: pd.Series(y, dtype=object), lambda y: pd.DataFrame({"a": y, "b": y})])
def test_missing_and_infinite_targets_are_refused(bad, hold):
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        read_regression_target(hold([1.0, bad]))


@pytest.mark.parametrize(
    "y", [["1", "x"], pd.Series(["x"], dtype="str"), pd.to_datetime(["2000"]), [{}], [[[1]], ["x"]]]
)
def test_what_is_no_number_is_refused_by_name(y):
    with pytest.raises(
        ValueError, match=r"y should hold numbers, but .* Convert it first, or use SigmoidMLPClassifier|inhomogeneous"
    ):
        read_regression_target(y)


def test_complex_targets_give_scikit_learns_error():
    with pytest.raises(ValueError, match="Complex data not supported"):
        read_regression_target([1j, 2])


def test_the_number_of_targets_must_stay():
    with pytest.raises(ValueError, match=r"y has 3 targets, but the regressor knows 2"):
        RegressionTarget(False, TargetScaler.unscaled(2)).check_number_of_targets(np.ones((4, 3)))


def test_no_scaling_is_the_identity_and_types_are_kept():
    values = np.array([[1.0], [5.0]])
    scaler = TargetScaler.unscaled(1)
    assert scaler.encode(values, np.float32).tolist() == values.tolist()
    assert scaler.encode(values, np.float32).dtype == np.float32
    assert scaler.decode(np.array([[7.0]], dtype=np.float32)).tolist() == [[7]]
    assert scaler.decode(np.zeros((1, 1), np.float32), np.float64).dtype == np.float64


def test_numbers_travel_and_compare():
    values = np.array([[1.0], [5.0]])
    numbers = RegressionTarget(True, TargetScaler.learn(values, [1, 3]))
    assert pickle.loads(pickle.dumps(numbers)) == numbers != RegressionTarget(True, TargetScaler.learn(values))
    assert numbers.scaler.mean == 4


@pytest.mark.parametrize("factor", [1e301, -1e307, 1.7e308])
def test_targets_whose_predictions_would_overflow_are_refused(factor):
    y = factor * np.linspace(-1.0, 1.0, 40)
    with pytest.raises(ValueError, match=r"y holds a value of magnitude .*: divide y, so that none is beyond 1e\+300"):
        SigmoidMLPRegressor(2, max_iter=1).fit(np.arange(40.0)[:, np.newaxis], y)
    net = SigmoidMLPRegressor(2, max_iter=1, early_stopping=False).fit(
        np.arange(40.0)[:, np.newaxis], y / factor * 1e300
    )
    assert np.isfinite(net.predict([[1e6]])).all()


# --- scaling


@pytest.mark.parametrize("magnitude", [1e9, 1e-9, 1e300, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_of_any_magnitude_come_back(magnitude, dtype):
    y = magnitude * np.array([[1.0, -2.0], [3.0, 5.0], [4.0, 4.0]])
    scaler = TargetScaler.learn(y)
    encoded = scaler.encode(y, dtype)
    assert encoded.dtype == dtype
    np.testing.assert_allclose([encoded.mean(0), encoded.std(0)], [[0, 0], [1, 1]], atol=1e-6)
    np.testing.assert_allclose(scaler.decode(encoded, np.float64), y, rtol=1e-6 if dtype == np.float32 else 1e-14)
    assert scaler.decode(encoded[:0]).dtype == (dtype if magnitude < 1e30 else np.float64)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), st.integers(1, 4)), min_size=1, max_size=30))
def test_target_weights_are_repetitions(column):
    x, w = (np.array(part) for part in zip(*column, strict=True))
    x, repeated = x[:, None], np.repeat(x, w)[:, None]
    weighted, plain = TargetScaler.learn(x, w), TargetScaler.learn(repeated)
    np.testing.assert_allclose(weighted.mean, plain.mean, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.scale, plain.scale, rtol=1e-9)


def test_a_constant_target_keeps_its_scale_and_none_keeps_all():
    y = np.full((3, 1), 0.1)
    assert TargetScaler.learn(y) == TargetScaler(np.array([0.1]), np.array([1.0]))
    assert (TargetScaler.unscaled(1).encode(y) == y).all()
    assert TargetScaler.learn(y) != "standard"


@pytest.mark.parametrize("y", [1.7e9 + np.arange(4.0), 1e39 * np.arange(4.0), 1e-40 * np.arange(4.0)])
def test_targets_beyond_float32_come_back_in_float64(y):
    scaler, encoded = learn_and_encode(y)
    decoded = scaler.decode(encoded.astype(np.float32), np.float32)
    assert decoded.dtype == np.float64
    np.testing.assert_allclose(decoded[:, 0] - y.mean(), y - y.mean(), rtol=1e-5)


def test_targets_within_float32_keep_the_type_they_are_asked_for():
    for y in (np.arange(4.0), 50.0 + np.arange(4.0), np.full(4, 7.0)):
        scaler, encoded = learn_and_encode(y)
        assert scaler.decode(encoded.astype(np.float32)).dtype == np.float32
    assert TargetScaler.unscaled(1).decode(np.ones((4, 1), np.float32)).dtype == np.float32
