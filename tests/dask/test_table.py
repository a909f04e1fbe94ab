"""A table in partitions as one value: its rows, and where they are."""

import numpy as np
import pandas as pd
import pytest
from local_workers import parted
from numpy.testing import assert_array_equal

from tests.tables.examples import encoder_of

X = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize("given", [X, pd.DataFrame(X, columns=["a", "b"])])
def test_rows_are_chosen_by_their_numbers(given):
    table = parted(given, 4)
    some = table[np.array([19, 0, 7])][np.array([2, 0])]
    assert (table.shape, some.shape, len(some)) == ((20, 2), (2, 2), 2)
    assert_array_equal(some.rows, [7, 19])
    assert_array_equal(some.rows_in_memory(np.array([1, 0, 1])), X[[19, 7, 19]])


def test_rows_are_encoded_in_any_order():
    encoder, rows = encoder_of(X), np.random.default_rng(0).permutation(20)[:13]
    table = parted(X, 4)[rows]
    encoded = table.encode(encoder, np.dtype(float), None)
    expected = encoder.encode(X, np.dtype(float))
    for some, own in ((encoded, rows), (encoded[np.array([5, 0, 12])], rows[[5, 0, 12]])):
        shards = zip(some.futures, some.rows, strict=True)
        chosen = [Z[:, :-1] if of_shard is None else Z[of_shard, :-1] for Z, of_shard in shards]
        assert_array_equal(some.shard.join(chosen), expected[own])
