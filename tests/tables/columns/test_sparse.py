"""Columns of CSR matrices: their root mean squares, with weights, repeated entries and any magnitude."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import common_scaler, learn_sparse


def learn_sparse_scaler(X, method, weight=None):
    return common_scaler(learn_sparse(X, ColumnSettings(input_scaling=method, weight=weight)))


@given(st.integers(0, 10**6), st.sampled_from([sparse.csr_array, sparse.csr_matrix]))
def test_sparse_columns_are_divided_by_their_root_mean_square(seed, kind):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(12, 4)) * (rng.random((12, 4)) < 0.5) * [1e200, 1, 1e-200, 1]
    dense[:, 3] = 0
    w = rng.integers(1, 4, 12)
    scaler = learn_sparse_scaler(kind(dense), "robust", w)
    unit = dense / [1e200, 1, 1e-200, 1]
    rms = np.sqrt(w @ unit**2 / w.sum())
    expected = np.where(rms > 0, 1 / np.where(rms > 0, rms, 1) / [1e200, 1, 1e-200, 1], 1)
    np.testing.assert_allclose(scaler.factor, expected, rtol=1e-12)
    assert not scaler.center.any() and not scaler.bend and not scaler.shift
    repeated = learn_sparse_scaler(kind(np.repeat(dense, w, axis=0)), "standard")
    np.testing.assert_allclose(scaler.factor, repeated.factor, rtol=1e-12)


def test_sparse_duplicates_count_as_their_sum_and_are_left_alone():
    X = sparse.csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    assert learn_sparse_scaler(X, "robust").factor == 1 / 3 and X.nnz == 2


def test_sparse_without_scaling_is_left_alone():
    assert learn_sparse_scaler(sparse.csr_array(np.eye(2) * 7), None).factor.tolist() == [1, 1]
