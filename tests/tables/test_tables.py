"""Tables as they come: which kind one is, and some of its rows, left in a file until they are read."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from sknet._tables.read import MemoryMappedRows, is_memory_mapped, is_sparse, take_rows

COUNTS = np.random.default_rng(0).integers(0, 9, (60, 4))
HOLD = {
    "array": np.asarray,
    "csr": sp.csr_array,
    "pandas": pd.DataFrame,
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
}


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "X.npy", COUNTS)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("hold", HOLD.values(), ids=HOLD)
@pytest.mark.parametrize("chosen", [np.array([7, 3, 3]), slice(2, 9)], ids=["index", "slice"])
def test_rows_are_taken_from_every_kind_of_table(hold, chosen):
    taken = take_rows(hold(COUNTS), chosen)
    assert_array_equal(taken.toarray() if is_sparse(taken) else taken, COUNTS[chosen])


def test_rows_of_a_memory_map(mapped):
    rows = take_rows(take_rows(mapped, np.arange(10, 40)), np.array([3, 1, 29]))
    expected = COUNTS[[13, 11, 39]]
    assert isinstance(rows, MemoryMappedRows) and is_memory_mapped(rows) and len(rows) == 3 and rows.shape == (3, 4)
    assert_array_equal(np.asarray(rows), expected)
    assert_array_equal(rows[1:], expected[1:])
    assert_array_equal(rows[[0, 2]], expected[[0, 2]])
    assert_array_equal(rows[:, 2], expected[:, 2])


def test_what_lies_in_a_file_is_known(mapped):
    assert is_memory_mapped(mapped) and is_memory_mapped(mapped[3:9].T) and is_memory_mapped(np.asarray(mapped))
    assert not is_memory_mapped(COUNTS) and not is_memory_mapped(sp.csr_array(COUNTS))
