"""
A dask data frame, partition by partition
=========================================

The partitions of a dask data frame are pandas frames: train on one after the other, and predict lazily, with
``map_partitions``. Whole fits by a cluster's workers, on which the rows stay, are those of ``sknet.dask``.
"""

import dask
import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknet import SigmoidMLPClassifier

rng = np.random.default_rng(0)
table = pd.DataFrame(rng.normal(size=(8000, 6)), columns=list("abcdef"))
table["label"] = np.where(table["a"] * table["b"] + 0.3 * table["c"] > 0, "yes", "no")
frame = dd.from_pandas(table, npartitions=4)

EPOCHS = 8
model = SigmoidMLPClassifier(64, max_iter=4 * EPOCHS, random_state=0)
losses = []
for _ in range(EPOCHS):
    for partition in frame.partitions:
        rows = partition.compute()
        model.partial_fit(rows.drop(columns="label"), rows["label"], classes=["no", "yes"])
    losses.append(model.loss_)

# %%
# Nothing is predicted until somebody asks for it.

lazy = frame.drop(columns="label").map_partitions(
    lambda part: pd.Series(model.predict(part), part.index), meta=(None, str)
)
with dask.config.set(scheduler="synchronous"):
    right = (lazy.compute().to_numpy() == table["label"].to_numpy()).mean()
print(f"right: {right:.3f}")

figure, ax = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
ax.plot(range(1, EPOCHS + 1), losses, "o-", color="#14606b")
ax.set(xlabel="pass over the partitions", ylabel="log-loss")
plt.show()
