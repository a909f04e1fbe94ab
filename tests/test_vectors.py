"""Vectors are added in one pass, and rows are split into blocks."""

import numpy as np
import pytest

from sknet._vectors import add_multiple, blocks_of_batch


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 37])
def test_a_multiple_is_added_in_place(dtype, n):
    x, y = np.random.default_rng(0).normal(size=(2, n)).astype(dtype)
    expected = y + dtype(-0.3) * x
    add_multiple(y, -0.3, x)
    np.testing.assert_allclose(y, expected, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_parts_of_a_vector_change_the_vector():
    """Weights and biases are views of one theta."""
    theta = np.zeros(10, np.float32)
    add_multiple(theta[3:7], 2.0, np.ones(4, np.float32))
    np.testing.assert_array_equal(theta, [0, 0, 0, 2, 2, 2, 2, 0, 0, 0])


@pytest.mark.parametrize("batch", [slice(3, 10), np.arange(3, 10)])
def test_blocks_of_a_batch(batch):
    blocks = [np.arange(20)[block].tolist() for block in blocks_of_batch(batch, 3)]
    assert blocks == [[3, 4, 5], [6, 7, 8], [9]]
