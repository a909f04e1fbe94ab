"""How far a model's loss and coverage on `X_val` are from those on new rows: these rows have chosen the epoch.

Tables of five normal columns, 200 training rows, a target that depends on two of the columns, and noise.

    python -m tests.benchmarks.own_validation [--draws N]
"""

import argparse

import numpy as np

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

N_TRAIN, N_NEW = 200, 2000
ROWS_HELD_OUT = (14, 30, 75, 150, 300, 1000)


def draw(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """X and a number as y."""
    X = rng.normal(size=(n, 5))
    return X, X[:, 0] + np.sin(2.0 * X[:, 1]) + rng.normal(size=n)


def compare(n_held_out: int, seed: int) -> tuple[float, float, float, float]:
    """Loss of `X_val` over that of new rows, of a regressor and a classifier; coverage for .8 and for .9."""
    rng = np.random.default_rng(seed)
    (X, y), (X_val, y_val), (X_new, y_new) = (draw(n, rng) for n in (N_TRAIN, n_held_out, N_NEW))
    number = SigmoidMLPRegressor(random_state=seed).fit(X, y, X_val=X_val, y_val=y_val)
    label = SigmoidMLPClassifier(random_state=seed).fit(X, y > 0.0, X_val=X_val, y_val=y_val > 0.0)

    def losses(X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        p = label.predict_proba(X)[np.arange(len(y)), (y > 0.0).astype(int)]
        return float(np.mean((number.predict(X) - y) ** 2)), float(-np.log(p).mean())

    def covered(coverage: float) -> float:
        low, high = number.predict_interval(X_new, coverage).T
        return float(np.mean((low <= y_new) & (y_new <= high)))

    own, new = losses(X_val, y_val), losses(X_new, y_new)
    return own[0] / new[0], own[1] / new[1], covered(0.8), covered(0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=40)
    draws = parser.parse_args().draws
    print(
        f"{'rows of X_val':>14s}{'squared error':>18s}{'log-loss':>18s}{'covered, of .8':>18s}{'covered, of .9':>18s}"
    )
    for n in ROWS_HELD_OUT:
        found = np.array([compare(n, seed) for seed in range(draws)])
        mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / draws**0.5
        print(f"{n:14d}" + "".join(f"{m:10.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True)), flush=True)


if __name__ == "__main__":
    main()
