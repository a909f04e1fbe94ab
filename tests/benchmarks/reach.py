"""Seconds to reach scikit-learn's final held-out loss: ours / those of its whole fit."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, ratio
from tests.benchmarks.networks import Shape, quietly

# scikit-learn fits as it comes (on standardised columns). Ours, of the same architecture, solver and activation, has
# the rate and the batch size that suit it, and a schedule that ends after that many epochs.
TABLES = {
    "digits": (lambda: load_digits(return_X_y=True), {"max_iter": 12, "learning_rate_init": 0.01, "batch_size": 64}),
    "30,000 x 50, 5 classes": (
        lambda: Shape((50, 100, 5), 200, 30_000, 1).data(),
        {"max_iter": 4, "learning_rate_init": 0.01, "batch_size": 200},
    ),
}


def figures(quick: bool) -> Iterator[Figure]:
    for name, (load, settings) in TABLES.items():
        X, y = load()
        parts = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
        ours = SigmoidMLPClassifier(
            100, solver="adam", learning_rate="cosine", early_stopping=False, random_state=0, **settings
        )
        theirs = make_pipeline(
            StandardScaler(), MLPClassifier(100, activation="logistic", max_iter=200, random_state=0)
        )
        rounds = [(run(ours, *parts), run(theirs, *parts)) for _ in range(1 if quick else 3)]
        seconds = np.array([[our[0], their[0]] for our, their in rounds])
        yield ratio(name, *seconds.T, "<= 0.125", f"held-out loss {rounds[0][0][1]:.4f}, theirs {rounds[0][1][1]:.4f}")


def run(model: object, X: np.ndarray, X_test: np.ndarray, y: np.ndarray, y_test: np.ndarray) -> tuple[float, float]:
    start = perf_counter()
    quietly(lambda: model.fit(X, y))()
    return perf_counter() - start, log_loss(y_test, model.predict_proba(X_test))
