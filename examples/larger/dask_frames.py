"""
A dask data frame
=================

``sknet.dask`` has both estimators for dask collections. The rows stay on their workers. Each step sends the weights to
them and adds up the gradients. Here, the cluster runs in this process, and the table would be faster in memory. For
another cluster, pass the address of its scheduler to ``Client``.
"""

import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from sknet import TrainingHistoryDisplay
from sknet.dask import SigmoidMLPClassifier

rng = np.random.default_rng(0)
table = pd.DataFrame(rng.normal(size=(8000, 4)), columns=list("abcd"))
table["town"] = rng.choice(["Oslo", "Quito", "Seoul"], 8000)
sign = np.where(table["town"] == "Seoul", -1, 1)
table["label"] = np.where(sign * table["a"] * table["b"] + 0.3 * table["c"] > 0, "yes", "no")
frame = dd.from_pandas(table, npartitions=4)
X, y = frame.drop(columns="label"), frame["label"]

# %%
# Predictions are lazy: the workers compute them when you ask for them.

workers = LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0")
with workers, Client(workers):
    model = SigmoidMLPClassifier(64, max_iter=30, batch_size=1024, random_state=0).fit(X, y)
    lazy = model.predict(X)
    print(f"{type(lazy).__name__} in {lazy.npartitions} parts, of which the first rows are {lazy.head(4).tolist()}")

# %%
# ``to_local`` returns the estimator for tables in memory. It predicts, saves and exports without dask.

local = model.to_local()
print(f"without dask, {local.score(table.drop(columns='label'), table['label']):.3f} of the rows are right")
TrainingHistoryDisplay.from_estimator(local)
plt.show()
