"""
Quickstart
==========

A raw table goes in, and nothing is tuned. First one table in a few lines, then every table that comes with this project
and with scikit-learn (but linnerud, of 20 rows with three targets), each with the scores of three other models beside
ours, also where they are better.

Run with ``python examples/quickstart.py``; the picture is drawn where Matplotlib is installed. Names of tables behind
it, ``chicks cars``, take these alone; the name of a file, ``picture.png``, keeps the picture.
"""

# %%
# One table
# ---------
#
# The first of the bundled tables by name: how far does a car go on a gallon? Numbers, a column of text, and missing
# values are taken as they are.

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
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
print(X_train.head(3))
print(f"R2 on rows that it has not seen: {model.score(X_test, y_test):.3f}")

# %%
# The peers
# ---------
#
# They get what they need. Boosted trees take columns of text as categories. A linear model, whose penalty is chosen by
# cross-validation, and scikit-learn's network get a pipeline that imputes, encodes and scales, and the network a scaled
# target. Everything else is each one's default.

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
# The model that a statistician would write for the chicks: a cubic of the age for all, and each diet's and each chick's
# deviation from it, shrunk as in a mixed model. Ridge regression chooses by cross-validation how much.


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
# Every table
# -----------
#
# Five folds. The smaller, the better: the log-loss for classes, the root mean squared error for numbers. Rows that
# belong together are held out together in a second row: chicks that no model has seen, and the years that come later.


def from_file(name, target, drop=()):
    table = pd.read_csv(DATA / f"{name}.csv").dropna(subset=[target])
    return table.drop(columns=[target, *drop]), table[target]


def bundled(load, **keywords):
    return load(return_X_y=True, as_frame=True, **keywords)


TABLES = {
    "cars": lambda: from_file("cars", "miles_per_gallon", drop=["name"]),
    "chicks": lambda: from_file("chicks", "weight_g"),
    "chicks, new ones": lambda: from_file("chicks", "weight_g"),
    "penguins": lambda: from_file("penguins", "species"),
    "weather": lambda: from_file("weather", "weather", drop=["date"]),
    "weather, later years": lambda: from_file("weather", "weather", drop=["date"]),
    "breast cancer": lambda: bundled(datasets.load_breast_cancer),
    "diabetes": lambda: bundled(datasets.load_diabetes, scaled=False),
    "digits": lambda: bundled(datasets.load_digits),
    "iris": lambda: bundled(datasets.load_iris),
    "wine": lambda: bundled(datasets.load_wine),
}


def folds_of(name, X, y, is_regression):
    if name == "chicks, new ones":
        return list(GroupKFold(5).split(X, y, X["chick"]))
    if name == "weather, later years":
        return list(TimeSeriesSplit(3, test_size=365).split(X))
    folds = (KFold if is_regression else StratifiedKFold)(5, shuffle=True, random_state=0)
    return list(folds.split(X, y))


def log_loss_of(labels):
    """A fold need not have every class: no fog was written down in the last year."""
    return make_scorer(log_loss, response_method="predict_proba", greater_is_better=False, labels=labels)


def cross_validated(name, X, y):
    """Return each peer's errors, one per fold."""
    is_regression = y.nunique() > 20
    scoring = "neg_root_mean_squared_error" if is_regression else log_loss_of(sorted(y.unique()))
    models = peers(is_regression) | ({"mixed model": mixed_model()} if name.startswith("chicks") else {})
    folds, X = folds_of(name, X, y, is_regression), with_categories(X)
    with warnings.catch_warnings(), threadpool_limits(1, "openmp"):  # threads of boosted trees wait for each other
        warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn's network, after its 200 epochs
        warnings.simplefilter("ignore", FutureWarning)  # of LogisticRegressionCV, whose defaults change
        return {name: -cross_val_score(peer, X, y, cv=folds, scoring=scoring) for name, peer in models.items()}


def cell(name, errors):
    """Mean and standard deviation over the folds, in bold where better than every other model beyond the deviation."""
    mine = errors[name]
    digits = 1 if mine.mean() >= 10 else 2 if mine.mean() >= 1 else 3
    text = f"{mine.mean():.{digits}f} ± {mine.std():.{digits}f}"
    others = [errors[other] - mine for other in errors if other != name]
    return f"**{text}**" if all(more.mean() > more.std() for more in others) else text


found, shown = {}, {}
for name in [name for name in sys.argv[1:] if name in TABLES] or TABLES:
    print(f"four models, five folds: {name}")  # a minute is long without a word
    X, y = TABLES[name]()
    found[name] = cross_validated(name, X, y)
    about = {"rows × columns": f"{len(X):,} × {X.shape[1]}", "measure": "error" if y.nunique() > 20 else "log-loss"}
    shown[name] = about | {peer: cell(peer, found[name]) for peer in found[name]}
print(pd.DataFrame(shown).T.fillna("").to_string())
# sphinx_gallery_defer_figures

# %%
# The same as a picture: each mean over that of the best, with the standard deviation over the folds. Where a dot of
# ours is not at 1, another model is better.

try:
    import matplotlib.pyplot as plt
except ImportError:
    print("The picture needs Matplotlib: python -m pip install matplotlib")
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
