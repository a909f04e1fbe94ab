"""A shard: rows that are selected, asked about, encoded and trained on."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknet._partitions.shard import Shard, slices_of

A = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": list("xyz")})
B = pd.DataFrame({"a": [4.0, np.nan], "b": list("xx")})


def test_slices_follow_one_another():
    assert slices_of([2, 0, 3]) == [slice(0, 2), slice(2, 2), slice(2, 5)]


def test_selected_rows_are_handed_out_part_by_part():
    shard = Shard([A, B])
    shard.select("few", [np.array([0, 2]), np.array([1])])
    assert [part["b"].tolist() for part in shard.tables("few")] == [["x", "z"], ["x"]]


def test_whole_parts_are_not_copied():
    numbers = np.arange(6.0).reshape(3, 2)
    shard = Shard([numbers])
    shard.select("all", [np.arange(3)])
    shard.select("turned", [np.array([2, 1, 0])])
    assert shard._selected["all"].parts[0].X is numbers
    assert_array_equal(shard._selected["turned"].parts[0].X, numbers[::-1])


def test_steps_come_last():
    shard = Shard([A])
    shard.select("all", [np.arange(3)])
    with pytest.raises(RuntimeError, match="not encoded"):
        shard.raw("all", np.zeros(3))
    with pytest.raises(RuntimeError, match="anything to minimise"):
        shard.step("all", np.zeros(3), None, 3)


@pytest.mark.parametrize("table", [A, pd.DataFrame({"a": [1.0, np.nan, 2.0], "b": ["x", "y", None]})])
def test_a_digest_tells_the_rows_and_their_parts_apart(table):
    def digests(parts, *rows):
        shard = Shard(parts)
        shard.select("some", list(rows))
        return shard.digests("some")

    one = digests([table, table], np.arange(3), np.arange(3))
    assert len(set(one)) == 1 == len({*one, *digests([table.copy()], np.arange(3))})
    assert digests([table], np.arange(2)) != one[:1] != digests([table], np.array([2, 1, 0]))


def test_rows_are_chosen_among_those_that_are_encoded():
    numbers = np.arange(8.0).reshape(4, 2)
    shard, encoder = Shard([numbers]), SimpleNamespace(n_inputs=2, lookups=None)
    encoder.encode = lambda X, dtype, fold: X
    shard.select("all", [np.arange(4)])
    shard.encode("all", SimpleNamespace(encoder=encoder, compute_dtype=float))
    shard.choose("some", "all", np.array([3, 1, 0], np.int32))
    shard.choose("few", "some", np.array([2, 0], np.int32))
    shard.release()
    inputs, n = shard._inputs("few", 2)
    assert n == 2 and shard._selected["few"].inputs is shard._selected["all"].inputs
    assert_array_equal(inputs(slice(0, 2)), [[0.0, 1.0, 1.0], [6.0, 7.0, 1.0]])
