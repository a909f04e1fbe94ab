"""Smooth functions of a few columns: a Gaussian process, sknet and CatBoost.

    python -W ignore -m tests.benchmarks.gaussian_process [--models NAME ...] [--seeds N]

Three functions without noise: Branin (2 columns), a surface like Arrhenius' law (3) and Hartmann's (6). Noise of 5% of
the function's standard deviation is added to the training rows. The error is the RMSE to the function without noise on
2,000 new rows, in percent of this standard deviation: the mean over seeds. In brackets is the processor time of the
fits, divided by that of the first model.

The Gaussian process has a Matérn kernel (5/2) with a length for each column, white noise and two restarts, and gets
scaled columns. The group `tables` of pyproject.toml has CatBoost.
"""

import argparse
import os
from collections.abc import Callable
from importlib.metadata import version
from time import process_time

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # read once, when NumPy is imported

import numpy as np  # noqa: E402
from sklearn.base import BaseEstimator  # noqa: E402
from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: E402
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from sknet import SigmoidMLPRegressor  # noqa: E402
from tests.benchmarks.harness import machine  # noqa: E402
from tests.benchmarks.tables.measure import commit  # noqa: E402

ROWS = (60, 200, 1000)
NOISE = 0.05


def branin(U: np.ndarray) -> np.ndarray:
    a, b = 15.0 * U[:, 0] - 5.0, 15.0 * U[:, 1]
    curve = b - 5.1 / (4.0 * np.pi**2) * a**2 + 5.0 / np.pi * a - 6.0
    return curve**2 + 10.0 * (1.0 - 1.0 / (8.0 * np.pi)) * np.cos(a) + 10.0


def arrhenius(U: np.ndarray) -> np.ndarray:
    """Return the share that reacts: by the temperature (K), the logarithm of the time, and the concentration."""
    temperature, time, concentration = 600.0 + 400.0 * U[:, 0], np.exp(4.0 * U[:, 1]), 0.2 + 0.8 * U[:, 2]
    rate = np.exp(12.0 - 12_000.0 / temperature)
    return 1.0 - np.exp(-rate * time * concentration**1.5)


def hartmann(U: np.ndarray) -> np.ndarray:
    scales = np.array([
        [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]
    ])  # fmt: skip
    centers = np.array([
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ])  # fmt: skip
    distances = (scales * (U[:, None, :] - centers) ** 2).sum(axis=2)
    return -np.exp(-distances) @ np.array([1.0, 1.2, 3.0, 3.2])


FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "Branin": (branin, 2), "Arrhenius": (arrhenius, 3), "Hartmann": (hartmann, 6)
}  # fmt: skip


def sknet(seed: int, n_columns: int) -> BaseEstimator:
    return SigmoidMLPRegressor(random_state=seed)


def gaussian_process(seed: int, n_columns: int) -> BaseEstimator:
    kernel = ConstantKernel() * Matern(np.ones(n_columns), nu=2.5) + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=2, random_state=seed)
    return make_pipeline(StandardScaler(), process)


def catboost(seed: int, n_columns: int) -> BaseEstimator:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(random_state=seed, verbose=False, thread_count=1, allow_writing_files=False)


MODELS = {"sknet": sknet, "Gaussian process": gaussian_process, "CatBoost": catboost}


def error(
    model: BaseEstimator, function: Callable[[np.ndarray], np.ndarray], n_columns: int, rows: int, seed: int
) -> tuple[float, float]:
    """Return the error in percent, and the seconds of the fit."""
    rng = np.random.default_rng(seed)
    X, X_new = rng.uniform(size=(rows, n_columns)), rng.uniform(size=(2000, n_columns))
    truth = function(X_new)
    scale = truth.std()
    y = function(X) + rng.normal(scale=NOISE * scale, size=rows)
    start = process_time()
    model.fit(X, y)
    seconds = process_time() - start
    return 100.0 * np.sqrt(np.mean((model.predict(X_new) - truth) ** 2)) / scale, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("\n".join(f"{key}: {value}" for key, value in machine().items()))
    print(f"catboost {version('catboost')}; sknet at {commit()}", flush=True)
    print("| function, columns | rows |", " | ".join(options.models), "|", flush=True)
    print("|---|---:|" + "---:|" * len(options.models))
    for name, (function, n_columns) in FUNCTIONS.items():
        for rows in ROWS:
            means = []
            for model in options.models:
                runs = [error(MODELS[model](s, n_columns), function, n_columns, rows, s) for s in range(options.seeds)]
                means.append(np.mean(runs, axis=0))
            cells = [f"{percent:.1f} ({seconds / means[0][1]:.2g})" for percent, seconds in means]
            print(f"| {name}, {n_columns} | {rows:,} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
