"""The network's input, batch by batch."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from sknet._network.inputs import DenseInputs, RowSelection, SparseInputs, length, pieces


def test_rows_are_a_view_of_a_slice_and_a_buffer_else():
    X = np.arange(12.0).reshape(6, 2)
    rows = DenseInputs(X)
    assert np.shares_memory(rows(slice(1, 3)), X)
    picked = rows(np.array([5, 0]))
    assert picked.tolist() == [[10, 11], [0, 1]] and not np.shares_memory(picked, X)
    assert np.shares_memory(rows(np.array([1, 2])), picked)


def test_sparse_rows():
    X = sp.random_array((6, 3), density=0.5, format="csr", random_state=0)
    rows = SparseInputs(X)
    for batch in (slice(1, 3), np.array([5, 0])):
        np.testing.assert_array_equal(rows(batch).toarray(), X.toarray()[batch])
    assert rows.batch_format == "sparse"


@pytest.mark.parametrize("batch", [slice(3, 10), np.arange(3, 10)])
def test_pieces_of_a_batch(batch):
    found = list(pieces(batch, 3))
    assert [length(piece) for piece in found] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([np.arange(20)[piece] for piece in found]), np.arange(3, 10))


def test_selected_rows_are_those_of_the_whole():
    values, places = np.random.default_rng(0).normal(size=(90, 3)), np.array([5, 2, 70, 8])
    part = RowSelection(DenseInputs(values), places)
    assert_array_equal(part(slice(1, 3)), values[[2, 70]])
    assert_array_equal(part(np.array([3, 0])), values[[8, 5]])
    assert part.batch_format == "dense"
