"""
A network as a sum of curves
============================

With ``interaction_cst="no_interactions"``, each unit sees a single column, and columns meet only in the output. The
prediction is then a sum of one function per column, its *shape function*. Seven panels show everything that this
network knows about the fuel consumption of cars.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from sknet import ShapeFunctionDisplay, SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
models = {
    "all columns may interact": SigmoidMLPRegressor(random_state=0),
    "weight and horsepower may": SigmoidMLPRegressor(
        interaction_cst=[
            {"weight_lb", "horsepower"},
            *[{name} for name in X if name not in ("weight_lb", "horsepower")],
        ],
        random_state=0,
    ),
    "none": SigmoidMLPRegressor(interaction_cst="no_interactions", random_state=0),
}
for name, model in models.items():
    model.fit(X_train, y_train)
    error = np.sqrt(np.mean((model.predict(X_test) - y_test) ** 2))
    print(f"{name}: an error of {error:.2f} miles per gallon")

# %%
# What each column contributes
# ----------------------------
#
# Contributions are in miles per gallon, on one scale, with the most important column first. The short lines at the
# bottom are the cars. A dotted line is the contribution of a missing value.

additive = models["none"]
display = ShapeFunctionDisplay.from_estimator(additive, X_train)
plt.show()

# %%
# Nothing is hidden
# -----------------
#
# The contributions of a row, read off the curves, add up to its prediction minus the mean prediction. Another
# background only shifts them by a constant.

one, other = (additive.explain(X_test, background=rows) for rows in (X_train[:50], X_train[50:]))
total = one.values.sum(axis=1) + one.base_values
print(f"off the predictions by at most {np.abs(total - additive.predict(X_test)).max():.5f}")
print(f"backgrounds differ by constants, but for {np.ptp(one.values - other.values, axis=0).max():.5f}")

# %%
# Known effects
# -------------
#
# Where there are few cars, a curve may wiggle by chance. ``monotonic_cst`` adds what you know: a heavier car, or one
# with a stronger engine, does not go further on a gallon.

known = {"weight_lb": -1, "horsepower": -1, "displacement_cu_in": -1, "year": 1}
monotone = SigmoidMLPRegressor(interaction_cst="no_interactions", monotonic_cst=known, random_state=0)
monotone.fit(X_train, y_train)
error = np.sqrt(np.mean((monotone.predict(X_test) - y_test) ** 2))
print(f"none, and monotone: an error of {error:.2f} miles per gallon")
ShapeFunctionDisplay.from_estimator(monotone, X_train, columns=list(known)[:3])
plt.show()
