"""
Prediction intervals
====================

Two kinds of 90% intervals for the fuel consumption of cars. Around a prediction, the width depends on the errors at
similar predictions. Between two quantiles, it may depend on any column. Both are corrected by the errors on rows that
folds held out. On average, nine in ten new cars lie inside. In a single split of so few cars, the share may be off by a
few per cent.

Run it with ``python examples/uncertainty/prediction_intervals.py``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

NETS = {
    "around a prediction": SigmoidMLPRegressor(n_members=3, random_state=0),
    "between two quantiles": SigmoidMLPRegressor(n_members=3, loss="quantile", quantile=(0.05, 0.95), random_state=0),
}


def main() -> None:
    cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv").drop(columns="name")
    X, y = cars.drop(columns="miles_per_gallon").astype({"origin": "category"}), cars["miles_per_gallon"]
    _, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for axis, (name, net) in zip(axes, NETS.items(), strict=True):
        shares, widths = [], []
        for split in range(5):
            X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=split)
            ends = net.fit(X_train, y_train).predict_interval(X_test, coverage=0.9)
            inside = (ends[:, 0] <= y_test) & (y_test <= ends[:, 1])
            shares.append(inside.mean())
            widths.append(np.mean(ends[:, 1] - ends[:, 0]))
        print(
            f"{name}: {np.mean(shares):.1%} of unseen cars inside ({min(shares):.0%} to {max(shares):.0%} in five "
            f"splits), {np.mean(widths):.1f} miles per gallon wide"
        )
        order, places = np.argsort(ends.sum(axis=1)), np.arange(len(ends))  # of the last split
        within, values = inside.to_numpy()[order], y_test.to_numpy()[order]
        axis.fill_between(places, *ends[order].T, alpha=0.3, label="90% interval")
        axis.plot(places[within], values[within], ".", label="inside")
        axis.plot(places[~within], values[~within], "x", color="tab:red", label="outside")
        axis.set(title=name, xlabel="unseen cars, in the order of their predictions")
    axes[0].set_ylabel("miles per gallon")
    axes[0].legend()
    plt.show()


if __name__ == "__main__":
    main()
