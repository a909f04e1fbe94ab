"""What every kind of column promises. A new one is tested once `CASES` has values that it is learnt from."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet._tables.column import FormulaColumn, WeightsAndTarget
from sknet._tables.compact import encode_compact
from sknet._tables.encoder import TableEncoder
from sknet._tables.kinds import KINDS, kinds_by_class, recognized_kind
from sknet._tables.numbers import learn_number
from tests.tables.column_cases import CASES, WRONG
from tests.tables.examples import column_settings, inputs_of, suffixes

every_column = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def kinds_of_inputs(column):
    return [each.kind for each in column.input_descriptions]


def missing_of(values):
    return values.where(np.zeros(len(values), dtype=bool))


def test_every_kind_is_listed():
    assert {type(case.learn()) for case in CASES.values()} == kinds_by_class().keys()
    assert {case.kind for case in CASES.values()} == WRONG.keys() == KINDS.keys()


@every_column
def test_no_other_kind_recognises_a_column_first(case):
    assert recognized_kind(case.values, {kind.parameter for kind in KINDS.values()}) in {case.kind, None}


# --- inputs ----------------------------------------------------------------------------------------------------------


@every_column
def test_each_input_has_a_name_and_says_what_it_is_bins_first(case):
    column = case.learn()
    assert column.n_inputs == len(set(suffixes(column))) == len(suffixes(column)) == len(column.input_descriptions)
    is_bin = [kind == "bin" for kind in kinds_of_inputs(column)]
    assert is_bin == [True] * column.n_bins + [False] * (column.n_inputs - column.n_bins)


def test_a_kind_says_whether_its_columns_may_have_bins():
    with_bins = {case.kind for case in CASES.values() if case.learn().n_bins}
    assert with_bins == {name for name, kind in KINDS.items() if kind.may_have_bins}


@every_column
def test_inputs_are_numbers_of_the_type_asked_for(case):
    column, before = case.learn(), case.values.copy()
    in_double = inputs_of(column, case.values)
    assert np.isfinite(in_double).all()
    assert_allclose(inputs_of(column, case.values, np.float32), in_double, rtol=1e-4, atol=1e-5)
    pd.testing.assert_series_equal(case.values, before)


@every_column
def test_rows_do_not_depend_on_each_other(case):
    rng = np.random.default_rng(1)
    column, rows = case.learn(), rng.integers(0, len(case.values), 50)
    assert_array_equal(inputs_of(column, case.values.iloc[rows]), inputs_of(column, case.values)[rows])
    assert inputs_of(column, case.values.iloc[:0]).shape == (0, column.n_inputs)


@every_column
def test_missing_values_are_marked_if_training_had_some(case):
    missing, observed = case.values.isna().to_numpy(), np.flatnonzero(case.values.notna())
    column, whole = case.learn(), case.learn(observed)
    # the mean of rows where a value is missing tells as much
    assert ("missing" in kinds_of_inputs(column)) == (missing.any() and case.settings.category_encoding != "target")
    for place, kind in enumerate(kinds_of_inputs(column)):
        if kind == "missing":
            assert_array_equal(inputs_of(column, case.values)[:, place], missing)
    assert "missing" not in kinds_of_inputs(whole)
    assert np.isfinite(inputs_of(whole, missing_of(case.values))).all()


@every_column
def test_slopes_are_those_of_the_inputs(case):
    column, values = case.learn(), case.values
    if not isinstance(column, FormulaColumn):
        assert column.slopes(values, "c") is None
        return
    assert not column.slopes(missing_of(values), "c").any()
    if pd.api.types.infer_dtype(values.dropna()) == "string":  # text that stands for numbers cannot be moved a little
        assert column.slopes(values, "c").shape == (len(values), column.n_inputs)
        return
    # between values of training, at which a score jumps and a bin ends
    step, offset = (pd.Timedelta(seconds=1), pd.Timedelta(minutes=7)) if case.kind == "date" else (1e-6, 1e-3)
    values = values + offset
    expected = (inputs_of(column, values + step) - inputs_of(column, values - step)) / (
        2.0 if case.kind == "date" else 2e-6
    )
    found = column.slopes(values, "c")
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@every_column
def test_inputs_of_an_ordered_column_rise_with_its_values(case):
    column, values = case.learn(), case.values.dropna()
    if column.inputs_rise_with_value:
        inputs = [i for i, kind in enumerate(kinds_of_inputs(column)) if kind != "missing"]
        assert (np.diff(inputs_of(column, values.sort_values())[:, inputs], axis=0) >= 0).all()
    else:
        assert case.kind != "number"
        assert values.dtype.kind != "m"  # durations


@every_column
def test_values_of_training_are_read_and_are_not_outside_their_range(case):
    column = case.learn()
    for values in (case.values, missing_of(case.values)):
        read, warning = column.read(values, "c")
        assert not warning
        assert not column.lies_mostly_outside(values, "c")
        assert_array_equal(inputs_of(column, read), inputs_of(column, values))


@every_column
def test_axis_values_are_missing_where_the_values_are_and_may_be_read(case):
    column = case.learn()
    axis_values = column.axis_values(case.values, "c")
    if axis_values is None:
        assert not column.reads_axis_values
        return
    assert_array_equal(axis_values.isna(), case.values.isna())
    if column.reads_axis_values:
        assert_array_equal(inputs_of(column, axis_values), inputs_of(column, case.values))


# --- learning --------------------------------------------------------------------------------------------------------


@every_column
def test_a_weight_is_a_number_of_rows_or_else_has_no_unit(case):
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, len(case.values))
    column = case.learn(weight=weight.astype(float))
    repeated = np.repeat(np.arange(len(weight)), weight)
    same = case.learn(repeated) if case.weights_repeat else case.learn(weight=weight / 1e9)
    assert suffixes(same) == suffixes(column)
    assert_allclose(inputs_of(same, case.values), inputs_of(column, case.values), rtol=1e-7, atol=1e-9)


@every_column
def test_a_column_of_equal_values_is_scaled_by_later_ones(case):
    column = replace(case, steps=()).learn(np.flatnonzero(case.values.notna())[[0] * 30])
    keeps_scale = column.is_constant and case.settings.input_scaling == "quantile"
    is_still_constant = column.rescaled_if_constant(case.values, "c", None).is_constant
    assert is_still_constant == (case.learn().is_constant or keeps_scale)


@every_column
def test_a_column_is_a_value_that_can_be_pickled(case):
    column = case.learn()
    size = len(pickle.dumps(column))
    inputs = inputs_of(column, case.values)
    assert column == case.learn()
    assert column != "a column"
    assert len(pickle.dumps(column)) == size
    copy = pickle.loads(pickle.dumps(column))
    assert copy == column
    assert type(copy) is type(column)
    assert_array_equal(inputs_of(copy, case.values), inputs)


@every_column
def test_values_of_another_kind_are_refused_by_the_name_of_the_column(case):
    column = case.learn()
    for value, message in WRONG[case.kind]:
        values = pd.Series([*case.values.iloc[:30].astype(object), value], dtype=object)
        with pytest.raises((TypeError, ValueError), match=f"Column 'c' of X .*{message}"):
            inputs_of(column, values)
        if case.kind != "date" and case.target is None:
            with pytest.raises((TypeError, ValueError), match=f"Column 'c' of X .*{message}"):
                KINDS[case.kind].learn(values, "c", case.settings, WeightsAndTarget())


# --- in a table ------------------------------------------------------------------------------------------------------


@every_column
@pytest.mark.parametrize("names", [("c", "x"), ("x", "c")], ids=["before", "after"])
def test_a_column_and_a_default_number_have_their_own_inputs_side_by_side(case, names):
    n = len(case.values)
    values = {"c": case.values, "x": pd.Series(np.exp(np.linspace(-5.0, 5.0, n)))}
    columns = {"c": case.learn(), "x": learn_number(values["x"], "x", column_settings(), WeightsAndTarget())}
    encoder = TableEncoder(names, tuple(columns[name] for name in names))
    inputs = encoder.encode(pd.DataFrame(values)[[*names]], float)
    for j, name in enumerate(names):
        assert_array_equal(inputs[:, encoder.inputs_of_column(j)], inputs_of(columns[name], values[name]))


@every_column
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_has_the_inputs_of_its_columns_whole_compact_or_in_part(case, dtype):
    column = case.learn()
    X = pd.DataFrame({"a": case.values, "b": case.values.to_numpy()[::-1]})
    encoder = TableEncoder(("a", "b"), (column, column))
    Z = encoder.encode(X, dtype)
    for j, name in enumerate(X):
        assert_array_equal(Z[:, encoder.inputs_of_column(j)], inputs_of(column, X[name], dtype))
    compact = encode_compact(encoder, X, np.dtype(dtype), None)
    for batch in (slice(3, 20), np.array([7, 2, 2, 40])):
        part = np.full((len(Z[batch]), encoder.n_inputs), np.nan, dtype)
        compact.expand_into(batch, part)
        assert_allclose(part, Z[batch], rtol=0, atol=3e-16 if dtype == np.float64 else 0)
        assert_array_equal(encoder.encode_rows_into(X, batch, part), Z[batch])
