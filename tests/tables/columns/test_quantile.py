"""Normal scores: against scikit-learn's, in order, weighted, and of repeated and missing values."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer
from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import QUANTILE_SHARES, QuantileColumn

from sknet import SigmoidMLPRegressor
from sknet._tables.encoding import learn_encoder

rng = np.random.default_rng(0)
SKEWED = np.exp(2.0 * rng.normal(size=2000))
HALF = 0.5 * QUANTILE_SHARES[1]


def learn(values, weight=None):
    X = np.asarray(values, dtype=float)[:, np.newaxis]
    return learn_encoder(X, ColumnSettings(input_scaling="quantile", weight=weight)).columns[0]


def scores(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(np.asarray(values, dtype=float), out, "a")
    return out


def test_scores_are_scikit_learns_within_a_level():
    theirs = QuantileTransformer(n_quantiles=len(QUANTILE_SHARES), output_distribution="uniform", subsample=None)
    expected = theirs.fit_transform(SKEWED[:, np.newaxis])[:, 0]
    found = learn(SKEWED).cdf(SKEWED)
    assert_allclose(
        found, np.clip(expected, HALF, 1 - HALF), atol=HALF
    )  # quantiles are values of the sample, not between two
    assert abs(scores(learn(SKEWED), SKEWED).std() - 1) < 0.02 and abs(scores(learn(SKEWED), SKEWED).mean()) < 0.02


def test_order_is_kept_and_nothing_lies_beyond_the_ends():
    column, grid = learn(SKEWED), np.linspace(-10, 2 * SKEWED.max(), 500)
    found = scores(column, grid)[:, 0]
    assert (np.diff(found) >= 0).all() and (np.diff(scores(column, np.sort(SKEWED)[::40])[:, 0]) > 0).all()
    assert_allclose([found[0], found[-1]], [ndtri(HALF), -ndtri(HALF)])


def test_a_repeated_value_lies_in_the_middle_of_its_share():
    column = learn([0.0] * 60 + [1.0, 2.0, 3.0, 4.0] * 10)
    assert_allclose(column.cdf(np.array([0.0])), 0.3, atol=1 / 256)
    assert_array_equal(scores(learn(np.full(9, 7.0)), [7.0]), [[0.0]])  # a constant says nothing


def test_missing_values_have_the_middle_score_and_an_indicator():
    column = learn([np.nan, 1.0, 2.0, 3.0, np.nan])
    assert column.suffixes == ("", "_missing") and column.n_inputs == 2
    assert_array_equal(scores(column, [np.nan, 2.0])[:, 1], [1.0, 0.0])
    assert scores(column, [np.nan])[0, 0] == 0.0
    nothing = learn([np.nan, np.nan])
    assert_array_equal(nothing.quantiles, np.zeros(len(QUANTILE_SHARES)))


@pytest.mark.parametrize("missing", [False, True])
def test_tables(missing):
    X = np.column_stack([SKEWED[:200], rng.normal(size=200)])
    X[::7, 1] = np.nan if missing else X[::7, 1]
    encoder = learn_encoder(X, ColumnSettings(input_scaling="quantile"))
    of_frame = learn_encoder(
        pd.DataFrame(X, columns=["a", "b"]).assign(c=list("xy") * 100), ColumnSettings(input_scaling="quantile")
    )
    Z = encoder.encode(X, np.float64)
    assert encoder.feature_names == ["x0", "x1", "x1_missing"][: Z.shape[1]] and not encoder._layout.only_numbers
    assert of_frame.columns[:2] == encoder.columns
    assert_array_equal(encoder.encode(X[:3], np.float64), Z[:3])
    assert isinstance(encoder.columns[0], QuantileColumn)


def test_a_fit_does_not_see_how_its_numbers_are_spread():
    X, y = np.exp(3 * rng.normal(size=(300, 2))), rng.normal(size=300)
    y += np.log(X[:, 0])
    one, other = (
        SigmoidMLPRegressor(5, input_scaling="quantile", max_iter=20, random_state=0, n_members=1).fit(T, y)
        for T in (X, np.log(X))
    )
    assert_allclose(one.predict(X), other.predict(np.log(X)), atol=0.15)
    assert one.score(X, y) > 0.6
