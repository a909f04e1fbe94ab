"""
Which columns matter, and how
=============================

This program asks four questions about a network:

- How much worse does it get without a column? ``permutation_importance``
- How do its predictions change with a column? Partial dependence
- How much does each column contribute to each prediction? ``explain``
- How much does a prediction rise per unit of a column? ``input_gradients``

All four tools take a table with text and missing numbers.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import train_test_split

from sknet import ExplanationDisplay, SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X = X.astype({"weight_lb": float, "year": float})  # partial dependence wants floats
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)

# %%
# The three measures of a column
# ------------------------------
#
# - **permutation_importance** compares predictions with targets: how much R² is lost when a column is shuffled? Columns
#   that say the same replace each other, so each loses little.
# - **explain** needs no targets. It measures how far each column moves a prediction away from the mean prediction, in
#   the units of the target. Columns that say the same share their contribution.
# - **input_gradients** is local: what would one more unit change, from where the row is? If a curve has become flat,
#   its column has contributed much but changes nothing more. Here, slopes are multiplied by the standard deviation of
#   the column to make them comparable. Categories have no slope.

permuted = permutation_importance(model, X_test, y_test, n_repeats=10, random_state=0)
explanation = model.explain(X_test, background=X_train)
slopes = pd.DataFrame(model.input_gradients(X_test), columns=X.columns)
measures = pd.DataFrame(
    {
        "loss of R² when shuffled": pd.Series(permuted.importances_mean, X.columns),
        "mean |contribution|, miles per gallon": explanation.importance(),
        "mean |slope| x deviation": (slopes * X_train.std(numeric_only=True)).abs().mean(),
    }
).sort_values("mean |contribution|, miles per gallon")
print(measures.iloc[::-1].round(3).to_string())

# %%

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
for ax, (name, values) in zip(axes, measures.items(), strict=True):
    ax.barh(measures.index, values, color="#14606b")
    ax.set_title(name, fontsize="medium")
axes[2].annotate("no slope", (0, list(measures.index).index("origin")), (4, 0), textcoords="offset points", va="center")
plt.show()

# %%
# One row
# -------
#
# The contributions to a prediction add up to its difference from the mean prediction of the background.

heaviest = int(X_test["weight_lb"].argmax())
ExplanationDisplay(explanation, row=heaviest).plot()
plt.show()

# %%
# How the prediction depends on a column
# --------------------------------------

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
PartialDependenceDisplay.from_estimator(
    model, X, ["weight_lb", "year"], kind="both", subsample=40, random_state=0, ax=axes[:2],
    ice_lines_kw={"color": "0.7", "linewidth": 0.5}, pd_line_kw={"color": "#c2571a", "linewidth": 2.5, "label": None},
)  # fmt: skip
axes[1].set_xticks([1970, 1973, 1976, 1979, 1982])
# each car's contribution of its weight: as partial dependence, for the cars there are
axes[2].scatter(X_test["weight_lb"], explanation.values[:, list(X).index("weight_lb")], s=12, color="#14606b")
axes[2].set(xlabel="weight_lb", ylabel="contribution, miles per gallon")
plt.show()
