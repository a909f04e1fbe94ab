"""
Several networks, and where they disagree
=========================================

``n_members`` networks, each validated on rows that the others were trained on: their mean errs less than one of them,
and they disagree where there are no rows to learn from, so their spread is a sign of not knowing.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = np.concatenate([rng.uniform(-3, -1, 150), rng.uniform(1, 3, 150)])[:, np.newaxis]
y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=300)
model = SigmoidMLPRegressor(n_members=8, max_iter=200, random_state=0).fit(X, y)

line = np.linspace(-4, 4, 200)[:, np.newaxis]
members = np.array([member.predict(line) for member in model.members_])
spread = members.std(axis=0)
known = (np.abs(line[:, 0]) > 1) & (np.abs(line[:, 0]) < 3)
print(f"spread of {len(members)} members: {spread[known].mean():.2f} with rows, {spread[~known].mean():.2f} without")

# %%
# Each row was left out by one member. What this one predicts for it is honest: its errors are those of new rows.

left_out = np.sqrt(np.mean((y - model.oof_prediction_) ** 2))
new = rng.uniform(1, 3, 5000)[:, np.newaxis]
truth = np.sin(2 * new[:, 0])
alone = np.mean([np.sqrt(np.mean((truth - member.predict(new)) ** 2)) for member in model.members_])
together = np.sqrt(np.mean((truth - model.predict(new)) ** 2))
print(f"rows left out are missed by {left_out:.3f}, of which 0.100 is noise")
print(f"the curve itself is missed by {alone:.3f} by one member, by {together:.3f} by their mean")

# %%

figure, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
for member in members:
    ax.plot(line[:, 0], member, color="#14606b", lw=0.8, alpha=0.6)
ax.plot(line[:, 0], model.predict(line), color="#14606b", lw=2.5, label="their mean")
ax.plot(X[:, 0], y, ".", color="0.5", ms=3, label="rows")
ax.set(xlabel="x", ylabel="y", title="Eight networks")
ax.legend(frameon=False)
plt.show()
