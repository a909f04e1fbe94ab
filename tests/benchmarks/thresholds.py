"""Tables that are made so that a threshold decides: a classifier with steps, without, and LightGBM.

    python -W ignore -m tests.benchmarks.thresholds [--rows N ...] [--draws N]

Errors and log-losses are those on 20,000 other rows, geometric means over draws. LightGBM has its defaults.
"""

import argparse
from collections.abc import Callable

import numpy as np
from lightgbm import LGBMClassifier
from scipy.stats import gmean
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from sknet import SigmoidMLPClassifier

N_TEST = 20_000
RANGES = (30, 95, 170, 260, 330, 430)
MODELS: dict[str, Callable[[int], object]] = {
    "steps": lambda seed: SigmoidMLPClassifier(random_state=seed),
    "bins": lambda seed: SigmoidMLPClassifier(numeric_encoding="piecewise_linear", random_state=seed),
    "LightGBM": lambda seed: LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1),
}


def skewed(X: np.ndarray) -> np.ndarray:
    """A limit of a skewed value, as of a laboratory's."""
    X[:, 0] = np.exp(1.2 * X[:, 0])
    return np.where(X[:, 0] > 2.3, 0.93, 0.05)


def code(X: np.ndarray) -> np.ndarray:
    """Six ranges of a code from 0 to 499."""
    X[:, 0] = np.floor(500 * np.argsort(np.argsort(X[:, 0])) / len(X))
    return np.where(np.any([(X[:, 0] >= a) & (X[:, 0] < a + 25) for a in RANGES], axis=0), 0.95, 0.05)


def identity(X: np.ndarray) -> np.ndarray:
    """A class that is a limit of a column."""
    return (X[:, 0] > 0.5).astype(float)


def beside(X: np.ndarray) -> np.ndarray:
    """A limit beside two smooth effects, which decide as much."""
    z = 4.0 * (X[:, 0] > 0.7) - 1.0 + 1.2 * X[:, 1] + 0.8 * np.sin(2.0 * X[:, 2])
    return 1.0 / (1.0 + np.exp(-z))


def smooth(X: np.ndarray) -> np.ndarray:
    """No threshold at all."""
    return 1.0 / (1.0 + np.exp(-2.0 * X[:, 0] - X[:, 1] * X[:, 2]))


TABLES = {"skewed": skewed, "code": code, "identity": identity, "beside": beside, "smooth": smooth}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.thresholds", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[200, 1_000, 4_000])
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    print(f"{'table':10}{'rows':>7}  error and log-loss of " + ", ".join(MODELS))
    with threadpool_limits(1):
        for name in TABLES:
            for n in options.rows:
                scores = np.array(
                    [[compare(name, n, seed, make) for make in MODELS.values()] for seed in range(options.draws)]
                )
                means = gmean(scores + 1e-4, axis=0) - 1e-4
                print(f"{name:10}{n:7,d}  " + "  ".join(f"{error:.3f} {loss:.3f}" for error, loss in means), flush=True)


def compare(name: str, n: int, seed: int, make: Callable[[int], object]) -> tuple[float, float]:
    """Return a model's error and log-loss on a draw of a table."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + N_TEST, 5))
    y = rng.random(len(X)) < TABLES[name](X)
    probability = make(seed).fit(X[:n], y[:n]).predict_proba(X[n:])
    return float(np.mean(probability.argmax(axis=1) != y[n:])), float(log_loss(y[n:], probability))


if __name__ == "__main__":
    main()
