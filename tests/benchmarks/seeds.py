"""How much the prediction for a single row depends on `random_state`, and what makes it depend less.

    python -m tests.benchmarks.seeds

Fits the same rows with several seeds, and prints the standard deviation of a new row's prediction between seeds, in the
middle of all new rows: in per cent of the mean price of `houses.csv`, and in points of the probability of leaving of
`customers.csv`. Times are processor time, divided by that of the defaults.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, mean_absolute_error
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

DATA = Path(__file__).parents[2] / "examples" / "data"
N_SEEDS = 5
SETTINGS = {"defaults": ("auto", False), "n_members=8": (8, False), "KFold(5)": ("auto", True), "both": (8, True)}


def by_seed(fit: Callable[[int], np.ndarray], y_new: pd.Series, loss: Callable[..., float]) -> tuple[np.ndarray, ...]:
    """Return the predictions, (seeds, rows), their mean loss, and the mean processor time of a fit."""
    start = time.process_time()
    found = np.array([fit(seed) for seed in range(N_SEEDS)])
    seconds = (time.process_time() - start) / N_SEEDS
    return found, np.mean([loss(y_new, predicted) for predicted in found]), seconds


def houses(n_members: int | str, with_folds: bool) -> tuple[float, float, float]:
    """Return the standard deviation in per cent of the mean prediction, the mean absolute error, and the seconds."""
    table = pd.read_csv(DATA / "houses.csv", parse_dates=["sold"])
    X, X_new, y, y_new = train_test_split(table.drop(columns="price"), table["price"], test_size=0.4, random_state=0)

    def fit(seed: int) -> np.ndarray:
        folds = KFold(5, shuffle=True, random_state=seed) if with_folds else "auto"
        net = SigmoidMLPRegressor(loss="gamma", n_members=n_members, validation_fraction=folds, random_state=seed)
        return net.fit(X, y).predict(X_new)

    found, error, seconds = by_seed(fit, y_new, mean_absolute_error)
    return 100.0 * np.median(found.std(axis=0, ddof=1) / found.mean(axis=0)), error, seconds


def customers(n_members: int | str, with_folds: bool) -> tuple[float, float, float]:
    """Return the standard deviation of the probability of leaving in points, the log-loss, and the seconds."""
    table = pd.read_csv(DATA / "customers.csv")
    X, X_new, y, y_new = train_test_split(
        table.drop(columns="left"), table["left"], test_size=0.4, stratify=table["left"], random_state=0
    )

    def fit(seed: int) -> np.ndarray:
        folds = StratifiedKFold(5, shuffle=True, random_state=seed) if with_folds else "auto"
        net = SigmoidMLPClassifier(n_members=n_members, validation_fraction=folds, random_state=seed)
        return net.fit(X, y).predict_proba(X_new)[:, 1]

    found, error, seconds = by_seed(fit, y_new, log_loss)
    return 100.0 * np.median(found.std(axis=0, ddof=1)), error, seconds


def main() -> None:
    for name, measure in {"houses": houses, "customers": customers}.items():
        print(f"{name:14s}{'deviation':>12s}{'error':>12s}{'seconds':>12s}{'time':>8s}")
        times = []
        for setting, (n_members, with_folds) in SETTINGS.items():
            deviation, error, seconds = measure(n_members, with_folds)
            times.append(seconds)
            print(f"{setting:14s}{deviation:12.2f}{error:12.4f}{seconds:12.2f}{seconds / times[0]:8.1f}", flush=True)


if __name__ == "__main__":
    main()
