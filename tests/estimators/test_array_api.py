"""Where scikit-learn dispatches to the array API, arrays of other libraries give the results of NumPy's.

SciPy looks at its variable when it is imported; `tests/conftest.py` sets it.
"""

import pytest
import scipy
from sklearn.utils.fixes import parse_version

FITS = """
import numpy as np, pandas as pd, scipy.sparse as sp, sklearn
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
targets = {SigmoidMLPRegressor: X[:, 0] - X[:, 1], SigmoidMLPClassifier: np.where(X[:, 0] > 0, 1, 0)}


def results(kind, table, y):
    net = kind(4, max_iter=2, random_state=0).fit(table, y)
    return [net.predict(table), net.score(table, y), *net.coefs_]


def assert_same(ours, theirs):
    assert all(isinstance(value, np.ndarray | float) for value in theirs)
    assert all(np.array_equal(one, other) for one, other in zip(ours, theirs, strict=True))


with sklearn.config_context(array_api_dispatch=True):
    for kind, y in targets.items():
"""

OF_SCIPY = """
        with sklearn.config_context(array_api_dispatch=False):
            undispatched = results(kind, X, y)
        assert_same(undispatched, results(kind, X, y))
        assert_same(undispatched, results(kind, pd.DataFrame(X), pd.Series(y)))
        assert_same(results(kind, sp.csr_matrix(X), y), results(kind, sp.csr_array(X), y))
"""
OF_TORCH = """
        import torch
        assert_same(results(kind, X, y), results(kind, torch.asarray(X), torch.asarray(y)))
"""


@pytest.mark.skipif(
    parse_version(scipy.__version__) < parse_version("1.14"), reason="scikit-learn dispatches from SciPy 1.14 on"
)
@pytest.mark.parametrize(
    ("library", "compare"),
    [("scipy", OF_SCIPY), pytest.param("torch", OF_TORCH, marks=pytest.mark.export)],
    ids=["SciPy", "torch"],
)
def test_array_api_dispatch_changes_no_result(library, compare):
    pytest.importorskip(library)
    exec(FITS + compare, {})
