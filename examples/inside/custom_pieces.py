"""
Your own activation and loss
============================

An activation consists of two functions, and so does a loss. ``check_gradient`` compares the derivative with finite
differences and says where it is wrong. The page ``docs/add_your_own.md`` explains both.

Run it with ``python examples/inside/custom_pieces.py``.
"""

import matplotlib.pyplot as plt
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
        print(f"  {' and '.join(names)}: R² {score:.3f}")

    z = np.linspace(-4, 4, 401)
    outputs, slopes = z.copy(), np.ones_like(z)
    softsign(outputs)
    softsign_backward(outputs, slopes)
    _, axes = plt.subplots(1, 2, figsize=(7.5, 3), layout="constrained")
    axes[0].plot(z, outputs, color="#14606b", label="softsign")
    axes[0].plot(z, slopes, "--", color="#c2571a", label="its derivative")
    for p in (1.0, 1.5, 2.0):
        axes[1].plot(z, Power(p).value(z[:, np.newaxis], 0.0), label=f"power {p}")
    axes[0].set(xlabel="z", title="An activation")
    axes[1].set(xlabel="error", title="A family of losses")
    for ax in axes:
        ax.legend(frameon=False)
    plt.show()


if __name__ == "__main__":
    main()
