"""
Quickstart: default parameters, beside a linear model and boosted trees
========================================================================

A raw table goes in, and nothing is tuned. First one table in ten lines, then every table that comes with this project
and with scikit-learn, each with the scores of three other models beside ours, also where they are better.

Run with ``python examples/quickstart.py``. Names of tables behind it, ``chicks cars``, take these alone; the name of a
file, ``picture.png``, keeps the picture.
"""

# %%
# One table
# ---------
#
# Fifty chicks on four diets were weighed every other day. What will a chick weigh? Each grows in its own way: its name
# and its age say little alone, and much together. Text columns are taken as they are.

import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

DATA = Path(__file__).parent / "data"
chicks = pd.read_csv(DATA / "chicks.csv")
X, y = chicks.drop(columns="weight_g"), chicks["weight_g"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)
print(X_train.head(3))
print(f"R2 on rows that it has not seen: {model.score(X_test, y_test):.3f}")

# %%
# The peers
# ---------
#
# They get what they need: a linear model and scikit-learn's network a pipeline that imputes, encodes and scales;
# boosted trees get columns of text marked as categories. All have their default parameters.

PEERS = ["sknet", "boosted trees", "scikit-learn's network", "linear model"]


def prepared(peer):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    others = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((numbers, make_column_selector(dtype_include="number")), remainder=others)
    return make_pipeline(columns, peer)


def peers(is_regression):
    """Return one model per name in PEERS."""
    if is_regression:
        ours, trees = SigmoidMLPRegressor(random_state=0), HistGradientBoostingRegressor(random_state=0)
        network, linear = MLPRegressor(random_state=0), RidgeCV()
    else:
        ours, trees = SigmoidMLPClassifier(random_state=0), HistGradientBoostingClassifier(random_state=0)
        network, linear = MLPClassifier(random_state=0), LogisticRegression(max_iter=1000)
    return dict(zip(PEERS, [ours, trees, prepared(network), prepared(linear)], strict=True))


def with_categories(X):
    text = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(text, "category"))


lines = peers(is_regression=True)
figure, (growth, errors) = plt.subplots(1, 2, figsize=(11, 4.2), width_ratios=[1, 1.15], layout="constrained")
COLOURS = dict(zip(PEERS, ["#14606b", "#c2571a", "#8a6fb0", "#7d8790"], strict=True))
one = X_test["chick"].value_counts().index[0]
days = pd.DataFrame({"days": np.arange(22), "chick": one, "diet": X.loc[X["chick"] == one, "diet"].iloc[0]})
categories = with_categories(X).dtypes
for name in ("linear model", "boosted trees", "sknet"):
    with threadpool_limits(1, "openmp"):  # on a busy machine, threads of boosted trees wait long for each other
        predicted = lines[name].fit(X_train.astype(categories), y_train).predict(days.astype(categories))
    growth.plot(days["days"], predicted, color=COLOURS[name], label=name, lw=2)
for rows, target, style in ((X_train, y_train, "o"), (X_test, y_test, "D")):
    mine, label = rows["chick"] == one, "learnt from" if style == "o" else "held out"
    fill = "0.15" if style == "D" else "none"
    growth.plot(rows["days"][mine], target[mine], style, color="0.15", mfc=fill, ms=5, label=label)
growth.set(xlabel="age in days", ylabel="weight in g", title=f"One of the 50 chicks: {one}")
growth.legend(frameon=False)
# sphinx_gallery_defer_figures

# %%
# Every table
# -----------
#
# Five folds. The smaller, the better: the log-loss for classes, the root mean squared error for numbers.


def from_file(name, target, drop=()):
    table = pd.read_csv(DATA / f"{name}.csv").dropna(subset=[target])
    return table.drop(columns=[target, *drop]), table[target]


def bundled(load, **keywords):
    return load(return_X_y=True, as_frame=True, **keywords)


TABLES = {
    "chicks": lambda: from_file("chicks", "weight_g"),
    "cars": lambda: from_file("cars", "miles_per_gallon", drop=["name"]),
    "diabetes": lambda: bundled(datasets.load_diabetes, scaled=False),
    "penguins": lambda: from_file("penguins", "species"),
    "weather": lambda: from_file("weather", "weather", drop=["date"]),
    "digits": lambda: bundled(datasets.load_digits),
    "wine": lambda: bundled(datasets.load_wine),
    "iris": lambda: bundled(datasets.load_iris),
    "breast cancer": lambda: bundled(datasets.load_breast_cancer),
}


def cross_validated(X, y):
    """Return each peer's error, the mean of five folds."""
    is_regression = y.nunique() > 20
    folds = (KFold if is_regression else StratifiedKFold)(5, shuffle=True, random_state=0)
    scoring = "neg_root_mean_squared_error" if is_regression else "neg_log_loss"
    X = with_categories(X)
    with warnings.catch_warnings(), threadpool_limits(1, "openmp"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's network, after its 200 epochs
        return {
            name: -cross_val_score(peer, X, y, cv=folds, scoring=scoring).mean()
            for name, peer in peers(is_regression).items()
        }


found = {}
for name in [name for name in sys.argv[1:] if name in TABLES] or TABLES:
    print(f"four models, five folds: {name}")  # a minute is long without a word
    X, y = TABLES[name]()
    measure = "error" if y.nunique() > 20 else "log-loss"
    found[name] = {"rows": len(X), "columns": X.shape[1], "measure": measure} | cross_validated(X, y)
table = pd.DataFrame(found).T
print(table.to_string(float_format="{:.3f}".format))
print("best at:", table[PEERS].astype(float).idxmin(axis=1).value_counts().to_dict())
# sphinx_gallery_defer_figures

# %%
# The same as a picture: each error over that of the best. Where a dot of ours is not at 1, another model is better.

relative = table[PEERS].astype(float)
relative = relative.div(relative.min(axis=1), axis=0)
for name in reversed(PEERS):
    errors.plot(
        relative[name], relative.index, "o", color=COLOURS[name], ms=9 if name == "sknet" else 7, label=name, alpha=0.9
    )
errors.set(xscale="log", xlabel="error, over the best model's (1 is best)", title="Default parameters, five folds")
errors.set_xticks([1, 1.5, 2, 3, 5], labels=["1", "1.5", "2", "3", "5"])
errors.minorticks_off()
errors.invert_yaxis()
errors.grid(axis="y", color="0.9")
errors.set_axisbelow(True)
errors.legend(frameon=False, loc="center right")
for axes in (growth, errors):
    axes.spines[["top", "right"]].set_visible(False)
for path in [path for path in sys.argv[1:] if path.endswith(".png")]:
    figure.savefig(path, dpi=110)
figure  # noqa: B018  the gallery shows it here
plt.show()
