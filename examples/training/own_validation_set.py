"""
Your own validation set
=======================

Choose yourself the rows on which each epoch is evaluated. Pass them to ``fit``, or through a pipeline that also scales
them. Or hold out groups, so that all digits of a writer are on the same side.

Run it with ``python examples/training/own_validation_set.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier

STOPPING = {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 100, "random_state": 0}


def tell(what: str, net: SigmoidMLPClassifier) -> None:
    best = int(np.argmax(net.validation_scores_)) + 1
    print(f"{what}: {net.n_iter_} epochs, the best is number {best}, its score {net.best_validation_score_:.3f}")


def draw(nets: dict[str, SigmoidMLPClassifier]) -> None:
    _, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    for (name, net), width in zip(nets.items(), (5, 1.5, 1.5), strict=True):  # the first two are equal
        epochs, scores = range(1, net.n_iter_ + 1), net.validation_scores_
        (line,) = ax.plot(epochs, scores, lw=width, alpha=0.4 if width > 2 else 1, label=name)
        ax.plot(np.argmax(scores) + 1, max(scores), "o", color=line.get_color())
    ax.set(xlabel="epoch", ylabel="accuracy", title="On the rows you have chosen; the dots are the best epochs")
    ax.legend(frameon=False, loc="lower right")
    plt.show()


def main() -> None:
    X, y = load_digits(return_X_y=True)
    X_train, X_val, y_train, y_val = train_test_split(X, y, stratify=y, random_state=0)

    given = SigmoidMLPClassifier(50, scoring="accuracy", **STOPPING)
    tell("given to fit", given.fit(X_train, y_train, X_val=X_val, y_val=y_val))

    # In a pipeline the validation rows must go through the same steps as the training rows: `transform_input` says so.
    with sklearn.config_context(enable_metadata_routing=True):
        net = SigmoidMLPClassifier(50, scoring="accuracy", **STOPPING).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"])
        pipeline.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    tell("through a pipeline", pipeline["net"])

    # Groups: no writer's digits are on both sides (the writers are made up).
    writers = np.arange(len(y)) // 30
    net = SigmoidMLPClassifier(50, scoring="accuracy", validation_fraction=0.2, **STOPPING)
    tell("by writer", net.fit(X, y, groups=writers))
    draw({"given to fit": given, "through a pipeline": pipeline["net"], "by writer": net})


if __name__ == "__main__":
    main()
