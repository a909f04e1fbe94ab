"""Derivatives by the inputs become derivatives by the columns."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet._tables.slopes import gradients_by_column
from tests.tables.examples import encoder_of

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))


@pytest.mark.parametrize("settings", [{}, {"input_scaling": "standard"}, {"numeric_encoding": "piecewise_linear"}])
def test_each_column_gets_the_sum_over_its_inputs(settings):
    rng = np.random.default_rng(1)
    encoder = encoder_of(X, **settings)
    factors = rng.normal(size=(30, 2, encoder.n_inputs))
    between = X + 1e-3  # no value is the edge of a bin
    found = gradients_by_column(encoder, between, factors)
    moved = [encoder.encode(between + sign * 1e-6, float) for sign in (1, -1)]
    slopes = (moved[0] - moved[1]) / 2e-6  # of all columns at once: each input has one of its own
    # (d, n_inputs)
    is_of = [[name == column for name, _ in encoder.input_descriptions] for column in encoder.column_names]
    wanted = (factors * slopes[:, np.newaxis]) @ np.transpose(is_of)
    assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


def test_columns_without_numbers_have_no_gradient():
    frame = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(list("xyz") * 10), "id": [f"{i}" for i in range(30)]})
    encoder = encoder_of(frame, input_scaling=None)
    found = gradients_by_column(encoder, frame, np.ones((30, 1, encoder.n_inputs)))
    assert_array_equal(found[:, 0], [[1.0, np.nan, np.nan]] * 30)


def test_sparse_tables_have_the_scale_of_each_column():
    table = sp.csr_array(np.where(X > 0, X, 0.0))
    encoder = encoder_of(table)
    assert_allclose(
        gradients_by_column(encoder, table, np.ones((30, 1, 3)))[:, 0], [[c.factor for c in encoder.columns]] * 30
    )
    dense = encoder_of(X)
    ones = np.ones((30, 1, 3))
    assert_array_equal(gradients_by_column(dense, table, ones), gradients_by_column(dense, table.toarray(), ones))
