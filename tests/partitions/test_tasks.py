"""What runs on workers: rows that are taken, and inputs that are."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from sknet._network.sparse_layers import Split
from sknet._partitions import tasks


def test_whole_partitions_are_not_copied():
    numbers = np.arange(6.0).reshape(3, 2)
    assert tasks.take(numbers, np.arange(3)) is numbers
    assert_array_equal(tasks.take(numbers, np.array([2, 1, 0])), numbers[::-1])


@pytest.mark.parametrize("columns", [np.array([0, 1, 4]), np.array([2, 3]), np.arange(5)])
def test_inputs_are_taken_with_the_ones_or_from_those_that_are_looked_up(columns):
    inputs = np.random.default_rng(0).random((4, 5)) * [1, 1, 0, 0, 1]
    assert_array_equal(tasks.take_inputs(np.c_[inputs, np.ones(4)], columns), np.c_[inputs[:, columns], np.ones(4)])
    hot = np.zeros((4, 5))
    hot[[0, 1, 3], [2, 3, 3]] = 1.0
    places = np.array([0, 1, 4])
    taken = tasks.take_inputs(Split(inputs[:, places], sp.csr_array(hot), places), columns)
    together = taken.hot.toarray()
    together[:, taken.places] += taken.dense
    assert_array_equal(together, (inputs + hot)[:, columns])


def test_a_shard_without_rows_is_encoded_as_such():
    from sknet._tables.encoding import learn_encoder

    frame = pd.DataFrame({f"c{i}": np.arange(500) // 2 for i in range(2)}).astype(str)
    for table in (frame, np.arange(6.0).reshape(3, 2)):
        encoder = learn_encoder(table)
        encoded = tasks.encode([table], [np.empty(0, int)], [None], encoder, np.dtype(float))
        assert isinstance(encoded, Split) == (encoder.lookups is not None) == (table is frame)
        assert (encoded.hot if table is frame else encoded).shape == (0, encoder.n_inputs + (table is not frame))
