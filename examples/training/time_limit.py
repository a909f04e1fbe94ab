"""
A time limit
============

The callback ``TimeLimit`` stops training before a time limit. At the end of each epoch, it asks whether
another epoch like the longest one would still end in time. If not, ``fit`` ends with a network that can predict.
The first epoch always runs.

Set ``early_stopping=True``, so that this is the network of the best epoch so far. By default, ``fit`` first trains
networks without a fold of the rows, to find the number of epochs. If it is stopped then, the estimator gets the members
of the first fold, joined.

Run it with ``python examples/training/time_limit.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier, TimeLimit


def main() -> None:
    X, y = make_classification(5_000, 20, n_informative=15, class_sep=0.7, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=2_000, random_state=0)
    _, ax = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    for seconds, color in {60.0: "#14606b", 0.6: "#6aa5ad", 0.2: "#c2571a"}.items():
        net = SigmoidMLPClassifier(early_stopping=True, verbose=2, random_state=0).set_callbacks(TimeLimit(seconds))
        net.fit(X_train, y_train)  # `verbose` prints why training has ended
        print(f"limit {seconds:g} s: {net.n_iter_} epochs, the best was number {net.best_epoch_},", end=" ")
        print(f"accuracy {net.score(X_test, y_test):.2f}\n")
        losses = -np.array(net.validation_scores_)
        ax.plot(np.arange(1, len(losses) + 1), losses, color=color, lw=1.5)
        ax.plot(len(losses), losses[-1], "o", color=color, label=f"limit {seconds:g} s: {len(losses)} epochs")
    ax.set(xlabel="epoch", ylabel="log-loss on held-out rows", title="Where each limit stopped training")
    ax.legend(frameon=False)
    plt.show()


if __name__ == "__main__":
    if hasattr(SigmoidMLPClassifier, "set_callbacks"):
        main()
    else:
        print("this scikit-learn has no callbacks; they came with version 1.9")
