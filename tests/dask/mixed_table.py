"""A table of all kinds of columns, with targets, labels and weights of which some are 0."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
N = 720
X = pd.DataFrame({
    "number": rng.normal(size=N),
    "code": rng.integers(0, 5, N),
    "text": rng.choice(list("xyzuvw"), N),
    "date": pd.date_range("2020", periods=N, freq="37min"),
    "many": [f"m{i}" for i in rng.permutation(np.arange(N) % 120)],
    "gaps": np.where(rng.random(N) < 0.2, np.nan, rng.exponential(size=N)),
    "zeros": np.where(rng.random(N) < 0.8, 0.0, rng.normal(size=N)),
})  # fmt: skip
X.loc[rng.random(N) < 0.1, "text"] = None
y = X["number"] + (X["text"] == "x") + X["many"].str[-1].isin(list("13579")) + 0.1 * rng.normal(size=N)
LABELS = np.where(y > 0.5, "yes", np.where(y > -0.3, "maybe", "no"))
WEIGHT = rng.random(N)
WEIGHT[::17] = 0.0
