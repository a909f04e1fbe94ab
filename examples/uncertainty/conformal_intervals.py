"""
Intervals as wide as needed
===========================

``predict_interval`` corrects predictions by the errors on the rows that ``fit`` held out. On average, about nine in ten
new rows of the same kind lie inside the intervals.

Around a mean, the width depends on the prediction. If the noise depends on something else, intervals are too wide where
there is little noise and too narrow where there is much. Between two quantiles, the width follows the noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknet import SigmoidMLPRegressor


def draw(n, rng):
    """The noise at 4 is eleven times that at 0."""
    X = rng.uniform(0, 4, size=(n, 1))
    return X, np.sin(2 * X[:, 0]) + rng.normal(scale=0.1 + 0.25 * X[:, 0])


X, y = draw(1500, np.random.default_rng(0))
X_new, y_new = draw(3000, np.random.default_rng(1))
nets = {
    "SigmoidMLPRegressor()": SigmoidMLPRegressor(random_state=0),
    'loss="quantile", quantile=(0.05, 0.95)': SigmoidMLPRegressor(
        loss="quantile", quantile=(0.05, 0.95), random_state=0
    ),
}
groups = {"the quiet quarter": X_new[:, 0] < 1, "the noisy quarter": X_new[:, 0] > 3}

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
line = np.linspace(0, 4, 200)[:, np.newaxis]
for ax, (name, net) in zip(axes, nets.items(), strict=True):
    low, high = net.fit(X, y).predict_interval(X_new, coverage=0.9).T
    inside = (low <= y_new) & (y_new <= high)
    shares = ", ".join(f"{inside[rows].mean():.0%} of {group}" for group, rows in groups.items())
    print(f"{name}: {inside.mean():.0%} inside, {shares}; {np.mean(high - low):.2f} wide")
    low, high = net.predict_interval(line, coverage=0.9).T
    ax.fill_between(line[:, 0], low, high, color="#14606b", alpha=0.25, lw=0)
    ax.scatter(X_new[:1000, 0], y_new[:1000], s=5, c=np.where(inside[:1000], "0.6", "#c2571a"))
    for x in (1, 3):
        ax.axvline(x, color="0.7", lw=0.8, ls=":")
    for x, rows in zip((0.5, 3.5), groups.values(), strict=True):
        ax.text(x, 3.4, f"{inside[rows].mean():.0%} inside", ha="center")
    ax.set(title=name, xlabel="x", xlim=(0, 4), ylim=(-4.2, 4))
axes[0].set_ylabel("y")
plt.show()
