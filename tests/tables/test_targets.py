"""Targets: class weights are sample weights, and numbers come back in their own units and shape."""

import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight

from sknet._tables.targets import fold_class_weight, learn_labels, learn_numbers

MULTILABEL = np.array([[1, 0], [0, 0], [1, 1], [0, 1], [0, 0], [1, 0]])
MULTIOUTPUT = np.array([["a", "x"], ["b", "y"], ["c", "x"], ["a", "x"], ["a", "x"], ["a", "y"]])
SINGLE = np.array([0, 2, 1, 1, 0, 0])


def fold(class_weight, y, sample_weight=None):
    return fold_class_weight(class_weight, learn_labels(y), y, sample_weight)


# --- class weights


@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (SINGLE, "balanced"),
        (SINGLE.astype(str), "balanced"),
        (MULTILABEL, "balanced"),
        (MULTIOUTPUT, "balanced"),
        (SINGLE, {0: 0.3, 1: 2, 2: 7}),
        (SINGLE, {1: 2.5}),
        (SINGLE == 1, {True: 3, False: 0.5}),
        (np.array(list("xzyyxx")), {"x": 0.3, "y": 2, "z": 7}),
        (MULTILABEL, [{0: 1, 1: 5}, {0: 2, 1: 0.1}]),
        (MULTIOUTPUT, [{"a": 0.1, "b": 2, "c": 3}, {"x": 2, "y": 0.3}]),
    ],
)
def test_class_weights_are_scikit_learns_sample_weights_to_the_bit(y, class_weight):
    reference = compute_sample_weight(class_weight, y)
    np.testing.assert_array_equal(fold(class_weight, y), reference)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=20))
def test_balanced_counts_weights_as_repetitions(sample):
    y, w = (np.array(part) for part in zip(*sample, strict=True))
    folded, repeated = fold("balanced", y, w), fold("balanced", np.repeat(y, w))
    np.testing.assert_allclose(np.repeat(folded / w, w), repeated, rtol=1e-12)
    totals = [folded[y == label].sum() for label in np.unique(y)]
    np.testing.assert_allclose(totals, w.sum() / len(totals))


def test_balanced_takes_no_account_of_classes_without_weight():
    labels = learn_labels(["a", "b"], classes=["a", "b", "c"])
    assert fold_class_weight("balanced", labels, ["a", "b", "b"], [3, 1, 0]).tolist() == [2, 2, 0]
    assert fold_class_weight("balanced", labels, ["a", "b", "b"], [3, 0, 0]).tolist() == [3, 0, 0]


def test_no_class_weight_leaves_the_sample_weights():
    assert fold(None, SINGLE) is None
    assert fold(None, SINGLE, [1, 2, 3, 4, 5, 6]).tolist() == [1, 2, 3, 4, 5, 6]
    assert fold([None, {"y": 2}], MULTIOUTPUT).tolist() == [1, 2, 1, 1, 1, 2]


def test_sparse_indicators_have_class_weights():
    np.testing.assert_array_equal(fold("balanced", sparse.csr_array(MULTILABEL)), fold("balanced", MULTILABEL))


def test_a_label_that_does_not_occur_may_have_a_weight():
    assert fold({"a": 2, "b": 3, "gone": 4}, ["a", "b"]).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (SINGLE, {"0": 1, "1": 2}, r"keys \['0', '1'\], which are no labels of y, and no weight for \[0, 1, 2\]"),
        (SINGLE, {0: -1}, r"class_weight holds \{0: -1\}: weights must be finite numbers, 0 or more"),
        (SINGLE, {0: np.nan, 1: 1}, r"class_weight holds \{0: nan\}"),
        (SINGLE, {0: "big"}, r"class_weight holds \{0: 'big'\}"),
        (SINGLE, "even", "class_weight='even' is not understood: give a dict of label: weight, or 'balanced'"),
        (SINGLE, 3, "class_weight=3 does not fit y: give a dict, None or 'balanced'"),
        (MULTILABEL, {0: 1}, r"class_weight=\{0: 1\} does not fit y: give 'balanced', None or a list of 2 dicts"),
        (MULTIOUTPUT, [{}], "give 'balanced', None or a list of 2 dicts"),
        (MULTIOUTPUT, [{}, 2], "class_weight=2 is not understood"),
    ],
)
def test_a_bad_class_weight_is_named_with_its_remedy(y, class_weight, message):
    with pytest.raises(ValueError, match=message):
        fold(class_weight, y)


# --- regression


@given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=2, max_size=20), st.booleans())
def test_numbers_come_back_in_their_units_and_shape(values, flat):
    y = np.array(values) if flat else np.array([values, values[::-1]]).T
    numbers = learn_numbers(y)
    encoded = numbers.encode(y)
    assert encoded.shape == (len(values), 1 if flat else 2) and numbers.n_outputs == encoded.shape[1]
    decoded = numbers.decode(encoded)
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
    assert learn_numbers(hold(y)) == learn_numbers(np.array(y))
    np.testing.assert_array_equal(learn_numbers(y).encode(hold(y)), learn_numbers(y).encode(y))


@pytest.mark.parametrize("hold", [pd.DataFrame, pl.DataFrame, lambda t: pd.DataFrame(t).convert_dtypes()])
def test_frames_of_several_targets(hold):
    table = {"a": [1.0, 2.0, 4.0], "b": [3.0, 3.5, 9.0]}
    plain = np.column_stack(list(table.values()))
    assert learn_numbers(hold(table)) == learn_numbers(plain)
    np.testing.assert_array_equal(learn_numbers(plain).encode(hold(table)), learn_numbers(plain).encode(plain))


def test_a_column_vector_is_taken_as_flat_with_scikit_learns_warning():
    with pytest.warns(DataConversionWarning, match=r"column-vector"):
        numbers = learn_numbers([[1.0], [2.0]])
    assert numbers.flat and numbers.encode([[1.0], [2.0]]).shape == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, pd.NA])
@pytest.mark.parametrize("hold", [list, lambda y: pd.Series(y, dtype=object), lambda y: pd.DataFrame({"a": y, "b": y})])
def test_missing_and_infinite_targets_are_refused(bad, hold):
    with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
        learn_numbers(hold([1.0, bad]))


@pytest.mark.parametrize(
    "y", [["1", "x"], pd.Series(["x"], dtype="str"), pd.to_datetime(["2000"]), [{}], [[[1]], ["x"]]]
)
def test_what_is_no_number_is_refused_by_name(y):
    with pytest.raises(ValueError, match=r"y should hold numbers, but .* Convert it first|inhomogeneous"):
        learn_numbers(y)


def test_complex_targets_give_scikit_learns_error():
    with pytest.raises(ValueError, match="Complex data not supported"):
        learn_numbers([1j, 2])


def test_the_number_of_targets_must_stay():
    with pytest.raises(ValueError, match=r"y has 3 targets, but the regressor knows 2"):
        learn_numbers(np.ones((4, 2))).encode(np.ones((4, 3)))


def test_no_scaling_is_the_identity_and_types_are_kept():
    numbers = learn_numbers([1.0, 5.0], method=None)
    assert numbers.encode([1.0, 5.0], np.float32).dtype == np.float32
    assert numbers.decode(np.array([[7.0]], dtype=np.float32)).tolist() == [7]
    assert numbers.decode(np.zeros((1, 1), np.float32), np.float64).dtype == np.float64


def test_numbers_travel_and_compare():
    numbers = learn_numbers([1.0, 5.0], weight=[1, 3])
    assert pickle.loads(pickle.dumps(numbers)) == numbers != learn_numbers([1.0, 5.0])
    assert numbers.scaler.mean == 4
