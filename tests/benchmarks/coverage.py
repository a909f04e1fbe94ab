"""Whether quantiles cover what they say: the share of unseen targets below each, and inside each pair.

Cross-validated over ten seeds on scikit-learn's bundled diabetes table, and on three columns of its other tables, each
predicted from the rest: the alcohol of a wine, a tumour's texture and its symmetry.

    python -m tests.benchmarks.coverage [--seeds N] [--folds N]
"""

import argparse

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.model_selection import KFold, cross_val_predict

from sknet import SigmoidMLPRegressor

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """X and y of each table."""
    cancer, wine = load_breast_cancer().data, load_wine().data
    return {
        "diabetes": load_diabetes(return_X_y=True),
        "wine, alcohol": (wine[:, 1:], wine[:, 0]),
        "breast cancer, texture": (np.delete(cancer[:, :10], 1, axis=1), cancer[:, 1]),
        "breast cancer, symmetry": (np.delete(cancer[:, :10], 8, axis=1), cancer[:, 8]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--folds", type=int, default=10)
    options = parser.parse_args()
    print(f"{'':26s}" + "".join(f"{level:8.0%}" for level in LEVELS) + f"{'90% in':>10s}{'50% in':>8s}")
    for name, (X, y) in tables().items():
        shares = []
        for seed in range(options.seeds):
            net = SigmoidMLPRegressor(loss="quantile", quantile=LEVELS, random_state=seed)
            folds = KFold(options.folds, shuffle=True, random_state=seed)
            below = y[:, None] <= cross_val_predict(net, X, y, cv=folds)
            inside = [(below[:, 4] & ~below[:, 0]).mean(), (below[:, 3] & ~below[:, 1]).mean()]
            shares.append([*below.mean(axis=0), *inside])
        found = np.mean(shares, axis=0)
        print(
            f"{name:26s}" + "".join(f"{share:8.1%}" for share in found[:5]) + f"{found[5]:10.1%}{found[6]:8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
