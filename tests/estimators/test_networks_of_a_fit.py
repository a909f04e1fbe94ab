"""The networks of a fit share one encoded table, and are refused before they are made if they cannot fit in memory."""

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPRegressor
from sknet._estimators.planning import drawing_seeds
from sknet._estimators.read_data import FitArguments
from tests.model.limits import memory_of
from tests.tables.examples import count_texts

rng = np.random.default_rng(0)
N = 120
WORDS = np.array(["red", "green", "blue", "fast", "slow", "big", "small", "old", "new", "dark"])
TABLE = pd.DataFrame({"text": [" ".join(words) for words in WORDS[rng.integers(0, 10, (N, 4))]]})
TABLE["text"] += [f" {i}" for i in range(N)]
NUMBER = TABLE["text"].str.contains("red") + 0.1 * rng.normal(size=N)


@pytest.mark.parametrize("early_stopping", ["folds", True])
def test_the_table_is_encoded_once_for_all_networks(early_stopping):
    net = SigmoidMLPRegressor(4, max_iter=2, n_members=3, early_stopping=early_stopping, text_features=["text"])
    with count_texts() as counts:
        net.fit(TABLE, NUMBER)
    assert sum(counts) == N


def test_networks_that_cannot_fit_in_memory_are_refused_together():
    rng = np.random.default_rng(1)
    net = SigmoidMLPRegressor((2000, 2000), n_members=4, early_stopping=False, max_iter=1, dtype="float64")
    with memory_of(2**27), pytest.raises(ValueError, match="n_members=4"):
        net.fit(rng.normal(size=(N, 2)), NUMBER)


def trained_codes(net, frame, y):
    """The inputs that one more `partial_fit` trains on; the last one is the target's mean."""
    with drawing_seeds(net, FitArguments(frame, y), net._fitted, is_partial_fit=True) as call:
        run = net._make_run(call)
    return run.phase.setups[0].train_rows.inputs(slice(0, len(y)))[:, 0]


def test_target_means_do_not_contain_the_own_targets_of_a_part_of_the_table():
    rng = np.random.default_rng(0)
    category, noise = rng.integers(0, 300, 3000), rng.normal(size=3000)
    frame, y = pd.DataFrame({"c": pd.Categorical(category)}), 0.5 * rng.normal(size=300)[category] + noise
    net = SigmoidMLPRegressor(3, max_iter=1, early_stopping=False, random_state=0, category_encoding="target")
    net.set_params(categorical_features=["c"], n_members=1).fit(frame, y)
    whole, half = trained_codes(net, frame, y), trained_codes(net, frame[:1500], y[:1500])
    # of independent values the correlation has a standard deviation of .026
    assert abs(np.corrcoef(half, noise[:1500])[0, 1]) < 0.08
    assert abs(np.corrcoef(whole, noise)[0, 1]) < 0.08
