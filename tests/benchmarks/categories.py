"""Categories of many levels, looked up: our time with look-ups / with the product of one-hot inputs, in float32."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.tables.limits import LOOKUP_INPUTS, lookup_inputs


def figures(quick: bool) -> Iterator[Figure]:
    n, rounds = (3_000, 3) if quick else (20_000, 7)
    for levels, columns in ((70, 3), (200, 1), (500, 1), (500, 3)):
        X, y = table(n, levels, columns)
        fits = {"looked up": fit(X, y, LOOKUP_INPUTS), "multiplied": fit(X, y, levels * columns + 1)}
        seconds = in_turns(fits, rounds)
        yield ratio(f"{columns} column(s) of {levels} levels", seconds["looked up"], seconds["multiplied"])


def fit(X, y, worthwhile):
    net = SigmoidMLPClassifier(
        128, max_iter=3, early_stopping=False, max_categories=None, dtype="float32", random_state=0
    )

    def task():
        with lookup_inputs(worthwhile):
            net.fit(X, y)

    return task


def table(n, levels, columns):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 8))).add_prefix("x")
    names = [f"level {i}" for i in range(levels)]
    for j in range(columns):
        X[f"category {j}"] = pd.Categorical.from_codes(rng.integers(0, levels, n), names)
    return X, X["x0"] + rng.normal(size=n) > 0
