"""
The training history, and what stops training
=============================================

The training history, and what a choice of the stopping metric changes.

Run with ``python examples/training/validation_curve.py``; with a file name behind it, the curves go to that file.
"""

import sys

from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss, make_scorer
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier

SCORINGS = {
    "loss": "loss",
    "roc_auc": "roc_auc",
    "a function": make_scorer(brier_score_loss, greater_is_better=False, response_method="predict_proba"),
}


def draw(history, file: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    axes = history[["loss", "validation_loss"]].plot(ylabel="loss", title="Breast cancer")
    axes.figure.savefig(file)
    print(f"drawn to {file}")


def main(file: str | None = None) -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    for name, scoring in SCORINGS.items():
        net = SigmoidMLPClassifier(
            30, scoring=scoring, early_stopping=True, validation_fraction=0.2, max_iter=60, random_state=0
        ).fit(X_train, y_train)
        best = net.history_["validation_score"].idxmax()
        print(f"scoring={name}: best epoch {best} (the first is 0), test accuracy {net.score(X_test, y_test):.3f}")
        if name == "loss":
            history = net.history_
    print(history.drop(columns="seconds").iloc[::10].round(4).to_string())
    if file:
        draw(history, file)


if __name__ == "__main__":
    main(*sys.argv[1:2])
