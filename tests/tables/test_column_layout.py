"""Where inputs are: columns encoded at once are encoded as one by one."""

import numpy as np
import pytest
from sknet._tables.categories import CategoryColumn
from sknet._tables.numbers import BinnedColumn, NumberColumn

from sknet._tables.encoding import TableEncoder, compute_layout

NUMBER, FLAGGED = NumberColumn(1.0, 2.0, True), NumberColumn(0.5, 3.0, True, True, True)
BINNED, BOTH = BinnedColumn(NUMBER, (0.0, 1.0, 4.0), 1.0), BinnedColumn(FLAGGED, (-1.0, 0.0, 2.0, 3.0), 0.5)
LETTERS = CategoryColumn(("a", "b", "c"))


def test_bins_come_first_and_both_parts_are_in_the_order_of_the_columns():
    columns = (NUMBER, LETTERS, BOTH, FLAGGED)
    layout, encoder = compute_layout(columns), TableEncoder(None, columns)
    assert layout.bin_starts.tolist() == [0, 0, 0, 3, 3] and layout.starts_after_bins.tolist() == [3, 4, 7, 9, 11]
    assert [np.arange(11)[encoder.input_positions(j)].tolist() for j in range(4)] == [
        [3],
        [4, 5, 6],
        [0, 1, 2, 7, 8],
        [9, 10],
    ]
    assert layout.number_columns.tolist() == [0, 2, 3] and layout.number_inputs.tolist() == [3, 7, 9]
    assert layout.indicated.tolist() == [1, 2] and layout.other_columns == [1] and not layout.only_numbers
    assert layout.bins.span == slice(0, 3)


@pytest.mark.parametrize(("columns", "plain"), [([NUMBER] * 3, True), ([NUMBER, FLAGGED], False), ([BINNED], False)])
def test_plain_is_one_number_per_column(columns, plain):
    assert compute_layout(columns).only_numbers == plain
