"""Tables of a process's memory, and texts in them that folds share. What all tables promise: test_table_contract."""

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal
from sklearn.base import clone

from sknet import SigmoidMLPRegressor
from tests.tables.examples import count_texts

rng = np.random.default_rng(0)
N = 300
CITY = rng.permutation(np.arange(N) % 40)
NUMBER = CITY % 2 + 0.1 * rng.normal(size=N)


def test_booleans_are_bytes():
    table = rng.random((N, 4)) < 0.3
    net = SigmoidMLPRegressor(8, max_iter=2, random_state=0)
    assert_array_equal(clone(net).fit(table, NUMBER).coefs_[0], net.fit(table.astype(float), NUMBER).coefs_[0])
    assert_array_equal(net.predict(table), net.predict(table.astype(float)))


def test_texts_are_encoded_once_for_all_folds():
    """Folds encode the table again where the target does, by means without their own targets."""
    words = rng.choice(["red", "blue", "far", "near", "sun", "moon", "cat", "dog"], (N, 6))
    table = pd.DataFrame({"city": pd.Categorical(CITY), "note": [" ".join(line) for line in words]})
    net = SigmoidMLPRegressor(4, max_iter=1, early_stopping="folds", category_encoding="target", n_members=1)
    with count_texts() as n_encoded:
        net.fit(table, NUMBER)
    assert {"text", "target"} <= set(net.inputs_["kind"])
    assert sum(n_encoded) == N
