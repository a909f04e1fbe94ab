"""The network's input, batch by batch."""

import numpy as np
import pytest
from sknet._network.chain import DenseInputs, length, pieces


def test_rows_are_a_view_of_a_slice_and_a_buffer_else():
    X = np.arange(12.0).reshape(6, 2)
    rows = DenseInputs(X)
    assert np.shares_memory(rows(slice(1, 3)), X)
    picked = rows(np.array([5, 0]))
    assert picked.tolist() == [[10, 11], [0, 1]] and not np.shares_memory(picked, X)
    assert np.shares_memory(rows(np.array([1, 2])), picked)


@pytest.mark.parametrize("batch", [slice(3, 10), np.arange(3, 10)])
def test_pieces_of_a_batch(batch):
    found = list(pieces(batch, 3))
    assert [length(piece) for piece in found] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([np.arange(20)[piece] for piece in found]), np.arange(3, 10))
