"""Columns as scikit-learn's transformers, where the random configurations do not come."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPRegressor
from sknet._export.simple_columns import Cycles, SimpleColumn
from sknet._export.sklearn_columns import CONVERTERS, as_numbers
from sknet.export import ExportError, to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore:Column")

rng = np.random.default_rng(0)
N = 300
Y = rng.normal(size=N)
QUICK = dict(hidden_layer_sizes=3, max_iter=2, random_state=0, dtype="float64")


def test_every_kind_but_dates_has_a_transformer():
    assert set(CONVERTERS) == set(get_args(SimpleColumn)) - {Cycles}


@pytest.mark.parametrize("values", [
    [True, False, None], np.array([True, False, True]), ["True", "False", None], pd.Categorical([True, False, None]),
    pd.array([True, False, None], "boolean"),
], ids=lambda values: type(values).__name__)  # fmt: skip
def test_truth_values_that_are_categories(values):
    frame = pd.DataFrame({"flag": pd.Series(values).repeat(N // 3).reset_index(drop=True), "x": rng.normal(size=N)})
    for encoding in ("one_hot", "target"):
        net = SigmoidMLPRegressor(**QUICK, categorical_features=["flag"], category_encoding=encoding).fit(frame, Y)
        np.testing.assert_allclose(to_sklearn(net).predict(frame), net.predict(frame), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("numbers", [False, True])
def test_identifiers_and_a_single_input_for_all_levels(numbers):
    key = np.arange(N, dtype=np.float64) if numbers else np.array([f"row {k}" for k in range(N)], dtype=object)
    frame = pd.DataFrame({"key": key, "x": rng.normal(size=N), "town": rng.choice(["a", "b", "c"], N)})
    frame.loc[::5, ["key", "town"]] = None
    net = SigmoidMLPRegressor(
        **QUICK, categorical_features=["from_dtype", "key"], max_categories=1, category_encoding="one_hot"
    ).fit(frame, Y)
    assert net.network_feature_names_.tolist() == ["key_missing", "x", "town_infrequent"]
    np.testing.assert_allclose(to_sklearn(net).predict(frame), net.predict(frame), rtol=1e-12, atol=1e-15)


def test_normal_scores_of_values_that_repeat_at_the_ends():
    X = np.c_[rng.choice([0.0, 1.0, 5.0], N), np.zeros(N), rng.normal(size=N) * 1e-9, rng.normal(size=N) * 1e9]
    net = SigmoidMLPRegressor(**QUICK, input_scaling="quantile").fit(X, Y)
    test = np.concatenate([X, X * 1.5, X - 1.0, np.full((1, 4), np.nan)])
    np.testing.assert_allclose(to_sklearn(net).predict(test), net.predict(test), rtol=1e-12)


def test_dates_are_named():
    frame = pd.DataFrame({"when": pd.date_range("2020", periods=N), "x": Y})
    with pytest.raises(ExportError, match="Column 'when' is one of dates, which scikit-learn has no transformer for"):
        to_sklearn(SigmoidMLPRegressor(**QUICK).fit(frame, Y))


def test_levels_as_numbers():
    assert as_numbers(("10", "9", "1.5")) == [10.0, 9.0, 1.5]
    assert as_numbers(("1", "a")) is as_numbers(("1", "1.0")) is as_numbers(("nan", "1")) is None
