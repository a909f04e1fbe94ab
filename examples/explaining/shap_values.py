"""
SHAP values of a table with text
================================

SHAP's model-agnostic explainers call ``predict`` with rows made of others. A table of floats can be passed as it is;
text columns are passed as codes, and turned back into text inside.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import shap

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv").dropna()
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
model = SigmoidMLPRegressor(max_iter=60, random_state=0).fit(X, y)
origins = sorted(X["origin"].unique())
coded = X.assign(origin=X["origin"].map(origins.index)).astype(float)


def predict(rows):
    table = pd.DataFrame(rows, columns=X.columns)
    table["origin"] = [origins[int(code)] for code in table["origin"]]
    return model.predict(table.astype(X.dtypes.drop("origin")))


explainer = shap.explainers.Permutation(predict, shap.maskers.Independent(coded, max_samples=20), seed=0)
values = explainer(coded.sample(40, random_state=0), silent=True)
print(pd.Series(np.abs(values.values).mean(axis=0), X.columns).sort_values(ascending=False).round(2).to_string())

# %%

shap.plots.beeswarm(values, show=False)
plt.title("Miles per gallon")
plt.tight_layout()
plt.show()
