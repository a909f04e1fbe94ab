"""
Monotone curves
===============

All else equal, a car with more power or more weight does not go further on a gallon, and a newer car goes at least as
far. With ``monotonic_cst``, the predictions follow these rules for every car. The networks learn from only eighty cars.
Without constraints, chance bends the curves.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv", dtype={"origin": "category"}).dropna()
cars = cars.sample(frac=1, random_state=2, ignore_index=True)
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
known = {"weight_lb": -1, "horsepower": -1, "year": 1}
models = {
    "nothing said": SigmoidMLPRegressor(random_state=0).fit(X[:80], y[:80]),
    "told what is known": SigmoidMLPRegressor(monotonic_cst=known, random_state=0).fit(X[:80], y[:80]),
}

# %%
# Each curve is an unseen car, with a weaker or stronger engine and nothing else changed. Curves that rise somewhere are
# orange. With the constraints, there are none.

engines = np.linspace(X["horsepower"].min(), X["horsepower"].max(), 120)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
for ax, (title, model) in zip(axes, models.items(), strict=True):
    curves = []
    for row in range(80, 100):
        same_car = X.iloc[[row] * len(engines)].assign(horsepower=engines)
        curves.append(model.predict(same_car))
        rises = bool((np.diff(curves[-1]) > 0).any())
        ax.plot(engines, curves[-1], color="#c2571a" if rises else "#14606b", lw=1)
    error = np.sqrt(np.mean((model.predict(X[80:]) - y[80:]) ** 2))
    n_rising = sum(bool((np.diff(curve) > 0).any()) for curve in curves)
    print(f"{title}: an error of {error:.2f} miles per gallon, {n_rising} of 20 curves rise somewhere")
    ax.set(title=f"{title}: error {error:.2f}", xlabel="horsepower")
axes[0].set(ylabel="predicted miles per gallon")
plt.show()
