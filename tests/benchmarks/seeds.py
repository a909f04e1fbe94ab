"""How much the prediction for a single row depends on `random_state`, and what makes it depend less.

    python -m tests.benchmarks.seeds

Fits the same rows with several seeds, and prints the standard deviation of a new row's prediction between seeds, as the
median of all new rows: in per cent of the mean prediction for the rates of made policies and the prices of
`houses.csv`, and in points of the probability of leaving for `customers.csv`. The error is the mean error of single
fits: Poisson deviance, absolute error and log-loss. Times are processor time, divided by that of the defaults.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, mean_absolute_error, mean_poisson_deviance
from sklearn.model_selection import KFold, train_test_split

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

DATA = Path(__file__).parents[2] / "examples" / "data"
N_SEEDS = 5
SETTINGS = {
    "defaults": {},
    "n_members=8": {"n_members": 8},
    "KFold(5)": {"validation_fraction": KFold(5, shuffle=True, random_state=0)},
    "both": {"n_members": 8, "validation_fraction": KFold(5, shuffle=True, random_state=0)},
}


def policies(settings: dict) -> tuple[Callable, Callable]:
    """8,000 policies, of which one in twelve has a claim: see `houses`."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1.0, 1.0, size=(8000, 8))
    years = rng.uniform(0.1, 1.0, size=8000)
    claims = rng.poisson(years * 0.12 * np.exp(np.sin(3.0 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * X[:, 3]))
    fitted, new = np.split(np.arange(8000), [6000])

    def predict(seed: int) -> np.ndarray:
        net = SigmoidMLPRegressor(loss="poisson", random_state=seed, **settings)
        net.fit(X[fitted], claims[fitted] / years[fitted], sample_weight=years[fitted])
        return net.predict(X[new])

    rates = claims[new] / years[new]
    return predict, lambda predicted: mean_poisson_deviance(rates, predicted, sample_weight=years[new])


def houses(settings: dict) -> tuple[Callable, Callable]:
    """Return a function that predicts new rows, given a seed, and one that returns the error of predictions."""
    table = pd.read_csv(DATA / "houses.csv", parse_dates=["sold"])
    X, X_new, y, y_new = train_test_split(table.drop(columns="price"), table["price"], test_size=0.4, random_state=0)

    def predict(seed: int) -> np.ndarray:
        return SigmoidMLPRegressor(loss="gamma", random_state=seed, **settings).fit(X, y).predict(X_new)

    return predict, lambda predicted: mean_absolute_error(y_new, predicted)


def customers(settings: dict) -> tuple[Callable, Callable]:
    """See `houses`."""
    table = pd.read_csv(DATA / "customers.csv")
    split = train_test_split(
        table.drop(columns="left"), table["left"], test_size=0.4, stratify=table["left"], random_state=0
    )
    X, X_new, y, y_new = split

    def predict(seed: int) -> np.ndarray:
        return SigmoidMLPClassifier(random_state=seed, **settings).fit(X, y).predict_proba(X_new)[:, 1]

    return predict, lambda predicted: log_loss(y_new, predicted)


def main() -> None:
    for table in (policies, houses, customers):
        print(f"{table.__name__:14s}{'deviation':>12s}{'error':>14s}{'seconds':>10s}{'time':>8s}")
        first = None
        for name, settings in SETTINGS.items():
            predict, error = table(settings)
            start = time.process_time()
            found = np.array([predict(seed) for seed in range(N_SEEDS)])
            seconds = (time.process_time() - start) / N_SEEDS
            first = first or seconds
            scale = 1.0 if table is customers else found.mean(axis=0)
            deviation = 100.0 * np.median(found.std(axis=0, ddof=1) / scale)
            mean_error = np.mean([error(predicted) for predicted in found])
            print(f"{name:14s}{deviation:12.2f}{mean_error:14.4f}{seconds:10.2f}{seconds / first:8.1f}", flush=True)


if __name__ == "__main__":
    main()
