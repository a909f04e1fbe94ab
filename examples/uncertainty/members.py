"""
Several networks, and where they disagree
=========================================

Networks trained on different rows agree where there are rows to learn from, and disagree where there are none: their
spread is a sign of not knowing. Any ensemble of scikit-learn takes them.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import BaggingRegressor

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = np.concatenate([rng.uniform(-3, -1, 150), rng.uniform(1, 3, 150)])[:, np.newaxis]
y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=300)
bag = BaggingRegressor(SigmoidMLPRegressor(32, max_iter=100), n_estimators=8, random_state=0).fit(X, y)
line = np.linspace(-4, 4, 200)[:, np.newaxis]
members = np.array([member.predict(line) for member in bag.estimators_])
spread = members.std(axis=0)
known = (np.abs(line[:, 0]) > 1) & (np.abs(line[:, 0]) < 3)
print(f"spread of {len(members)} members: {spread[known].mean():.2f} with rows, {spread[~known].mean():.2f} without")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
ax.plot(line[:, 0], members.T, color="#14606b", lw=0.8, alpha=0.6)
ax.plot(line[:, 0], members.mean(axis=0), color="#14606b", lw=2.5, label="their mean")
ax.plot(X[:, 0], y, ".", color="0.5", ms=3, label="rows")
ax.set(xlabel="x", ylabel="y", title="Eight networks")
ax.legend(frameon=False)
plt.show()
