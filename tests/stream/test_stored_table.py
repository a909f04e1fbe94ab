"""A table in a file as one value. What all tables promise: test_table_contract."""

import numpy as np
import pandas as pd

from tests.stream.files import stored_table

FRAME = pd.DataFrame({"a": np.arange(90.0), "b": [f"level {i % 7}" for i in range(90)]})


def test_a_scorer_gets_the_rows_and_a_message_the_first_of_the_source(tmp_path):
    with stored_table(FRAME, tmp_path) as table:
        some = table[np.array([3, 4, 50, 89])][np.array([1, 3])]
        assert some.for_scorer().equals(table.rows_in_memory(np.array([4, 89])))
        assert table.example_rows.equals(FRAME.iloc[:2])
        assert table.limits.is_sequential and table.limits.max_held_out < np.inf
