"""
An activation and a loss of your own
====================================

An activation and a loss of your own, checked against finite differences, and what the check says of a mistake.

Run with ``python examples/inside/custom_pieces.py``. The page docs/add_your_own.md explains them.
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV

from sknet import Activation, Loss, SigmoidMLPRegressor, check_gradient


def softsign(z):
    z /= 1 + np.abs(z)


def softsign_backward(a, delta):
    delta *= (1 - np.abs(a)) ** 2


class Power:
    """|error|^p, for p between the absolute error, 1, and the squared error, 2."""

    def __init__(self, p: float) -> None:
        self.p = p

    def value(self, raw, target):
        return (np.abs(raw - target) ** self.p / self.p).mean(axis=1)

    def gradient(self, raw, target):
        error = raw - target
        return np.sign(error) * np.abs(error) ** (self.p - 1) / raw.shape[1]


def power_loss(p: float) -> Loss:
    pieces = Power(p)
    return Loss(f"power {p}", pieces.value, pieces.gradient)


SOFTSIGN = Activation("softsign", softsign, softsign_backward)


def main() -> None:
    for piece in (SOFTSIGN, power_loss(1.5)):
        print(f"{piece.name}: the derivative is off by {check_gradient(piece):.0e} at most")
    try:
        check_gradient(Activation("softsign", softsign, lambda a, delta: None))
    except ValueError as report:
        print("a derivative that was forgotten:", *str(report).splitlines()[:3], sep="\n  ")

    X, y = load_diabetes(return_X_y=True)
    grid = {"activation": ["sigmoid", SOFTSIGN], "loss": ["squared_error", power_loss(1.5)]}
    search = GridSearchCV(SigmoidMLPRegressor(20, max_iter=50, random_state=0), grid, cv=3).fit(X, y)
    for parameters, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        names = [getattr(value, "name", value) for value in parameters.values()]
        print(f"  {' and '.join(names)}: R2 {score:.3f}")


if __name__ == "__main__":
    main()
