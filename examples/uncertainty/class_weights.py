"""
Rare classes: weights
=====================

With a larger weight, the network finds more rows of a rare class, but raises more false alarms. Class weights multiply
the sample weights.

Run it with ``python examples/uncertainty/class_weights.py``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_classification
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_sample_weight

from sknet import SigmoidMLPClassifier


def main() -> None:
    X, y = make_classification(4000, 8, n_informative=5, weights=[0.95], class_sep=0.7, random_state=0)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    print(f"{y.mean():.0%} of the rows are of class 1")
    found, errors = {}, {}
    for class_weight in (None, {0: 1, 1: 5}, "balanced"):
        net = SigmoidMLPClassifier(20, class_weight=class_weight, max_iter=60, random_state=0).fit(X_train, y_train)
        found[str(class_weight)] = net
        (_, false_alarms), (missed, caught) = confusion_matrix(y_test, net.predict(X_test))
        errors[str(class_weight)] = missed, false_alarms
        print(f"  class_weight={class_weight}: caught {caught} of {caught + missed}, {false_alarms} false alarms")
    weight = compute_sample_weight("balanced", y_train)
    same = SigmoidMLPClassifier(20, max_iter=60, random_state=0).fit(X_train, y_train, sample_weight=weight)
    equal = (same.predict_proba(X_test) == found["balanced"].predict_proba(X_test)).all()
    print(f"'balanced' is the same, bit for bit, as those sample weights: {equal}")

    _, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
    missed, false_alarms = zip(*errors.values(), strict=True)
    ax.barh(list(errors), [-n for n in missed], color="#14606b", label="missed")
    ax.barh(list(errors), false_alarms, color="#c2571a", label="false alarms")
    ax.axvline(0, color="black", lw=0.8)
    ax.xaxis.set_major_formatter(lambda n, _: f"{abs(n):.0f}")
    ax.set(xlabel="rows of the test part", ylabel="class_weight")
    ax.invert_yaxis()
    ax.legend(frameon=False)
    plt.show()


if __name__ == "__main__":
    main()
