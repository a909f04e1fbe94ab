"""
Regularisers compared
=====================

Dropout, penalties, norm limits, label smoothing and early stopping keep a network from learning noise. The further the
losses of training and test are apart, the more noise a network has learnt.

Run it with ``python examples/training/regularisers.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier

REGULARISERS = {
    "none": {},
    "dropout=0.5": {"dropout": 0.5},
    "alpha=10": {"alpha": 10.0},
    "l1_ratio=1, lbfgs": {"alpha": 3.0, "l1_ratio": 1.0, "solver": "lbfgs", "max_iter": 1000, "tol": 0.01},
    "weight_decay=0.3": {"weight_decay": 0.3},
    "max_norm=0.5": {"max_norm": 0.5},
    "label_smoothing=0.2": {"label_smoothing": 0.2},
    "early_stopping=True": {"early_stopping": True, "validation_fraction": 0.2},
}


def main() -> None:
    X, y = make_classification(600, 40, n_informative=6, flip_y=0.1, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    plain = {"alpha": 0.0, "weight_decay": 0.0, "early_stopping": False, "averaging": 0.0, "max_iter": 100}
    plain["n_members"] = 1  # of two that are joined, the weights between them are 0
    found = {}
    print(f"{'':22}  loss in training  loss in test  weights that are 0")
    for name, parameters in REGULARISERS.items():
        net = SigmoidMLPClassifier(50, activation="relu", random_state=0, **plain | parameters)
        net.fit(X_train, y_train)
        losses = [log_loss(y, net.predict_proba(X)) for X, y in ((X_train, y_train), (X_test, y_test))]
        zeros = np.mean(np.concatenate([W.ravel() for W in net.coefs_]) == 0)
        print(f"{name:22}  {losses[0]:16.3f}  {losses[1]:12.3f}  {zeros:18.0%}")
        found[name] = losses

    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for row, (training, test) in enumerate(found.values()):
        ax.plot([training, test], [row, row], color="0.8", lw=2, zorder=0)
        ax.plot(training, row, "o", color="#14606b", label=None if row else "in training")
        ax.plot(test, row, "D", color="#c2571a", label=None if row else "in test")
    ax.set(xlabel="log-loss", yticks=range(len(found)), yticklabels=found)
    ax.invert_yaxis()
    ax.legend(frameon=False)
    plt.show()


if __name__ == "__main__":
    main()
