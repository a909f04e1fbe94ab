"""Seconds to reach scikit-learn's final held-out loss: ours / those of its whole fit."""

from collections.abc import Iterator
from math import inf
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, ratio
from tests.benchmarks.networks import quietly

EPOCHS = 16

MADE = {"n_informative": 20, "n_redundant": 10, "n_classes": 5, "n_clusters_per_class": 3, "flip_y": 0.02}

TABLES = {
    "digits": lambda: load_digits(return_X_y=True),
    "30,000 x 50, 5 classes": lambda: make_classification(30_000, 50, **MADE, random_state=0),
}


def figures(quick: bool) -> Iterator[Figure]:
    """Both: 100 sigmoid units, Adam, defaults else; theirs on standardised columns, ours with 16 epochs to spend."""
    for name, load in TABLES.items():
        X, y = load()
        parts = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
        ours = SigmoidMLPClassifier(100, solver="adam", early_stopping=False, max_iter=EPOCHS, random_state=0)
        theirs = make_pipeline(
            StandardScaler(), MLPClassifier(100, activation="logistic", max_iter=200, random_state=0)
        )
        run(ours, *parts)
        rounds = [(run(ours, *parts), run(theirs, *parts)) for _ in range(1 if quick else 3)]
        seconds = np.array([[our[0], their[0]] for our, their in rounds])
        losses = [run_of[1] for run_of in rounds[0]]
        seconds[:, 0] += 0.0 if losses[0] <= losses[1] else inf
        yield ratio(name, *seconds.T, "<= 0.125", f"held-out loss {losses[0]:.4f}, theirs {losses[1]:.4f}")


def run(model: object, X: np.ndarray, X_test: np.ndarray, y: np.ndarray, y_test: np.ndarray) -> tuple[float, float]:
    start = perf_counter()
    quietly(lambda: model.fit(X, y))()
    return perf_counter() - start, log_loss(y_test, model.predict_proba(X_test))
