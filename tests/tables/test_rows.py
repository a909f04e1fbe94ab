"""Rows of every kind of table: taken, dropped, merged, and left in their file until they are read."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sknet._tables.read import is_memory_mapped, is_sparse

from sknet._tables.rows import MAX_VALUES_TO_MERGE_ROWS, distinct_rows
from tests.model.examples import rows_of

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
    return X.toarray() if is_sparse(X) else np.asarray(X)


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
    assert bare.weight is None and bare.groups is None


def test_rows_of_weight_0_are_dropped_and_their_places_known():
    weight = np.arange(N) % 3.0
    rows = rows_of(COUNTS, NUMBER, weight, np.arange(N))
    left = rows.without_zero_weights()
    assert left.weight.all() and left.n_passed == N
    assert_array_equal(left.places, np.flatnonzero(weight))
    assert_array_equal(left.X.values, COUNTS[left.places])
    assert left.without_zero_weights() is left
    fewer = left.with_weight(np.where(left.weight == 2, 0.0, 1.0)).without_zero_weights()
    assert fewer.n_passed == N
    assert_array_equal(fewer.places, np.flatnonzero(weight == 1))
    assert_array_equal(fewer.y, NUMBER[fewer.places])


def test_without_weights_nothing_is_dropped():
    rows = rows_of(COUNTS, NUMBER)
    assert rows.without_zero_weights() is rows and rows.places is None and rows.n_passed is None


# --- files -----------------------------------------------------------------------------------------------------------


def test_rows_of_a_memory_map_stay_in_its_file(mapped):
    rows = rows_of(mapped, NUMBER)
    first, second = rows.take(np.array([5])), rows.take(np.array([7]))
    assert is_memory_mapped(first.X.values) and is_memory_mapped(second.X.values)
    assert not is_memory_mapped(second.X.for_scorer())
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
    X, labels = distinct.astype(dtype)[TWICE], TWICE % 2
    first, place = distinct_rows(X, labels)
    assert len(first) == 20
    assert_array_equal(X[first][place], X)
    assert_array_equal(labels[first][place], labels)
    order = rng.permutation(len(X))
    again, _ = distinct_rows(X[order], labels[order])
    assert_array_equal(X[order][again], X[first])


def test_equal_rows_of_another_label_are_distinct():
    for value in (1.0, 1e20):  # beside which a label vanishes
        first, place = distinct_rows(np.full((4, 2), value), np.array([0, 1, 0, 1]))
        assert len(first) == 2 and place[0] == place[2] != place[1] == place[3]


@pytest.mark.parametrize("hold", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("y", [TWICE[:, np.newaxis] % 3, np.column_stack([TWICE % 3, TWICE % 2]), 0.5 * TWICE[:, None]])
def test_merged_rows_are_weighted_ones_in_an_order_of_their_own(hold, y):
    X = np.random.default_rng(1).normal(size=(20, 4))[TWICE]
    merged = rows_of(hold(X), y).merge_duplicates_if_small()
    assert len(merged) == 20 and (merged.weight == 3).all()
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
    assert same.weight is None and len(same) == N


def test_frames_and_large_tables_are_not_merged():
    frame = rows_of(pd.DataFrame(np.zeros((4, 2))), np.zeros((4, 1)))
    assert frame.merge_duplicates_if_small() is frame
    rows = rows_of(np.zeros((4, 2)), np.zeros((4, 1)))
    assert len(rows.merge_duplicates_if_small()) == 1
    large = rows_of(np.zeros((MAX_VALUES_TO_MERGE_ROWS + 1, 1)), np.zeros((MAX_VALUES_TO_MERGE_ROWS + 1, 1)))
    assert large.merge_duplicates_if_small() is large
