"""Encoded rows as networks take them: their weights, and targets that encode no row that they belong to."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sknet import SigmoidMLPClassifier
from sknet._estimators.auto import Facts
from sknet._estimators.resolve import resolve, target_settings
from sknet._model.heads import learn_label_head
from sknet._model.matrices import encode_rows, learn_encoding, make_samples
from tests.model.examples import dense, encoded, rows_of

rng = np.random.default_rng(0)
N, F64 = 1200, np.dtype(float)
X = rng.normal(size=(N, 3))
CITY = rng.permutation(np.arange(N) % 240)  # five rows each: none is rare
NUMBER = X[:, 0] + CITY % 2 + 0.1 * rng.normal(size=N)
CITIES = pd.DataFrame({"city": CITY.astype(str)})


def test_weights_are_divided_by_their_mean_and_next_to_none_is_an_error():
    weight = np.where(np.arange(N) < 10, 1e-320, 1.0 + np.arange(N) % 3)
    encoding, rows, _ = encoded(X, NUMBER, weight=weight)
    samples = make_samples(encoding, rows.take(np.arange(20, 23)), 3)
    assert_allclose(samples.weight, weight[20:23] / weight[20:23].mean())
    assert samples.total_weight == weight[20:23].sum() and len(samples) == 3
    plain = make_samples(encoding, replace(rows, weight=None), 3)
    assert plain.weight is None and plain.total_weight == N
    with pytest.raises(ValueError, match="weight"):
        rows.take(np.arange(10))


def test_no_rows_target_is_in_its_own_cross_fitted_encoding():
    """A row's own label in the mean of its level would tell more of the label than the level does."""
    labels = np.random.default_rng(1).integers(0, 2, N) | (CITY % 4 == 0)
    net = SigmoidMLPClassifier(category_encoding="target", n_members=1, dtype="float64")
    head, codes = learn_label_head(labels, target_settings(net))
    settings, _ = resolve(net, Facts(N, "folds"))
    rows = rows_of(CITIES[["city"]], codes)
    encoding = learn_encoding(settings, head, rows, F64)
    own, crossed = (
        dense(encode_rows(encoding, rows, cross_fit=cross_fit).table.inputs, slice(0, N), 1)[:, 0]
        for cross_fit in (False, True)
    )
    assert np.corrcoef(own, labels)[0, 1] > 0.1 + np.corrcoef(crossed, labels)[0, 1] > 0.2
