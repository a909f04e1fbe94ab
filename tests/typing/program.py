"""A user's program. `mypy` checks it as strictly as the package, and so finds what a user's own checker would find."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.datasets import load_diabetes, load_iris

import sknet
from sknet import Activation, Explanation, SigmoidMLPClassifier, SigmoidMLPRegressor, check_gradient

Floats = npt.NDArray[np.float64]


def sine(z: Floats) -> None:
    np.sin(z, out=z)


def times_cosine(z: Floats, delta: Floats) -> None:
    delta *= np.cos(z)


def fitted(X: pd.DataFrame, y: "pd.Series[float]") -> SigmoidMLPRegressor:
    model = SigmoidMLPRegressor(hidden_layer_sizes=(8, 4), max_iter=5, monotonic_cst={"bmi": 1}, random_state=0)
    return model.set_params(alpha=0.5).fit(X, y)


def main(path: Path) -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = fitted(X, y)
    explanation: Explanation = model.explain(X)
    epochs: int = model.n_iter_
    inputs: pd.DataFrame = model.inputs_
    intervals: Floats = model.predict_interval(X, coverage=0.9)
    print(explanation.importance().index[0], intervals.shape, epochs, len(inputs), model.get_params()["alpha"])

    activation = Activation("sine", sine, times_cosine, keeps="input")
    print(check_gradient(activation) < 1e-6)
    flowers, labels = load_iris(return_X_y=True)
    classifier = SigmoidMLPClassifier(activation=activation, max_iter=5, early_stopping="folds", random_state=0)
    probabilities = np.asarray(classifier.fit(flowers, labels).predict_proba(flowers))
    print(classifier.classes_, probabilities.shape, classifier.predict_set(flowers, coverage=0.9).shape)

    sknet.save(model, path)
    print(type(sknet.load(path)).__name__, sknet.load(path).score(X, y) == model.score(X, y))
