"""
Intervals from quantiles
========================

One network predicts several quantiles at once. They never cross, and they follow noise that differs from row to row.
This program counts how often the target lies between them.

Run it with ``python examples/uncertainty/quantile_intervals.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 4, size=(3000, 1))
    y = np.sin(2 * X[:, 0]) + rng.normal(scale=0.1 + 0.2 * X[:, 0])  # the noise grows to the right
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    net = SigmoidMLPRegressor(30, loss="quantile", quantile=(0.05, 0.5, 0.95), max_iter=100, random_state=0)
    low, middle, high = net.fit(X_train, y_train).predict(X_test).T
    print(f"the truth lies between the 5% and the 95% quantile in {np.mean((low <= y_test) & (y_test <= high)):.1%}")
    print(f"it lies below the median in {np.mean(y_test < middle):.1%}")
    print(f"quantiles that cross: {np.sum((low > middle) | (middle > high))}")
    for x in (0.5, 2.0, 3.5):
        low, middle, high = net.predict([[x]])[0]
        print(f"  x = {x}: {middle:5.2f}, 90% of the time between {low:5.2f} and {high:5.2f}")

    line = np.linspace(0, 4, 200)[:, np.newaxis]
    low, middle, high = net.predict(line).T
    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    ax.plot(X_test[:, 0], y_test, ".", color="0.6", ms=3, label="rows not seen")
    ax.fill_between(line[:, 0], low, high, color="#14606b", alpha=0.25, lw=0, label="5% to 95%")
    ax.plot(line[:, 0], middle, color="#14606b", lw=2, label="median")
    ax.set(xlabel="x", ylabel="y")
    ax.legend(frameon=False, loc="upper left")
    plt.show()


if __name__ == "__main__":
    main()
