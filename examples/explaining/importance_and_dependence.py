"""
Which columns matter, and how: permutation importance, partial dependence, slopes
=================================================================================

Permutation importance asks how much worse the network is without a column, partial dependence how its predictions
change with one, ``input_gradients`` which way each row pulls. Text may be among the columns of all three; partial
dependence of a column itself asks for floats, or for text without gaps.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv").dropna()
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X = X.astype({"weight_lb": float, "year": float})  # partial dependence wants floats
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)
importance = permutation_importance(model, X_test, y_test, n_repeats=10, random_state=0)
ranked = pd.Series(importance.importances_mean, X.columns).sort_values()
print(ranked.round(3).to_string())

# %%

slopes = pd.DataFrame(model.input_gradients(X), columns=X.columns)
print(
    "miles per gallon for 100 lb more:",
    (100 * slopes["weight_lb"]).describe().loc[["25%", "50%", "75%"]].round(2).to_dict(),
)

# %%

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
axes[0].barh(ranked.index, ranked, color="#14606b")
axes[0].set_title("loss of R2 when shuffled")
PartialDependenceDisplay.from_estimator(
    model, X, ["weight_lb", "year"], kind="both", subsample=40, random_state=0, ax=axes[1:],
    ice_lines_kw={"color": "0.7", "linewidth": 0.5}, pd_line_kw={"color": "#c2571a", "linewidth": 2.5, "label": None},
)  # fmt: skip
axes[2].set_xticks([1970, 1973, 1976, 1979, 1982])
plt.show()
