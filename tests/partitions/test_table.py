"""A table in parts as one value: its rows, and where they are."""

import numpy as np
from local_shards import parted
from numpy.testing import assert_array_equal

X = np.arange(40.0).reshape(20, 2)


def test_rows_are_chosen_by_their_numbers():
    table = parted(X, 4)
    some = table[np.array([19, 0, 7])][np.array([2, 0])]
    assert (table.shape, some.shape, len(some)) == ((20, 2), (2, 2), 2)
    assert_array_equal(some.rows, [7, 19])


def test_every_row_is_in_one_place():
    rows = np.random.default_rng(0).permutation(20)[:13]
    table = parted(X, 4)[rows]
    selection = table.selection
    selection.select(rows)
    for i, shard in enumerate(table.shards.shards):
        parts = shard._selected[selection.name].parts
        values = np.concatenate([part.X for part in parts])
        own = np.flatnonzero(selection.shard == i)
        assert_array_equal(values[selection.place[own]], X[rows[own]])
        assert_array_equal(np.concatenate([part.fold for part in parts]), values[:, 0] / 2)
    assert_array_equal(selection.together(selection.split(rows)), rows)
