"""What is learnt of a table and its targets, above all the target means of categories."""

import numpy as np
import pandas as pd
import pytest

from sknet._model.encoding_learner import encoding_to_continue_with
from tests.model.examples import encoded_with, make_settings, rows_of
from tests.tables.examples import column_settings
from tests.tables.limits import sample_rows

N = 1200


@pytest.mark.parametrize("n_sampled", [150, N])
def test_the_target_mean_of_a_row_does_not_contain_its_own_target(n_sampled):
    """Otherwise the target mean of a category would reveal the target of the row."""
    table = pd.DataFrame({"id": [f"i{k}" for k in np.repeat(np.arange(N // 2), 2)]})
    settings = make_settings(table=column_settings(category_encoding="target", input_scaling=None))

    def inputs(target):
        with sample_rows(n_sampled):
            rows = encoded_with(settings, table, target, cross_fit=True)[1]
        return rows.inputs(slice(0, N))[:, 0].copy()

    draw = np.random.default_rng(0)  # with these targets, the change below moves no row to another fold
    target = draw.normal(size=N) + 3.0 * np.repeat(draw.normal(size=N // 2), 2)  # rows of one level are alike
    row, other = 7, target.copy()
    other[row] += 1e-3
    change = inputs(other) - inputs(target)
    assert abs(change[row]) < 0.03 * 1e-3 < abs(change).max()  # the mean and the deviation of all targets, no more


def test_partial_fit_learns_new_target_means_from_three_rows_per_category_on():
    settings = make_settings(table=column_settings(category_encoding="target"))
    frame = pd.DataFrame({"city": np.arange(60) % 10}, dtype="category")
    y = np.arange(60.0)
    encoding, _, _ = encoded_with(settings, frame, y)

    def continued(n, has_all_rows=False):
        return encoding_to_continue_with(encoding, rows_of(frame[:n], y[:n]), None, has_all_rows=has_all_rows)

    assert continued(29) is encoding
    assert continued(29, has_all_rows=True) is not encoding
    assert continued(30) is not encoding
