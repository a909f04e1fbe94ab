"""What a fit keeps of held-out rows. See also test_base.py, test_by_folds.py, test_members.py and test_scoring.py."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
Y = np.abs(X[:, 0]) + 0.1 * rng.normal(size=100)


@pytest.mark.parametrize("n_members", [1, 2])
def test_residuals_are_those_of_the_joined_network_on_held_out_rows(n_members):
    net = SigmoidMLPRegressor(4, max_iter=6, random_state=0, n_members=n_members, dtype="float64")
    net.fit(X[:70], Y[:70], X_val=X[70:], y_val=Y[70:])
    residuals = np.sort(np.abs(Y[70:] - net.predict(X[70:])))
    upper = net.predict_interval(X, 0.5)[:, 1] - net.predict(X)  # lower ends stop at 0
    assert_allclose(upper, residuals[int(np.ceil(0.5 * 31)) - 1])


def test_out_of_fold_predictions_are_where_the_rows_are():
    """Rows of a group are in the same fold, and a row without weight has no prediction."""
    net = SigmoidMLPRegressor(4, max_iter=30, random_state=0, early_stopping="folds", learning_rate_init=0.05)
    weight = np.where(np.arange(100) % 5, 1.0, 0.0)
    net.fit(X, 10.0 * X[:, 0], weight, groups=np.arange(100) // 2)
    assert_array_equal(np.isnan(net.oof_prediction_), weight == 0.0)
    assert np.corrcoef(net.oof_prediction_[weight > 0], X[weight > 0, 0])[0, 1] > 0.95
