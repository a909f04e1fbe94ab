"""
A Parquet file in chunks
========================

``partial_fit`` makes one pass over the rows that it gets. So read the file in pieces, once per epoch. A category dtype
in the first call declares all categories.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from sknet import SigmoidMLPRegressor

folder = tempfile.TemporaryDirectory()
file = Path(folder.name, "trips.parquet")
rng = np.random.default_rng(0)
trips = pd.DataFrame({"km": rng.gamma(2, 3, 12_000), "hour": rng.integers(0, 24, 12_000)})
trips["city"] = pd.Categorical(rng.choice(["north", "south"], 12_000))
rush = np.exp(-((trips["hour"] - 17) ** 2) / 8)
trips["minutes"] = 3 + trips["km"] * (1.5 + 2 * rush + (trips["city"] == "south")) + rng.normal(size=12_000)
trips.to_parquet(file, row_group_size=2_000)
CITIES = trips["city"].dtype


def chunks():
    for batch in pq.ParquetFile(file).iter_batches(2_000):
        chunk = batch.to_pandas().astype({"city": CITIES})
        yield chunk.drop(columns="minutes"), chunk["minutes"]


EPOCHS = 8
model = SigmoidMLPRegressor(max_iter=6 * EPOCHS, random_state=0)  # six chunks: the rate falls over all calls
for _ in range(EPOCHS):
    for X, y in chunks():
        model.partial_fit(X, y)
print(f"{model.t_:,} rows seen, 2,000 in memory at a time; R² {model.score(*next(chunks())):.3f}")

# %%

hours = pd.DataFrame({"km": 10.0, "hour": np.arange(24), "city": pd.Categorical(["south"] * 24, dtype=CITIES)})
figure, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
ax.plot(hours["hour"], model.predict(hours), "o-", color="#14606b")
ax.set(xlabel="hour", ylabel="minutes for 10 km", title="Fitted in chunks")
plt.show()
folder.cleanup()
