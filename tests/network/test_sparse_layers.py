"""First layers of sparse rows: as a dense one, with the gradient of few inputs or of all."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from pieces import mixed_rows
from sknet._network.chain import DenseOnMixed, DenseOnSparse

from sknet._network.backprop import Dense

sparse_matrices = st.builds(
    lambda n, d, density, seed: sp.random_array((n, d), density=density, format="csr", random_state=seed),
    st.integers(1, 6),
    st.integers(1, 12),
    st.floats(0, 0.6),
    st.integers(0, 999),
)


def passes(kind, X, n, d, **more):
    """The layer after both passes, with what they give."""
    rng = np.random.default_rng(0)
    W, b, delta = rng.normal(size=(d, 3)), rng.normal(size=3), rng.normal(size=(n, 3))
    layer = kind(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan), np.empty((n, 3)), np.ones(n), **more)
    z = layer.forward(X).copy()
    assert layer.backward(delta) is None
    return layer, [z, layer.dW, layer.db]


@given(sparse_matrices, st.booleans())
def test_sparse_rows_are_dense_ones(X, may_skip_untouched):
    _, dense = passes(Dense, X.toarray(), *X.shape)
    layer, sparse = passes(DenseOnSparse, X, *X.shape, may_skip_untouched=may_skip_untouched)
    touched = np.unique(X.indices)
    if layer.touched is None:
        assert not may_skip_untouched or 2 * len(touched) > X.shape[1]
    else:
        np.testing.assert_array_equal(layer.touched, touched)
        assert may_skip_untouched and 2 * len(touched) <= X.shape[1]
        assert np.isnan(layer.dW[len(touched) :]).all()  # nothing else is written
        sparse[1], dense[1] = sparse[1][: len(touched)], dense[1][touched]
    for found, wanted in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-13)


@given(sparse_matrices)
def test_mixed_rows_are_dense_ones(X):
    X = X.toarray() + 1.0
    _, dense = passes(Dense, X, *X.shape)
    _, mixed = passes(DenseOnMixed, mixed_rows(X), *X.shape)
    for found, wanted in zip(mixed, dense, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
