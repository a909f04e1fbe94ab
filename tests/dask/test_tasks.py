"""What runs on workers: rows that are taken, and shards that are encoded."""

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal

from sknet._dask import tasks
from tests.tables.examples import encoder_of


def test_whole_partitions_are_not_copied():
    numbers = np.arange(6.0).reshape(3, 2)
    assert tasks.take(numbers, np.arange(3)) is numbers
    assert_array_equal(tasks.take(numbers, np.array([2, 1, 0])), numbers[::-1])


def test_a_shard_without_rows_is_encoded_as_such():
    frame = pd.DataFrame({f"c{i}": np.arange(1250) // 5 for i in range(2)}).astype(str)
    for table in (frame, np.arange(6.0).reshape(3, 2)):
        encoder = encoder_of(table)
        encoded = tasks.encode_shard([table], [np.empty(0, int)], [None], encoder, np.dtype(float))
        assert hasattr(encoded, "one_hot") == (encoder.lookups is not None) == (table is frame)
        assert (encoded.one_hot if table is frame else encoded).shape == (0, encoder.n_inputs + (table is not frame))
