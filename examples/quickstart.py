"""
Quickstart
==========

sknet takes raw tables, and its defaults need no tuning. This program fits one table in a few lines. It then compares
sknet with three other models on four tables, which we chose to show what sknet is for.

Run it with ``python examples/quickstart.py``. It takes about a minute, and draws a picture if Matplotlib is
installed. ``python examples/quickstart.py all`` compares on all nine tables, in about three minutes. To choose tables,
add their names (``chicks cars``). To keep the picture, add a file name (``picture.png``).
"""

# %%
# One table
# ---------
#
# How far does a car go on a gallon? Numbers, a column of text and missing values go into ``fit`` as they are.

import sys
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss, make_scorer, root_mean_squared_error
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
    train_test_split,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler
from threadpoolctl import threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

DATA = Path(__file__).parent / "data"
cars = pd.read_csv(DATA / "cars.csv")
X, y = cars.drop(columns=["miles_per_gallon", "name"]), cars["miles_per_gallon"]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = SigmoidMLPRegressor(random_state=0).fit(X_train, y_train)
print(X_train.head(3).T.to_string())
error = root_mean_squared_error(y_test, model.predict(X_test))
of_the_mean = root_mean_squared_error(y_test, np.full(len(y_test), y_train.mean()))
print(f"On other cars, sknet is off by {error:.1f} miles per gallon,")
print(f"the mean of the training cars by {of_the_mean:.1f} (root mean squared error).")

# %%
# The peers
# ---------
#
# Each model gets the preparation that it needs. sknet, the trees and the MLP keep their own defaults (but see the
# chicks below). HistGB, scikit-learn's boosted trees, takes text columns as categories. The linear model and
# scikit-learn's MLP get a pipeline that imputes, encodes and scales. Cross-validation
# chooses the penalty of the linear model, and the targets of the MLP are scaled.

PEERS = ["sknet", "HistGB", "sklearn MLP", "linear model"]


def prepared(peer):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    others = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((numbers, make_column_selector(dtype_include="number")), remainder=others)
    return make_pipeline(columns, peer)


def peers(is_regression):
    """Return one model per name in PEERS."""
    if is_regression:
        ours, trees = SigmoidMLPRegressor(random_state=0), HistGradientBoostingRegressor(random_state=0)
        network = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
        linear = RidgeCV(np.logspace(-3, 4, 8))
    else:
        ours, trees = SigmoidMLPClassifier(random_state=0), HistGradientBoostingClassifier(random_state=0)
        network, linear = MLPClassifier(random_state=0), penalised_logistic_regression()
    return dict(zip(PEERS, [ours, trees, prepared(network), prepared(linear)], strict=True))


def penalised_logistic_regression():
    return LogisticRegressionCV(scoring="neg_log_loss", max_iter=1000)


def with_categories(X):
    text = X.select_dtypes(exclude="number").columns
    return X.astype(dict.fromkeys(text, "category"))


# %%
# Two models are made for the chicks. A chick has up to 12 rows. A leaf of HistGB needs 20 by default, and a
# category needs 10, so here a leaf may have one row, and each chick is a column of zeros and ones. A statistician would
# write a mixed model: a cubic of the age, plus a deviation for each diet and each chick. Ridge regression shrinks the
# deviations, by as much as cross-validation chooses.


def models_for_chicks():
    trees = HistGradientBoostingRegressor(min_samples_leaf=1, random_state=0)
    return {"HistGB": prepared(trees), "mixed model": mixed_model()}


def mixed_model():
    age = make_pipeline(FunctionTransformer(lambda X: X[["days"]] / 21), PolynomialFeatures(3))
    who = make_pipeline(
        FunctionTransformer(lambda X: X[["diet", "chick"]].astype(str)),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    both = FeatureUnion([("age", age), ("who", who)])
    return make_pipeline(both, FunctionTransformer(all_and_each), RidgeCV(np.logspace(-3, 2, 11)))


def all_and_each(columns):
    """The common cubic, hardly penalised, and one cubic per diet and chick, (rows, 4 + 4 * (4 + 50))."""
    cubic, who = columns[:, :4], columns[:, 4:]
    each = (cubic[:, :, None] * who[:, None, :]).reshape(len(columns), -1)
    return np.hstack([100 * cubic, each])


# %%
# The tables
# ----------
#
# We chose four tables, each for a reason. ``cars`` has numbers, text and missing values. ``chicks`` has a category of
# 50 values, and rows that belong together. In ``weather``, no model can be sure of the class, so the probabilities
# count. ``diabetes`` has few rows and much noise: there, a linear model is as good. It is also as good on iris,
# penguins and wine, which ``all`` adds with two other tables.
#
# The errors are means over five folds (three for later weather): the log-loss for classes, the root mean squared error
# for numbers. Lower is better. Two of the nine tables have a second line, in which rows that belong together are held
# out together. The models then predict chicks that they have not seen, and later years. Left out are gbsg2 (times to an
# event, which need other code) and linnerud (20 rows with three targets).


def from_file(name, target, drop=()):
    table = pd.read_csv(DATA / f"{name}.csv").dropna(subset=[target])
    return table.drop(columns=[target, *drop]), table[target]


def bundled(load, **keywords):
    return load(return_X_y=True, as_frame=True, **keywords)


TABLES = {
    "cars": lambda: from_file("cars", "miles_per_gallon", drop=["name"]),
    "chicks": lambda: from_file("chicks", "weight_g"),
    "new chicks": lambda: from_file("chicks", "weight_g"),
    "penguins": lambda: from_file("penguins", "species"),
    "weather": lambda: from_file("weather", "weather", drop=["date"]),
    "later weather": lambda: from_file("weather", "weather", drop=["date"]),
    "breast cancer": lambda: bundled(datasets.load_breast_cancer),
    "diabetes": lambda: bundled(datasets.load_diabetes, scaled=False),
    "digits": lambda: bundled(datasets.load_digits),
    "iris": lambda: bundled(datasets.load_iris),
    "wine": lambda: bundled(datasets.load_wine),
}
CHOSEN = ["cars", "chicks", "new chicks", "weather", "diabetes"]


def folds_of(name, X, y, is_regression):
    if name == "new chicks":
        return list(GroupKFold(5).split(X, y, X["chick"]))
    if name == "later weather":
        return list(TimeSeriesSplit(3, test_size=365).split(X))
    folds = (KFold if is_regression else StratifiedKFold)(5, shuffle=True, random_state=0)
    return list(folds.split(X, y))


def log_loss_of(labels):
    """A fold need not have every class: no fog was written down in the last year."""
    return make_scorer(log_loss, response_method="predict_proba", greater_is_better=False, labels=labels)


def cross_validated(name, X, y):
    """Return what `cross_validate` tells of each model."""
    is_regression = y.nunique() > 20
    scoring = "neg_root_mean_squared_error" if is_regression else log_loss_of(sorted(y.unique()))
    models = peers(is_regression) | (models_for_chicks() if "chick" in X else {})
    folds, X = folds_of(name, X, y, is_regression), with_categories(X)
    with warnings.catch_warnings(), threadpool_limits(1):  # in small products, threads only wait for each other
        warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's MLP, after its 200 epochs
        warnings.simplefilter("ignore", FutureWarning)  # of LogisticRegressionCV, whose defaults change
        warnings.filterwarnings("ignore", "Columns .* hold no category that fit has seen")  # new chicks, on purpose
        return {peer: cross_validate(model, X, y, cv=folds, scoring=scoring) for peer, model in models.items()}


def is_clearly_best(peer, errors):
    """Whether a model's mean error is lower than each other's, by more than the folds' differences deviate."""
    more = [errors[other] - errors[peer] for other in errors if other != peer]
    return all(each.mean() > each.std() for each in more)


def cell(peer, errors):
    """Mean and standard deviation over the folds, marked where the model is clearly the best."""
    mean, deviation = errors[peer].mean(), errors[peer].std()
    digits = 1 if mean >= 10 else 2 if mean >= 1 else 3
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}" + "•" * is_clearly_best(peer, errors)


def show(name, cells, end=""):
    print((f"{name:<14}" + "".join(f"{text:<15}" for text in cells) + f"{end:>5}").rstrip(), flush=True)


try:
    import matplotlib.pyplot as plt
except ImportError:
    plt = None
    print("The picture needs Matplotlib: python -m pip install matplotlib")

names = list(TABLES) if "all" in sys.argv else [name for name in sys.argv[1:] if name in TABLES] or CHOSEN
print("\nMean error ± standard deviation over the folds; lower is better. The error is")
print("the log-loss for classes, the root mean squared error for numbers. •: lower than")
print("that of every other model, by more than the folds deviate.")
if names == CHOSEN:
    print("These tables are chosen to show what sknet is for. On others, a linear model")
    print("is as good.")
    print("For all nine tables, in about three minutes: python examples/quickstart.py all")
print()
show("", PEERS, "total")
found, seconds, start = {}, {peer: [] for peer in PEERS}, perf_counter()
for name in names:
    scores = cross_validated(name, *TABLES[name]())
    found[name] = {peer: -of["test_score"] for peer, of in scores.items()}
    show(name, [cell(peer, found[name]) for peer in PEERS], f"{perf_counter() - start:.0f} s")
    if "mixed model" in scores:
        show("  mixed model", [cell("mixed model", found[name])])
    for peer in PEERS:
        seconds[peer].extend(scores[peer]["fit_time"])
a_fit = {peer: f"{np.mean(seconds[peer]):.2f}" for peer in PEERS}
show("seconds a fit", a_fit.values())

lowest = [min(errors, key=lambda peer: errors[peer].mean()) for errors in found.values()].count("sknet")
clearly_best = [peer for errors in found.values() for peer in errors if is_clearly_best(peer, errors)]
ours, others = clearly_best.count("sknet"), len(clearly_best) - clearly_best.count("sknet")
print(f"\nsknet has the lowest error on {lowest} of {len(found)} lines, clearly (•) on {ours}, another model")
print(f"clearly on {others}; a fit takes {a_fit['sknet']} s, one of HistGB {a_fit['HistGB']} s.")
# sphinx_gallery_defer_figures

# %%
# The picture shows each mean, divided by the mean of the best model, with the standard deviation over the folds. If the
# dot of sknet is not at 1, another model is better.

if plt is None:
    sys.exit()

figure, errors = plt.subplots(figsize=(8, 4.8), layout="constrained")
COLOURS = dict(zip([*PEERS, "mixed model"], ["#14606b", "#c2571a", "#8a6fb0", "#7d8790", "#b8860b"], strict=True))
for place, (peer, colour) in enumerate(COLOURS.items()):
    names = [name for name in found if peer in found[name]]
    best = np.array([min(each.mean() for each in found[name].values()) for name in names])
    mean, deviation = (np.array([getattr(found[name][peer], of)() for name in names]) / best for of in ("mean", "std"))
    rows = np.array([list(found).index(name) for name in names]) + 0.15 * (place - 2)
    errors.errorbar(mean, rows, xerr=deviation, fmt="o", color=colour, ms=8 if peer == "sknet" else 6, label=peer, lw=1)
errors.set_yticks(range(len(found)), labels=list(found))
errors.set(xscale="log", xlim=(0.7, 8), xlabel="error, over the best model's (1 is best)", title="Default parameters")
errors.set_xticks([1, 1.5, 2, 3, 5], labels=["1", "1.5", "2", "3", "5"])
errors.minorticks_off()
errors.invert_yaxis()
errors.grid(axis="y", color="0.9")
errors.set_axisbelow(True)
errors.legend(frameon=False, loc="lower right")
errors.spines[["top", "right"]].set_visible(False)
for path in [path for path in sys.argv[1:] if path.endswith(".png")]:
    figure.savefig(path, dpi=110)
figure  # noqa: B018  the gallery shows it here
plt.show()
