"""
Rows unlike those that a network has learnt from
================================================

You can trust a prediction more if similar rows were in training. ``activations(X)[0]`` is the table as the network sees
it, with numbers on one scale and categories included. The distance to the nearest training rows tells how familiar a
row is. Here, shuffling each column makes unusual cars: every value is ordinary, but most combinations are not.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv").dropna()
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X_train, X_new, y_train, _ = train_test_split(X, y, test_size=0.4, random_state=0)
rng = np.random.default_rng(0)
unusual = X_new.apply(lambda column: rng.permutation(column))
rows, is_unusual = pd.concat([X_new, unusual]), np.repeat([False, True], len(X_new))

model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)


def distances(encode):
    """Return how far each row is from its five nearest training rows, on average."""
    neighbours = NearestNeighbors(n_neighbors=5).fit(encode(X_train))
    return neighbours.kneighbors(encode(rows))[0].mean(axis=1)


forest = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["origin"]), remainder="passthrough"), IsolationForest(random_state=0)
).fit(X_train)
scores = {
    "neighbours in the encoded table": distances(lambda table: model.activations(table)[0]),
    "neighbours in the last hidden layer": distances(model.transform),
    "isolation forest": -forest.score_samples(rows),
}
for name, score in scores.items():
    print(f"{name}: AUC {roc_auc_score(is_unusual, score):.2f}")

# %%
# Distances in the encoded table find the unusual cars. The last hidden layer, ``transform``, keeps mostly
# what matters for the target. Rows that are close there get similar predictions, but may still differ from each other.

score = scores["neighbours in the encoded table"]
bins = np.linspace(0.0, np.quantile(score, 0.98), 30)
for label, rows_shown, color in (("cars", ~is_unusual, "#14606b"), ("columns shuffled", is_unusual, "#c8553d")):
    plt.hist(score[rows_shown], bins, alpha=0.6, label=label, color=color)
plt.gca().set(xlabel="mean distance to the five nearest training rows, encoded", ylabel="rows")
plt.legend()
plt.show()

# %%
# The two most familiar and the two least familiar of the real cars, with their predictions

familiar = pd.DataFrame({"distance": score[~is_unusual], "predicted": model.predict(X_new)}, index=X_new.index)
shown = cars.loc[X_new.index, ["name", "year", "origin", "miles_per_gallon"]].join(familiar.round(1))
print(shown.sort_values("distance").iloc[[0, 1, -2, -1]].to_string(index=False))
