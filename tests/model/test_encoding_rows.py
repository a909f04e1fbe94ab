"""Encoded rows as networks take them: their weights, and targets that encode no row that they belong to."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknet import SigmoidMLPRegressor
from tests.model.examples import encoded
from tests.tables.limits import sample_rows

rng = np.random.default_rng(0)
N = 1200
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=N)


def test_weights_are_divided_by_their_mean_and_next_to_none_is_an_error():
    weight = np.where(np.arange(N) < 10, 1e-320, 1.0 + np.arange(N) % 3)
    rows = encoded(SigmoidMLPRegressor(), X, NUMBER, weight)[2]
    samples = rows.take(np.arange(20, 23)).for_network(0)
    assert_allclose(samples.relative_weight, weight[20:23] / weight[20:23].mean())
    assert samples.total_weight == weight[20:23].sum() and len(samples) == 3
    plain = replace(rows, weight=None)
    assert plain.relative_weight is None and plain.total_weight == N
    with pytest.raises(ValueError, match="weight"):
        rows.take(np.arange(10))


@pytest.mark.parametrize("n_sampled", [150, N])
def test_no_training_row_sees_its_own_target(n_sampled):
    """A row's own target in the mean of its level would tell more of the target than the level does."""
    table = pd.DataFrame({"id": [f"i{k}" for k in np.repeat(np.arange(N // 2), 2)]})
    net = SigmoidMLPRegressor(category_encoding="target", input_scaling=None, n_members=1, dtype="float64")

    def inputs(target):
        with sample_rows(n_sampled):
            rows = encoded(net, table, target, validated="folds", cross_fit=True, n_numbers=0)[2]
        return rows.inputs(slice(0, N))[:, 0].copy()

    target = NUMBER + 3.0 * np.repeat(rng.normal(size=N // 2), 2)  # rows of one level are alike
    row, other = 7, target.copy()
    other[row] += 1e-3
    change = inputs(other) - inputs(target)
    assert abs(change[row]) < 0.03 * 1e-3 < abs(change).max()  # the mean and the deviation of all targets, no more
