"""
Weights and hidden features
===========================

This program shows the output of each layer and the gradient, uses hidden features as the input of another model, and
draws the pattern that each unit of the first layer detects in an image.

Run it with ``python examples/inside/hidden_features.py``.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sknet import SigmoidMLPClassifier


def main() -> None:
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    net = SigmoidMLPClassifier((40, 10), n_members=1, max_iter=60, random_state=0).fit(X_train, y_train)
    for layer, output in enumerate(net.activations(X_test)):
        print(f"layer {layer}: shape {output.shape}, from {output.min():.2f} to {output.max():.2f}")
    loss, coef_grads, _ = net.backpropagate(X_test, y_test)
    print(f"loss on the test rows {loss:.3f}, norm of its gradient {np.linalg.norm(coef_grads[0]):.4f} in layer 1")

    neighbours = KNeighborsClassifier(5)
    # in the middle of a pipeline, a network is fitted to the labels and passes its last hidden layer on
    on_features = make_pipeline(SigmoidMLPClassifier((40, 10), n_members=1, max_iter=60, random_state=0), neighbours)
    for name, model in (("64 pixels", neighbours), ("10 hidden features", on_features)):
        scores = cross_val_score(model, X, y, cv=3)
        print(f"nearest neighbours on {name}: accuracy {scores.mean():.3f}")

    figure, axes = plt.subplots(4, 10, figsize=(8, 3.6), layout="constrained")
    for ax, weights in zip(axes.flat, net.coefs_[0].T, strict=True):
        largest = np.abs(weights).max()
        ax.imshow(weights.reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
        ax.set_axis_off()
    figure.suptitle("The weights of the 40 units of the first layer: red pixels excite, blue ones inhibit")
    plt.show()


if __name__ == "__main__":
    main()
