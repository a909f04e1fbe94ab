"""
Inside a pipeline
=================

After a search over a pipeline, ``search.best_estimator_`` is the pipeline. ``[-1]`` is its network, with all its
methods. ``[:-1]`` are the steps before, which make the table for these methods.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns="miles_per_gallon"), cars["miles_per_gallon"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def with_brand(X):
    """Return the table with the first word of the name, the brand, instead of the name."""
    table = X.assign(brand=X["name"].str.split().str[0]).drop(columns="name")
    return table.astype({"brand": "category", "origin": "category"})  # the trees want it said


pipe = make_pipeline(FunctionTransformer(with_brand), SigmoidMLPRegressor(random_state=0))
search = GridSearchCV(pipe, {"sigmoidmlpregressor__alpha": [0.003, 0.03]}, scoring="neg_mean_absolute_error", cv=3)
search.fit(X_train, y_train)
print(search.best_params_)

trees = make_pipeline(
    FunctionTransformer(with_brand), HistGradientBoostingRegressor(categorical_features="from_dtype", random_state=0)
).fit(X_train, y_train)
for name, model in {"network": search, "HistGradientBoosting": trees}.items():
    print(f"{name}: mean error {mean_absolute_error(y_test, model.predict(X_test)):.2f} miles per gallon")

# %%
# What only the network has
# -------------------------
#
# These methods take the table that the steps before the network have made.

net = search.best_estimator_[-1]
table_train, table = (search.best_estimator_[:-1].transform(each) for each in (X_train, X_test))
low, high = net.predict_interval(table, coverage=0.9).T
print(f"{((low <= y_test) & (y_test <= high)).mean():.0%} inside the intervals, {(high - low).mean():.1f} wide")

explanation = net.explain(table, background=table_train)
importances = pd.Series(net.feature_importances_, net.feature_names_in_).sort_values()
print(pd.DataFrame({"contribution": explanation.importance(), "importance": importances}).round(2).to_string())

# %%
# ``transform`` returns the last hidden layer. Which training cars are nearest to a car there?

neighbours = NearestNeighbors(n_neighbors=3).fit(search.best_estimator_.transform(X_train))
nearest = neighbours.kneighbors(search.best_estimator_.transform(X_test.iloc[:1]), return_distance=False)
print(f"{X_test['name'].iloc[0]}: {', '.join(X_train['name'].iloc[nearest[0]])}")

# %%

ax = importances.plot.barh(color="#14606b", figsize=(6, 3.4))
ax.set(xlabel="share of what moves the predictions", title="Fuel consumption of cars")
plt.tight_layout()
plt.show()
