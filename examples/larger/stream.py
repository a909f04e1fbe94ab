"""
A table larger than memory
==========================

``sknet.stream`` fits Parquet files, arrays on disk, and any function that returns chunks. It mixes the rows, so their
order hardly matters. The file in this program is sorted by its target, from which ``partial_fit``
learns less.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from sknet import SigmoidMLPClassifier, stream

rng = np.random.default_rng(0)
clicks = pd.DataFrame({"hour": rng.integers(0, 24, 20_000), "age": rng.normal(40, 12, 20_000).round()})
clicks["device"] = rng.choice(["phone", "tablet", "desktop"], 20_000)
liking = np.cos((clicks["hour"] - 20) / 24 * 2 * np.pi) + np.where(clicks["device"] == "phone", 1.0, -0.5)
clicks["clicked"] = rng.random(20_000) < 1 / (1 + np.exp(1.0 - 1.5 * liking))
X, y = clicks.drop(columns="clicked"), clicks["clicked"]

folder = tempfile.TemporaryDirectory()
file = Path(folder.name, "clicks.parquet")
clicks.sort_values("clicked").to_parquet(file, row_group_size=2_000)

# %%
# ``stream.fit`` reads the file once, in chunks, and keeps it in a temporary file. Each epoch reads the parts of that
# file in a new order.

model = stream.fit(SigmoidMLPClassifier(32, max_iter=15, random_state=0), file, target="clicked")
in_memory = SigmoidMLPClassifier(32, max_iter=15, random_state=0).fit(X, y)

by_chunks = SigmoidMLPClassifier(32, max_iter=15 * 10, random_state=0)
by_chunks = stream.prepare(by_chunks, X[:2_000], y[:2_000], classes=[False, True])
for _ in range(15):
    for batch in pq.ParquetFile(file).iter_batches(2_000):
        chunk = batch.to_pandas()
        by_chunks.partial_fit(chunk.drop(columns="clicked"), chunk["clicked"])

# %%
# ``stream.predict`` returns the predictions chunk by chunk, or writes them to a file.

probability = np.concatenate(list(stream.predict(model, file, method="predict_proba")))
print(f"{len(probability):,} predictions of the file, mean {probability[:, 1].mean():.2f}; clicked {y.mean():.2f}")

hours = pd.DataFrame({"hour": np.arange(24), "age": 40.0, "device": "phone"})
true = 1 / (1 + np.exp(1.0 - 1.5 * (np.cos((hours["hour"] - 20) / 24 * 2 * np.pi) + 1.0)))
figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
ax.plot(hours["hour"], true, color="0.6", lw=5, alpha=0.6, label="the truth")
for name, net, style in (
    ("stream.fit, sorted file", model, "-"),
    ("fit, in memory", in_memory, "--"),
    ("partial_fit, sorted file", by_chunks, ":"),
):
    ax.plot(hours["hour"], net.predict_proba(hours)[:, 1], style, label=name)
    print(f"{name}: right {net.score(X, y):.3f}")
ax.set(xlabel="hour", ylabel="probability of a click", title="A 40-year-old with a phone", ylim=(0, 1))
ax.legend(frameon=False, fontsize="small")
plt.show()
folder.cleanup()
