"""A table in partitions as one value, and what runs on workers: rows that are taken, and shards that are encoded."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from sknet._dask.table import RowGroups, digest_of_rows, encode_shard, take
from tests.dask.local_workers import of_parts, parted
from tests.tables.examples import encoder_of
from tests.tables.limits import lookup_inputs


def test_rows_of_groups_come_back_in_their_order():
    groups = RowGroups(np.array([1, 0, 2, 0, 1]), 4)
    assert_array_equal(groups.rank, [0, 0, 0, 1, 1])
    assert [part.tolist() for part in groups.by_group(np.arange(5))] == [[1, 3], [0, 4], [2], []]
    assert_array_equal(groups.join(groups.by_group(np.arange(5.0))), np.arange(5.0))


@pytest.mark.parametrize(
    ("lengths", "shards"),
    [
        ([5, 5, 5, 5], [2, 2]),
        ([9, 1], [1, 1]),
        ([1, 9], [1, 1]),
        ([20], [1]),
        ([5, 5, 90], [2, 1]),
        ([0, 3, 0], [1, 2]),
    ],
)
def test_a_shard_has_consecutive_partitions(lengths, shards):
    table = of_parts([np.zeros((length, 1)) for length in lengths])
    assert [shard.stop - shard.start for shard in table.partitions.shards] == shards


X = np.arange(40.0).reshape(20, 2)


@pytest.mark.parametrize("given", [X, pd.DataFrame(X, columns=["a", "b"])])
def test_rows_are_chosen_by_their_indices(given):
    table = parted(given, 4)
    some = table[np.array([19, 0, 7])][np.array([2, 0])]
    assert (table.shape, some.shape, len(some)) == ((20, 2), (2, 2), 2)
    assert_array_equal(some.row_indices, [7, 19])
    assert_array_equal(some.rows_in_memory(np.array([1, 0, 1])), X[[19, 7, 19]])


@pytest.mark.parametrize("hold", [np.asarray, pd.DataFrame])
def test_rows_of_equal_values_have_one_digest_whatever_their_index(hold):
    digest = digest_of_rows(hold(X), np.array([1, 2]))
    assert digest == digest_of_rows(hold(X[1:3]), np.array([0, 1]))
    assert digest != digest_of_rows(hold(X), np.array([1, 3]))


def test_rows_are_encoded_in_any_order():
    encoder, rows = encoder_of(X), np.random.default_rng(0).permutation(20)[:13]
    table = parted(X, 4)[rows]
    encoded = table.encode(encoder, np.dtype(float), None)
    expected = encoder.encode(X, np.dtype(float))
    for some, own in ((encoded, rows), (encoded[np.array([5, 0, 12])], rows[[5, 0, 12]])):
        shards = zip(some.futures, some.rows_by_shard, strict=True)
        chosen = [Z[of_shard, :-1] for Z, of_shard in shards]
        assert_array_equal(some.shard.join(chosen), expected[own])


def test_whole_partitions_are_not_copied():
    numbers = np.arange(6.0).reshape(3, 2)
    assert take(numbers, np.arange(3)) is numbers
    assert_array_equal(take(numbers, np.array([2, 1, 0])), numbers[::-1])


@lookup_inputs(150)
def test_a_shard_without_rows_is_encoded_as_a_table_without_rows():
    frame = pd.DataFrame({f"c{i}": np.arange(1250) // 5 for i in range(2)}).astype(str)
    for table in (frame, np.arange(6.0).reshape(3, 2)):
        encoder = encoder_of(table)
        encoded = encode_shard([table], [np.empty(0, int)], [np.empty(0, int)], [None], encoder, np.dtype(float))
        assert hasattr(encoded, "one_hot") == (encoder.lookups is not None) == (table is frame)
        assert (encoded.one_hot if table is frame else encoded).shape == (0, encoder.n_inputs + (table is not frame))


def test_sparse_partitions_are_refused():
    with pytest.raises(TypeError, match="X has sparse blocks, which workers do not train on"):
        of_parts([sparse.csr_array(np.eye(2))])


@pytest.mark.parametrize(("columns", "message"), [
    (["a"], "lacks the column 'b'"), (["a", "b", "c"], "also has the column 'c'"), (["b", "a"], "in another order"),
])  # fmt: skip
def test_a_partition_of_other_columns_is_named(columns, message):
    table = pd.DataFrame(np.ones((6, 3)), columns=["a", "b", "c"])
    with pytest.raises(ValueError, match=f"Partition 1 of X .*{message}.*, unlike partition 0: give each"):
        of_parts([table[["a", "b"]], table[columns]])
