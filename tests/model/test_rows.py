"""Rows of tables in memory: taken, dropped, merged, left in their file; and their encoded targets and weights."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet._model.rows import MAX_VALUES_TO_MERGE_ROWS, distinct_rows
from tests.model.examples import encoded_with, make_settings, rows_of

rng = np.random.default_rng(0)
N = 60
COUNTS = rng.integers(0, 9, (N, 4))
NUMBER = (COUNTS[:, :1] - 0.5 * COUNTS[:, 1:2]).astype(float)
HOLD = {
    "array": np.asarray,
    "csr": sp.csr_array,
    "pandas": pd.DataFrame,
}


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "X.npy", COUNTS)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def values_of(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


# --- taking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", HOLD.values(), ids=HOLD)
def test_weights_and_groups_are_taken_along(hold):
    weight, groups, chosen = np.arange(N, dtype=float), np.arange(N) // 7, np.array([9, 1, 30])
    rows = rows_of(hold(COUNTS), NUMBER, weight, groups).take(chosen)
    assert len(rows) == 3
    assert_array_equal(values_of(rows.X.values), COUNTS[chosen])
    assert_array_equal(rows.y, NUMBER[chosen])
    assert_array_equal(rows.weight, weight[chosen])
    assert_array_equal(rows.groups, groups[chosen])
    bare = rows_of(hold(COUNTS), NUMBER).take(chosen)
    assert bare.weight is None
    assert bare.groups is None


def test_a_mask_says_which_rows_of_weight_0_were_dropped():
    weight = np.arange(N) % 3.0
    rows = rows_of(COUNTS, NUMBER, weight, np.arange(N))
    left = rows.without_zero_weights()
    assert left.weight.all()
    assert_array_equal(left.positive_weight_mask, weight > 0)
    assert_array_equal(left.X.values, COUNTS[left.positive_weight_mask])
    assert left.without_zero_weights() is left
    fewer = replace(left, weight=np.where(left.weight == 2, 0.0, 1.0)).without_zero_weights()
    assert_array_equal(fewer.positive_weight_mask, weight == 1)
    assert_array_equal(fewer.y, NUMBER[fewer.positive_weight_mask])


def test_without_weights_nothing_is_dropped():
    rows = rows_of(COUNTS, NUMBER)
    assert rows.without_zero_weights() is rows
    assert rows.positive_weight_mask is None


# --- files -----------------------------------------------------------------------------------------------------------


def test_rows_of_a_memory_map_stay_in_its_file(mapped):
    rows = rows_of(mapped, NUMBER)
    first, second = rows.take(np.array([5])), rows.take(np.array([7]))
    assert not first.X.is_in_memory
    assert not second.X.is_in_memory
    assert not isinstance(second.X.for_scorer(), np.memmap)
    assert_array_equal(first.X.values[:], COUNTS[[5]])
    assert_array_equal(second.X.values, COUNTS[[7]])


# --- equal rows ------------------------------------------------------------------------------------------------------

TWICE = rng.permutation(np.repeat(np.arange(20), 3))
HALF_NAN = np.where(np.arange(4) == 1, np.nan, rng.normal(size=(20, 4)))
ONE_KEY = np.where(np.arange(2) == 0, np.arange(20)[:, np.newaxis], 0.0) * [1.0, 0.0]
ONE_KEY[:, 1] = -ONE_KEY[:, 0] * np.divide(*np.random.default_rng(0).random(2))  # every row's key is about 0


@pytest.mark.parametrize("distinct", [rng.normal(size=(20, 4)), HALF_NAN, ONE_KEY], ids=["plain", "missing", "one key"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_distinct_rows(distinct, dtype):
    """One of each kind, whatever the order of the rows, and in an order that is the rows' own."""
    rng = np.random.default_rng(1)
    X, labels = distinct.astype(dtype)[TWICE], TWICE % 2
    first, index = distinct_rows(X, labels)
    assert len(first) == 20
    assert_array_equal(X[first][index], X)
    assert_array_equal(labels[first][index], labels)
    order = rng.permutation(len(X))
    again, _ = distinct_rows(X[order], labels[order])
    assert_array_equal(X[order][again], X[first])


def test_equal_rows_of_another_label_are_distinct():
    for value in (1.0, 1e20):  # beside which a label vanishes
        first, index = distinct_rows(np.full((4, 2), value), np.array([0, 1, 0, 1]))
        assert len(first) == 2
        assert index[0] == index[2] != index[1] == index[3]


@pytest.mark.parametrize("hold", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("y", [TWICE[:, np.newaxis] % 3, np.column_stack([TWICE % 3, TWICE % 2]), 0.5 * TWICE[:, None]])
def test_merged_rows_are_weighted_ones_in_an_order_of_their_own(hold, y):
    X = np.random.default_rng(1).normal(size=(20, 4))[TWICE]
    merged = rows_of(hold(X), y).merge_duplicates_if_small()
    assert len(merged) == 20
    assert (merged.weight == 3).all()
    weight = np.random.default_rng(2).integers(1, 4, len(X)).astype(float)
    weighted = rows_of(hold(X), y, weight).merge_duplicates_if_small()
    repeated = np.random.default_rng(3).permutation(np.repeat(np.arange(len(X)), weight.astype(int)))
    plain = rows_of(hold(X[repeated]), y[repeated]).merge_duplicates_if_small()
    for one, other in (
        (weighted, plain),
        (rows_of(hold(X[::-1]), y[::-1], weight[::-1]).merge_duplicates_if_small(), weighted),
    ):
        assert_array_equal(values_of(one.X.values), values_of(other.X.values))
        assert_array_equal(one.y, other.y)
        assert_array_equal(one.weight, other.weight)


def test_rows_that_are_all_distinct_are_left_alone():
    rows = rows_of(np.random.default_rng(1).normal(size=(N, 2)), NUMBER)
    assert rows.merge_duplicates_if_small() is rows
    same = rows_of(rows.X.values, NUMBER, np.ones(N)).merge_duplicates_if_small()
    assert same.weight is None
    assert len(same) == N


def test_frames_and_large_tables_are_not_merged():
    frame = rows_of(pd.DataFrame(np.zeros((4, 2))), np.zeros((4, 1)))
    assert frame.merge_duplicates_if_small() is frame
    rows = rows_of(np.zeros((4, 2)), np.zeros((4, 1)))
    assert len(rows.merge_duplicates_if_small()) == 1
    large = rows_of(np.zeros((MAX_VALUES_TO_MERGE_ROWS + 1, 1)), np.zeros((MAX_VALUES_TO_MERGE_ROWS + 1, 1)))
    assert large.merge_duplicates_if_small() is large


# --- encoded rows -----------------------------------------------------------------------------------------------------


def test_targets_and_weights_are_made_once_and_in_blocks():
    """In float64, the targets of a narrow table may be as large as the table: no second array is as long as they."""
    n, rng = 2**20, np.random.default_rng(0)
    small = encoded_with(make_settings(), COUNTS.astype(float), NUMBER[:, 0])[1]
    y, weight = rng.normal(size=(n, 1)), rng.random(n)
    rows = replace(small, y_of_table=y, weight_of_table=weight, row_indices=rng.permutation(n))
    rows = replace(rows, encoding=replace(rows.encoding, compute_dtype=np.dtype(np.float32)))
    tracemalloc.start()
    try:
        assert rows.target is rows.target
        assert rows.relative_weight is rows.relative_weight
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.4 * (rows.target.nbytes + rows.relative_weight.nbytes)
    assert_allclose(rows.relative_weight, (rows.weight / rows.weight.mean()).astype(np.float32), rtol=1e-6)
    assert_array_equal(rows.target, rows.encode_targets(rows.y))


def test_weights_are_divided_by_their_mean_and_a_tiny_total_raises():
    weight = np.where(np.arange(N) < 10, 1e-320, 1.0 + np.arange(N) % 3)
    rows = encoded_with(make_settings(), COUNTS.astype(float), NUMBER[:, 0], weight)[1]
    samples = rows.take(np.arange(20, 23))
    assert_allclose(samples.relative_weight, weight[20:23] / weight[20:23].mean())
    assert samples.total_weight == weight[20:23].sum()
    assert len(samples) == 3
    plain = replace(rows, weight_of_table=None)
    assert plain.relative_weight is None
    assert plain.total_weight == N
    with pytest.raises(ValueError, match="weight"):
        rows.take(np.arange(10))
