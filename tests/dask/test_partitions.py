"""The partitions of a table: which row is in which, and which make a shard."""

import numpy as np
import pandas as pd
import pytest
from local_workers import of_parts
from numpy.testing import assert_array_equal

from sknet._dask.table import RowGroups


def test_rows_of_groups_come_back_in_their_order():
    groups = RowGroups(np.array([1, 0, 2, 0, 1]), 4)
    assert_array_equal(groups.position, [0, 0, 0, 1, 1])
    assert [part.tolist() for part in groups.split(np.arange(5))] == [[1, 3], [0, 4], [2], []]
    assert_array_equal(groups.join(groups.split(np.arange(5.0))), np.arange(5.0))


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
def test_shards_are_partitions_that_follow_one_another(lengths, shards):
    table = of_parts([np.zeros((length, 1)) for length in lengths])
    assert [shard.stop - shard.start for shard in table.partitions.shards] == shards


@pytest.mark.parametrize(("columns", "what"), [
    ("ac", r"lacks the columns \['b'\]"), ("aBc", r"lacks the columns \['b'\]"),
    ("abcd", r"has the columns \['d'\] too"), ("bac", "has its columns in another order"),
])  # fmt: skip
def test_a_partition_of_other_columns_is_refused(columns, what):
    def part(names, n_rows):
        return pd.DataFrame(np.zeros((n_rows, len(names))), columns=list(names))

    parts = [part("a", 0), part("abc", 3), part("", 0), part(columns, 2)]
    with pytest.raises(ValueError, match=f"Partition 3 of X {what}: give each the columns of partition 1"):
        of_parts(parts)
