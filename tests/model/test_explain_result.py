"""What `explain` returns."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknet import SigmoidMLPClassifier
from sknet._model.explain import _numbers_or_ranks
from tests.estimators.data import MIXED, QUICK

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 3))
Y = X[:, 0] + X[:, 1] ** 2 - X[:, 0] * X[:, 2]
LABEL = np.digitize(Y, [-0.5, 0.5])


def test_importance_is_the_mean_absolute_contribution():
    net = SigmoidMLPClassifier(**QUICK).fit(MIXED, LABEL)
    found = net.explain(MIXED)
    assert repr(found) == "Explanation(120 rows, 3 columns, 3 outputs)"
    assert_allclose(found.importance(), np.abs(found.values).mean(axis=(0, 2)))
    assert list(found.importance().index) == found.feature_names == list(MIXED)
    assert found.data.shape == MIXED.shape
    assert found.data[0, 1] == MIXED["color"][0]
    one = SigmoidMLPClassifier(**QUICK).fit(X, Y > 0).explain(X)
    assert_allclose(one.importance(), np.abs(one.values).mean(axis=0))
    assert one.importance().name == "importance"


def test_to_shap_without_shap_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "shap", None)
    found = SigmoidMLPClassifier(**QUICK).fit(X, Y > 0).explain(X)
    with pytest.raises(ImportError, match="to_shap needs the package shap.*pip install shap"):
        found.to_shap()


def test_categories_of_several_types_are_ranked_for_shap():
    column = np.array(["b", 1, None, "a", 2.5, "b"], dtype=object)
    assert_allclose(_numbers_or_ranks(column), [4.0, 1.0, np.nan, 3.0, 2.0, 4.0])
