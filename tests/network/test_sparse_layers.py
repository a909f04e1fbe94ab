"""First layers of sparse rows: as a dense one's, with the gradient of few inputs or of all."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from pieces import split_in_two

from sknet._network.layers import FirstDense, product_by_rows
from sknet._network.layout import Block
from sknet._network.sparse_layers import FirstSparse, FirstSplit

sparse_matrices = st.builds(
    lambda n, d, density, seed: sp.random_array((n, d), density=density, format="csr", random_state=seed),
    st.integers(1, 6),
    st.integers(1, 12),
    st.floats(0, 0.6),
    st.integers(0, 999),
)


def first_sparse(X, W, b, *, whole=False):
    gradient = Block(np.full_like(W, np.nan), np.full_like(b, np.nan))
    n = X.shape[0]
    z = np.empty((n, len(b)))
    return FirstSparse(W, b, *gradient, z, product_by_rows, np.ones(n), whole=whole), gradient


@given(sparse_matrices, st.booleans())
def test_gradient_of_sparse_input(X, whole):
    delta = np.random.default_rng(0).normal(size=(X.shape[0], 3))
    layer, (dW, db) = first_sparse(X, np.ones((X.shape[1], 3)), np.ones(3), whole=whole)
    layer.forward(X)
    rows = layer.backward(delta)
    np.testing.assert_allclose(db, delta.sum(axis=0), rtol=1e-12)
    expected = X.toarray().T @ delta
    touched = np.unique(X.indices)
    if rows is None:
        assert whole or 2 * len(touched) > X.shape[1]
        np.testing.assert_allclose(dW, expected, atol=1e-14)
    else:
        np.testing.assert_array_equal(rows, touched)
        assert not whole and 2 * len(touched) <= X.shape[1]
        np.testing.assert_allclose(dW[: len(rows)], expected[rows], atol=1e-14)
        assert np.isnan(dW[len(rows) :]).all()  # and nothing else is written


@given(sparse_matrices)
def test_rows_split_in_two_are_the_whole_rows(X):
    rng, X = np.random.default_rng(0), X.toarray() + 1.0
    n, (W, b), delta = len(X), (rng.normal(size=(X.shape[1], 3)), rng.normal(size=3)), rng.normal(size=(len(X), 3))
    outcomes = []
    for kind, x in ((FirstDense, X), (FirstSplit, split_in_two(X))):
        gradient = np.full_like(W, np.nan), np.full_like(b, np.nan)
        layer = kind(W, b, *gradient, np.empty((n, 3)), product_by_rows, np.ones(n))
        outcomes.append([layer.forward(x).copy(), *gradient])
        assert layer.backward(delta) is None
    for dense, split in zip(*outcomes, strict=True):
        np.testing.assert_allclose(split, dense, rtol=1e-12, atol=1e-13)


@given(sparse_matrices)
def test_sums_of_sparse_and_dense_input(X):
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(X.shape[1], 2)), rng.normal(size=2)
    layer, _ = first_sparse(X, W, b)
    found = layer.forward(X)
    np.testing.assert_allclose(found, X.toarray() @ W + b, atol=1e-14)
    dense = FirstDense(W, b, W, b, np.empty((X.shape[0], 2)), product_by_rows, np.ones(X.shape[0]))
    np.testing.assert_allclose(found, dense.forward(X.toarray()), atol=1e-14)
