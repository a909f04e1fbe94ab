"""Three hidden layers of 50: sigmoid against tanh and relu, scikit-learn's MLP beside them; 5 folds, several seeds.

python -m tests.benchmarks.depth
python -m tests.benchmarks.depth --seeds 1 --solver lbfgs
"""

import argparse
import warnings

import numpy as np
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier

TABLES = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
LAYERS = (50, 50, 50)


def accuracy(estimator, X, y, seed):
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    seeds = {name: seed for name in estimator.get_params() if name.endswith("random_state")}
    return cross_val_score(estimator.set_params(**seeds), X, y, cv=folds).mean()


def candidates(solver):
    for activation in ("sigmoid", "tanh", "relu"):
        yield activation, SigmoidMLPClassifier(LAYERS, activation, solver=solver)
    theirs = sklearn.neural_network.MLPClassifier(LAYERS, activation="logistic", solver=solver)
    yield "scikit-learn logistic", make_pipeline(StandardScaler(), theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--solver", default="adam")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    names = [name for name, _ in candidates(args.solver)]
    print(f"{'table':14}" + "".join(f"{name:>23}" for name in names) + f"{'sigmoid - best':>16}")
    for table, load in TABLES.items():
        X, y = load(return_X_y=True)
        means = {
            name: np.mean([accuracy(estimator, X, y, seed) for seed in range(args.seeds)])
            for name, estimator in candidates(args.solver)
        }
        gap = means["sigmoid"] - max(means["tanh"], means["relu"])
        print(f"{table:14}" + "".join(f"{means[name]:23.3f}" for name in names) + f"{gap:+16.3f}", flush=True)


if __name__ == "__main__":
    main()
