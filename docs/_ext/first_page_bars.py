"""Draw what the columns contribute, for the site's first page: `python docs/_ext/first_page_bars.py`."""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

cars = pd.read_csv("examples/data/cars.csv")
y = cars["miles_per_gallon"]
X = cars.drop(columns=[y.name, "name"])
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=100, random_state=0)
model = SigmoidMLPRegressor(random_state=0)
model.fit(X_train, y_train)
importance = model.explain(X_test, background=X_train).importance().sort_values()

figure, ax = plt.subplots(figsize=(4.8, 2.1), layout="constrained")
ax.bar_label(ax.barh(importance.index, importance, color="#14606b", height=0.7), fmt="%.2f", padding=3)
ax.set_title("miles per gallon", loc="left", fontsize=10)
ax.set_xticks([])
ax.tick_params(left=False)
ax.spines[:].set_visible(False)
figure.savefig("docs/_static/cars_explained.png", dpi=200)
