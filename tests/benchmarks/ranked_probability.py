"""How good quantiles are: the continuous ranked probability score beside LightGBM's and CatBoost's quantile losses.

    python -m tests.benchmarks.ranked_probability [--tables N]

The score of a row is taken as twice the mean pinball loss of the levels .05, .10, …, .95; it is divided by the
target's standard deviation. A table's score is the mean over its test rows, a quarter of all. The tables of numbers
are those outside the lists that the defaults were chosen by, as `tests.benchmarks.tables` has them, the smallest ones
first. Beside the score are the shares of test targets below some levels, on average over tables.

Models have their own defaults. LightGBM has a model for each level, whose quantiles are sorted; CatBoost learns all
levels together.
"""

import argparse
import warnings
from collections.abc import Callable
from time import process_time

import numpy as np
import pandas as pd

from sknet import SigmoidMLPRegressor
from tests.benchmarks.tables import chosen, measure, sources
from tests.benchmarks.tables.models import categories, plain_names, with_text

LEVELS = np.arange(1, 20) / 20
SHOWN = (0.05, 0.25, 0.5, 0.75, 0.95)


def after_squared_error(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    return SigmoidMLPRegressor(random_state=0).fit(X, y).predict_quantiles(X_test, LEVELS)


def after_quantile_loss(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    net = SigmoidMLPRegressor(loss="quantile", quantile=tuple(LEVELS), random_state=0)
    return net.fit(X, y).predict_quantiles(X_test, LEVELS)


def lightgbm(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    from lightgbm import LGBMRegressor

    X, X_test = plain_names(X), plain_names(X_test)
    models = (
        LGBMRegressor(objective="quantile", alpha=level, random_state=0, n_jobs=1, verbose=-1) for level in LEVELS
    )
    return np.sort(np.column_stack([model.fit(X, y).predict(X_test) for model in models]), axis=1)


def catboost(X: pd.DataFrame, y: np.ndarray, X_test: pd.DataFrame) -> np.ndarray:
    from catboost import CatBoostRegressor

    levels = ",".join(f"{level:.2f}" for level in LEVELS)
    model = CatBoostRegressor(
        loss_function=f"MultiQuantile:alpha={levels}",
        cat_features=list(categories(X)),
        random_seed=0,
        thread_count=1,
        verbose=0,
        allow_writing_files=False,
    )
    return np.sort(model.fit(with_text(X), y).predict(with_text(X_test)), axis=1)


MODELS: dict[str, Callable[[pd.DataFrame, np.ndarray, pd.DataFrame], np.ndarray]] = {
    "sknet": after_squared_error,
    "sknet, quantile loss": after_quantile_loss,
    "LightGBM": lightgbm,
    "CatBoost": catboost,
}


def score(y: np.ndarray, quantiles: np.ndarray) -> float:
    error = y[:, np.newaxis] - quantiles
    return 2.0 * float(np.maximum(LEVELS * error, (LEVELS - 1.0) * error).mean()) / y.std()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, help="how many, the smallest ones first; default: all")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = chosen.drawn()
    names = found["name"][(found["task"] == "regression") & ~found["used"]]
    tables = sorted(map(sources.load, names), key=lambda data: data.X.size)[: options.tables]
    print(
        f"{len(tables)} tables: geometric mean of the scores, sknet's over the model's, shares below {SHOWN}, seconds"
    )
    of_sknet = np.ones(len(tables))
    for model, quantiles_of in MODELS.items():
        scores, shares, start = np.empty(len(tables)), np.empty((len(tables), len(LEVELS))), process_time()
        for i, data in enumerate(tables):
            train, test = measure.random_rows(data, 0)
            y = data.y.to_numpy(float)
            quantiles = quantiles_of(data.X.iloc[train], y[train], data.X.iloc[test])
            scores[i] = score(y[test], quantiles)
            shares[i] = (y[test, np.newaxis] <= quantiles).mean(axis=0)
        if model == "sknet":
            of_sknet = scores
        mean, ratio = (np.exp(np.log(values).mean()) for values in (scores, of_sknet / scores))
        shown = " ".join(f"{share:.3f}" for share in shares.mean(axis=0)[np.isin(LEVELS, SHOWN)])
        print(f"{model:22s} {mean:.4f} {ratio:.3f}   {shown}   {process_time() - start:.0f}", flush=True)


if __name__ == "__main__":
    main()
