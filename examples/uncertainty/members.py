"""
Where networks disagree
=======================

Networks with different seeds disagree where there were no rows to learn from. Their spread is a sign of uncertainty,
and their mean has smaller errors than a single network. ``n_members`` joins them into one network.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = np.concatenate([rng.uniform(-3, -1, 150), rng.uniform(1, 3, 150)])[:, np.newaxis]
y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=300)
settings = dict(hidden_layer_sizes=(32, 32), max_iter=300, learning_rate_init=0.05, early_stopping=False)
alone = [SigmoidMLPRegressor(**settings, n_members=1, random_state=seed).fit(X, y) for seed in range(8)]

line = np.linspace(-4, 4, 200)[:, np.newaxis]
curves = np.array([network.predict(line) for network in alone])
spread = curves.std(axis=0)
known = (np.abs(line[:, 0]) > 1) & (np.abs(line[:, 0]) < 3)
print(f"spread of {len(curves)} networks: {spread[known].mean():.2f} with rows, {spread[~known].mean():.2f} without")

# %%
# With ``n_members=8``, eight networks are trained and joined into one, whose output is their mean.

joined = SigmoidMLPRegressor(**settings, n_members=8, numeric_encoding="raw", random_state=0).fit(X, y)
new = rng.uniform(1, 3, 5000)[:, np.newaxis]
truth = np.sin(2 * new[:, 0])
by_one = np.mean([np.sqrt(np.mean((truth - network.predict(new)) ** 2)) for network in alone])
by_all = np.sqrt(np.mean((truth - joined.predict(new)) ** 2))
print(f"a hidden layer of one has {alone[0].coefs_[0].shape[1]} units, one of all {joined.coefs_[0].shape[1]}")
print(f"the curve is missed by {by_one:.3f} by one, by {by_all:.3f} by the joined network")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for curve in curves:
    ax.plot(line[:, 0], curve, color="#14606b", lw=0.8, alpha=0.6)
ax.plot(line[:, 0], joined.predict(line), color="#14606b", lw=2.5, label="eight, joined")
ax.plot(X[:, 0], y, ".", color="0.5", ms=3, label="rows")
ax.set(xlabel="x", ylabel="y", title="Eight networks")
ax.legend(frameon=False)
plt.show()
