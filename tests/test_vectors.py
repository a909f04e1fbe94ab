"""Vectors are added in one pass, rows are split into blocks, and quantiles take weights as repetitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._vectors import SortedColumns, add_multiple, blocks_of_batch, minibatches


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 37])
def test_a_multiple_is_added_in_place(dtype, n):
    x, y = np.random.default_rng(0).normal(size=(2, n)).astype(dtype)
    expected = y + dtype(-0.3) * x
    add_multiple(y, -0.3, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_shuffled_batches_are_a_permutation_in_four_bytes_per_row():
    batches = list(minibatches(1000, 64, np.random.default_rng(5)))
    np.testing.assert_array_equal(np.concatenate(batches), np.random.default_rng(5).permutation(1000))
    assert {batch.dtype for batch in batches} == {np.dtype(np.int32)}


def test_parts_of_a_vector_change_the_vector():
    """Weights and biases are views of one theta."""
    theta = np.zeros(10, np.float32)
    add_multiple(theta[3:7], 2.0, np.ones(4, np.float32))
    np.testing.assert_array_equal(theta, [0, 0, 0, 2, 2, 2, 2, 0, 0, 0])


@pytest.mark.parametrize("batch", [slice(3, 10), np.arange(3, 10)])
def test_blocks_of_a_batch(batch):
    blocks = [np.arange(20)[block].tolist() for block in blocks_of_batch(batch, 3)]
    assert blocks == [[3, 4, 5], [6, 7, 8], [9]]


def rows_in(batches, n):
    return [np.arange(n)[batch].tolist() for batch in batches]


@pytest.mark.parametrize(("n", "size"), [(7, 3), (6, 6), (5, 9)])
def test_batches_are_in_order_without_a_generator_or_if_one_has_all_rows(n, size):
    in_order = rows_in(blocks_of_batch(slice(0, n), size), n)
    assert rows_in(minibatches(n, size, None), n) == in_order
    shuffled = rows_in(minibatches(n, size, np.random.default_rng(0)), n)
    assert (shuffled == in_order) is (size >= n)
    assert sorted(row for batch in shuffled for row in batch) == [*range(n)]


# --- weighted quantiles ----------------------------------------------------------------------------------------------


def weighted_quantile(values, q, weight=None):
    """The quantiles of one column: a number for a single level."""
    column = SortedColumns.from_columns(np.asarray(values)[np.newaxis], None if weight is None else np.asarray(weight))
    return column.quantiles(np.ravel(q))[0].reshape(np.shape(q))[()]


values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(values, st.integers(1, 5)), min_size=1, max_size=40), st.floats(0, 1))
def test_quantiles_take_weights_as_repetitions_as_numpy_does(sample, q):
    x, w = (np.array(part) for part in zip(*sample, strict=True))
    repeated = np.repeat(x, w)
    found = weighted_quantile(x, q, w)
    assert found == weighted_quantile(repeated, q) == weighted_quantile(repeated, q, np.ones(len(repeated)))
    on_a_step = np.isclose(q * len(repeated), np.round(q * len(repeated)), rtol=1e-6)
    if not on_a_step:
        assert found == np.quantile(repeated, q, method="inverted_cdf")


def test_a_quantile_that_falls_on_a_step_is_the_lower_value():
    assert weighted_quantile([4, 1, 3, 2], [0, 0.25, 0.5, 0.75, 1]).tolist() == [1, 1, 2, 3, 4]
    assert weighted_quantile(np.arange(100), 0.07) == 6  # 0.07 * 100 is 7.000000000000001
    assert weighted_quantile([1, 2, 3], 1 / 3, [0.1, 0.1, 0.1]) == 1


@given(st.lists(st.tuples(values, st.floats(0.01, 3)), min_size=1, max_size=30), st.sampled_from([0.25, 0.5, 0.75]))
def test_splitting_a_fractional_weight_changes_no_quantile(sample, q):
    x, w = (np.array(part) for part in zip(*sample, strict=True))
    assert weighted_quantile(x, q, 2 * w) == weighted_quantile(np.repeat(x, 2), q, np.repeat(w, 2))


def test_quantiles_ignore_missing_values():
    assert weighted_quantile([np.nan, 5, 1], 0.5) == 1
    assert weighted_quantile([np.nan, 5, 1], 0.5, [9, 2, 1]) == 5
    assert np.isnan(weighted_quantile([np.nan], 0.5))
    assert np.isnan(weighted_quantile([], 0.5))


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 99),
)
def test_weighted_quantiles_are_the_first_values_that_reach_the_level(values, levels, weighted, seed):
    y = np.array(values, dtype=np.float32)
    weight = np.random.default_rng(seed).uniform(0.1, 2, len(y)).astype(np.float32) if weighted else None
    share = np.ones(len(y)) if weight is None else weight.astype(float)
    found = weighted_quantile(y, levels, weight)
    assert found.shape == (len(levels),)
    assert found.dtype == np.float64
    for level, quantile in zip(levels, found, strict=True):
        reached = [share[y <= v].sum() / share.sum() >= level - 1e-9 for v in np.unique(y)]
        assert quantile == np.unique(y)[np.argmax(reached)]
