"""Two small tables, their targets, and parameters of fits that take some milliseconds, for many tests."""

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.training.problems import Interrupting

N = 60
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
NUMBER = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=N)
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
WEIGHT = rng.integers(1, 4, size=N).astype(float)
KINDS = [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)]
of_both = pytest.mark.parametrize("kind, y", KINDS, ids=["classifier", "regressor"])

MIXED = pd.DataFrame({
    "number": rng.normal(size=120), "color": rng.choice(["red", "green"], 120), "flag": rng.random(120) < 0.5,
})  # fmt: skip

SMALL = dict(hidden_layer_sizes=4, max_iter=3, random_state=0)
"""For tests of defaults: all other parameters are "auto" or as documented."""

QUICK = SMALL | dict(
    n_members=1, early_stopping=False, batch_size=20, dtype="float64", learning_rate="cosine", learning_rate_init=0.01,
    averaging=0.0, n_iter_no_change=10, tol=1e-4, alpha=1e-4,
)  # fmt: skip
"""For tests of training: one network, three epochs of three batches, nothing held out."""

HELD_OUT = SMALL | dict(max_iter=5, early_stopping=True, validation_fraction=0.2)
"""For tests of what is learnt of held-out rows."""


def stops_at(n_calls, schedule=lambda fraction: 1.0):
    """A schedule that presses Ctrl-C at its n-th call."""
    return Interrupting(schedule, n_calls)


quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
"""Training may stop before it has converged."""

outside_training = pytest.mark.filterwarnings("ignore:Column .* of X ranged from")
"""New rows are outside the training range on purpose."""
