"""What early stopping costs: accuracy with a held-out part, and without, on four small tables.

Ten seeds times five stratified folds on iris, wine, breast cancer and digits, scaled: each figure is the mean accuracy
on the folds left out. To hold rows out should lose less than .01.

    python -m tests.benchmarks.early_stopping [--seeds N] [--jobs N] [--peer]
"""

import argparse
import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier

TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
CLASSIC = dict(
    hidden_layer_sizes=(100,), alpha=1e-4, batch_size="auto", learning_rate="constant", learning_rate_init=1e-3,
    max_iter=200, beta_2=0.999, n_iter_no_change=10, validation_fraction=0.1, averaging=0.0,
)  # fmt: skip
SETTINGS = {
    "defaults": (SigmoidMLPClassifier, {}),
    "scikit-learn's settings": (SigmoidMLPClassifier, CLASSIC),
    "defaults, judged by accuracy": (SigmoidMLPClassifier, {"scoring": "accuracy"}),
}
PEER = {"scikit-learn": (MLPClassifier, {"activation": "logistic"})}


def accuracies(kind: type, parameters: dict, table: str, seed: int) -> np.ndarray:
    """Accuracy on five folds."""
    X, y = TABLES[table](return_X_y=True)
    net = make_pipeline(StandardScaler(), kind(**parameters, random_state=seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cross_val_score(net, X, y, cv=StratifiedKFold(5, shuffle=True, random_state=seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="scikit-learn's MLPClassifier, too")
    options = parser.parse_args()
    parallel = Parallel(n_jobs=options.jobs)
    print(f"{'':32s}{'table':16s}{'off':>8s}{'on':>8s}{'on - off':>10s}")
    for name, (kind, parameters) in (SETTINGS | (PEER if options.peer else {})).items():
        for table in TABLES:
            off, on = (
                np.mean(
                    parallel(
                        delayed(accuracies)(kind, parameters | {"early_stopping": early}, table, seed)
                        for seed in range(options.seeds)
                    )
                )
                for early in (False, True)
            )
            print(f"{name:32s}{table:16s}{off:8.4f}{on:8.4f}{on - off:+10.4f}", flush=True)


if __name__ == "__main__":
    main()
