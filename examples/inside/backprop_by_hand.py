"""
Backpropagation by hand
=======================

About twenty lines of NumPy train a network of sigmoids. The estimator trains it from the same weights, and the losses
agree in every epoch, to the last digits. The page on backpropagation explains each line.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning

from sknet import SigmoidMLPClassifier

X, labels = make_moons(100, noise=0.15, random_state=0)
y = labels[:, np.newaxis]
rng = np.random.default_rng(0)
W1, b1 = rng.normal(size=(2, 8)), rng.normal(size=8)
W2, b2 = rng.normal(size=(8, 1)), np.zeros(1)
start = [W1.copy(), W2.copy()], [b1.copy(), b2.copy()]
RATE, EPOCHS = 2.0, 300


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


losses = []
for _ in range(EPOCHS):
    a1 = sigmoid(X @ W1 + b1)  # forward
    a2 = sigmoid(a1 @ W2 + b2)
    losses.append(-np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2)))
    delta2 = (a2 - y) / len(X)  # backward: dJ/dz of the output, then of the hidden units
    delta1 = delta2 @ W2.T * a1 * (1 - a1)
    W2 -= RATE * a1.T @ delta2  # a step against the gradient
    b2 -= RATE * delta2.sum(axis=0)
    W1 -= RATE * X.T @ delta1
    b1 -= RATE * delta1.sum(axis=0)

# %%
# The estimator, with everything turned off that the loop above does not do

net = SigmoidMLPClassifier(
    8, init=start, solver="sgd", momentum=0.0, learning_rate="constant", learning_rate_init=RATE, batch_size=len(X),
    max_iter=EPOCHS, tol=0.0, alpha=0.0, early_stopping=False, input_scaling=None, dtype="float64",
)  # fmt: skip
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter ends training while the loss still falls
    net.fit(X, labels)
print(f"loss by hand {losses[-1]:.10f}, of the estimator {net.loss_curve_[-1]:.10f}")
print(f"largest difference of a weight {max(abs(net.coefs_[0] - W1).max(), abs(net.coefs_[1] - W2).max()):.0e}")

# %%

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(losses, color="#14606b", lw=4, alpha=0.4, label="by hand")
ax.plot(net.loss_curve_, color="#c2571a", lw=1.2, ls="--", label="SigmoidMLPClassifier")
ax.set(xlabel="epoch", ylabel="log-loss")
ax.legend(frameon=False)
plt.show()
