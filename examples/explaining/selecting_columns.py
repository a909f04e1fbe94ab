"""
Fewer columns
=============

``fit`` computes ``feature_importances_``: how much the predictions vary with each column. This program adds columns
of noise to a table, and compares their importance with that of the others. Then it removes one column after the other,
the least important one first.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
rng = np.random.default_rng(0)
X["paint"] = rng.choice(["red", "white", "black", "green"], len(X))  # not informative
for i in range(4):
    X[f"noise {i}"] = rng.normal(size=len(X))
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)
permuted = permutation_importance(model, X_test, y_test, n_repeats=10, random_state=0).importances_mean
measures = pd.DataFrame(
    {"feature_importances_": model.feature_importances_, "loss of R² when shuffled": permuted}, index=X.columns
).sort_values("feature_importances_")
print(measures.iloc[::-1].round(3).to_string())

# %%
# Noise keeps a small importance, because a network fits some noise. To see whether a column is needed, shuffle it in
# rows that the network has not seen.

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, (name, values) in zip(axes, measures.items(), strict=True):
    ax.barh(measures.index, values, color="#14606b")
    ax.set_title(name, fontsize="medium")
plt.show()

# %%
# ``SelectFromModel`` keeps the columns above the mean importance. With ``set_output``, it returns a data frame, in
# which text stays text.

few = make_pipeline(SelectFromModel(SigmoidMLPRegressor(random_state=0)), SigmoidMLPRegressor(random_state=0))
few.set_output(transform="pandas").fit(X_train, y_train)
print(f"all {X.shape[1]} columns: R² {model.score(X_test, y_test):.3f}")
print(f"{', '.join(few[-1].feature_names_in_)}: R² {few.score(X_test, y_test):.3f}")

# %%
# scikit-learn's ``RFE`` removes columns one after the other, but takes numbers only. For a table with text, write a
# loop.

columns, scores = list(X), {}
while columns:
    net = SigmoidMLPRegressor(random_state=0).fit(X_train[columns], y_train)
    scores[len(columns)] = net.score(X_test[columns], y_test)
    columns.pop(int(net.feature_importances_.argmin()))

plt.figure()
plt.plot(list(scores), list(scores.values()), "o-", color="#14606b")
plt.gca().set(xlabel="columns", ylabel="R² on the test rows")
plt.show()
