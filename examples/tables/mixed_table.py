"""
A mixed table
=============

Pass numbers in their own units, text, codes of categories and missing values to ``fit`` as they are. This program shows
how each column is encoded, the network, and its predictions.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.metrics import PredictionErrorDisplay
from sklearn.model_selection import KFold, cross_val_predict

from sknet import NetworkDisplay, SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
print(X.dtypes.to_string(), f"\nmissing: {X.isna().sum().sum()}")

# %%
# The number of cylinders is a code. Name it in ``categorical_features``, next to the columns whose dtype makes them
# categories.

model = SigmoidMLPRegressor(8, categorical_features=["from_dtype", "cylinders"], random_state=0)
model.fit(X, y)
print(model.inputs_[["column", "kind", "level", "centre", "scale"]].to_string())

# %%
# The network: positive weights are red, negative ones blue.

NetworkDisplay.from_estimator(model)
plt.show()

# %%
# Predictions for unseen cars, in five folds; the file is sorted by year

folds = KFold(5, shuffle=True, random_state=0)
predicted = cross_val_predict(SigmoidMLPRegressor(random_state=0), X, y, cv=folds)
display = PredictionErrorDisplay.from_predictions(
    y, predicted, kind="actual_vs_predicted", scatter_kwargs={"alpha": 0.5, "color": "#14606b"}
)
display.ax_.set(title="Miles per gallon", xticks=range(10, 50, 10), yticks=range(10, 50, 10))
plt.show()
