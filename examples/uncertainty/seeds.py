"""
How far predictions move between seeds
======================================

Two fits that differ only in ``random_state`` predict different numbers for the same row. This program fits the cars
with ten seeds for each number of members, and draws how far the predictions of each new car scatter.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPRegressor

cars = pd.read_csv(Path(__file__).parents[1] / "data" / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

MEMBERS, SEEDS = (1, 2, 4, 8), range(10)
predicted = {}  # (seeds, cars) for each number of members
for n_members in MEMBERS:
    nets = [SigmoidMLPRegressor(n_members=n_members, random_state=seed).fit(X_train, y_train) for seed in SEEDS]
    predicted[n_members] = np.array([net.predict(X_test) for net in nets])

scatter = {n_members: each.std(axis=0, ddof=1) for n_members, each in predicted.items()}
for n_members, each in scatter.items():
    error = np.mean([root_mean_squared_error(y_test, one) for one in predicted[n_members]])
    low, middle, high = np.quantile(each, [0.05, 0.5, 0.95])
    print(f"{n_members} members: a car moves by {middle:.2f} ({low:.2f} to {high:.2f}), error {error:.2f}")

# %%
# A dot is a car: the standard deviation of its predictions between seeds, in miles per gallon. The bar is the median.

figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
beside = np.random.default_rng(0).uniform(-0.25, 0.25, len(y_test))
for place, each in enumerate(scatter.values()):
    ax.plot(place + beside, each, "o", color="#14606b", alpha=0.4, ms=4, mew=0)
    ax.plot([place - 0.35, place + 0.35], [np.median(each)] * 2, color="#c2571a", lw=2.5)
    ax.text(place + 0.39, np.median(each), f"{np.median(each):.2f}", color="#c2571a", va="center")
ax.set_xticks(range(len(MEMBERS)), labels=["1", "2 (default)", "4", "8"])
ax.set(xlabel="n_members", ylabel="standard deviation\n(miles per gallon)", ylim=(0, None), xlim=(-0.5, 3.8))
ax.set_title("How far the prediction for a new car moves between seeds")
ax.spines[["top", "right"]].set_visible(False)
plt.show()
