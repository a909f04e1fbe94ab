"""`predict` of a classifier, sigmoid units, float64 arrays: scikit-learn's time / ours."""

from collections.abc import Iterator

import numpy as np
from sklearn.neural_network import MLPClassifier

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.benchmarks.networks import FIXED, Task, quietly


def figures(quick: bool) -> Iterator[Figure]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100_000 if quick else 1_000_000, 50))
    for n_classes in (2, 10):
        y = np.argsort(np.argsort(X[:5000, 0] + X[:5000, 1])) * n_classes // 5000
        models = {
            "scikit-learn": MLPClassifier(100, activation="logistic", max_iter=2, random_state=0),
            "ours": SigmoidMLPClassifier(100, max_iter=2, batch_size=200, random_state=0, **FIXED),
        }
        for model in models.values():
            quietly(lambda model=model, y=y: model.fit(X[:5000], y))()
        for what, rows, times, rounds, target in (
            ("one row", 1, 100, 15, ">= 1.2"),
            (f"{len(X):,} x 50", len(X), 1, 3, ">= 3"),
        ):
            seconds = in_turns({name: predictions(model, X[:rows], times) for name, model in models.items()}, rounds)
            yield ratio(f"{what}, {n_classes} classes", seconds["scikit-learn"], seconds["ours"], target)


def predictions(model: object, X: np.ndarray, times: int) -> Task:
    def task() -> None:
        for _ in range(times):
            model.predict(X)

    return task
