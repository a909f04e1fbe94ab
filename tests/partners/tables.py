"""A table with text, one of numbers alone, and networks that are trained in a moment."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
N = 240
MIXED = pd.DataFrame(
    {"size": rng.normal(size=N), "age": rng.normal(size=N), "colour": rng.choice(["red", "green", "blue"], N)}
)
NUMBERS = MIXED[["size", "age"]].assign(height=rng.normal(size=N))
PRICE = 2.0 * MIXED["size"] + (MIXED["colour"] == "red") + 0.1 * rng.normal(size=N)
SOLD = pd.Series(np.where(PRICE > 0.3, "yes", "no"), name="sold")
RARE = (PRICE > 2.0).astype(int)
ANY = MIXED.assign(
    grade=pd.Series(rng.choice(["a", "b", None], N), dtype=object),
    when=pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300, N), unit="D"),
    used=rng.random(N) < 0.5,
    doors=rng.integers(2, 6, N),
    weight=np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N)),
)
QUICK = {"hidden_layer_sizes": 8, "max_iter": 20, "random_state": 0}
