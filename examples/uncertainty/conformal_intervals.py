"""
Intervals: conformal ones, of one width or of many
==================================================

``predict_interval`` corrects predictions by the errors of the rows that ``fit`` has held out: of new rows of the same
kind, nine in ten lie inside. Around a mean, all intervals have one width; around several quantiles, it follows the
noise.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = rng.uniform(0, 4, size=(2000, 1))
y = np.sin(2 * X[:, 0]) + rng.normal(scale=0.1 + 0.25 * X[:, 0])
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
mean = SigmoidMLPRegressor(30, max_iter=60, random_state=0).fit(X_train, y_train)
quantiles = SigmoidMLPRegressor(30, loss="quantile", quantile=(0.05, 0.5, 0.95), max_iter=60, random_state=0)
quantiles.fit(X_train, y_train)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharey=True, layout="constrained")
line = np.linspace(0, 4, 200)[:, np.newaxis]
for ax, model, title in zip(axes, (mean, quantiles), ("around the mean", "around quantiles"), strict=True):
    low, high = model.predict_interval(X_test, coverage=0.9).T
    inside = (low <= y_test) & (y_test <= high)
    right = X_test[:, 0] > 3
    print(f"{title}: {inside.mean():.1%} inside, {inside[right].mean():.1%} where the noise is largest")
    low, high = model.predict_interval(line, coverage=0.9).T
    ax.fill_between(line[:, 0], low, high, color="#14606b", alpha=0.25, lw=0)
    middle = model.predict(line)
    ax.plot(line[:, 0], middle if middle.ndim == 1 else middle[:, 1], color="#14606b")
    ax.scatter(X_test[:, 0], y_test, s=5, c=np.where(inside, "0.6", "#c2571a"))
    ax.set_title(f"{title}: {inside.mean():.0%} inside")
plt.show()
