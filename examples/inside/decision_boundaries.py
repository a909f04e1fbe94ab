"""
Decision boundaries
===================

Which boundaries can a network draw between two classes? Without hidden layers, a line. With a few units, a curve. With
more units, many other shapes. The inputs of these networks are the numbers themselves: with bins, even a network
without hidden layers would draw a curve. The shades are probabilities.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import make_moons
from sklearn.inspection import DecisionBoundaryDisplay

from sknet import SigmoidMLPClassifier

X, y = make_moons(300, noise=0.2, random_state=0)
single_and_plain = {"n_members": 1, "numeric_encoding": "raw", "input_scaling": "standard"}
networks = {"no hidden layer": (), "8 units": (8,), "32 units": (32,), "3 layers of 32": (32, 32, 32)}
figure, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
for ax, (name, sizes) in zip(axes, networks.items(), strict=True):
    net = SigmoidMLPClassifier(sizes, max_iter=100, random_state=0, **single_and_plain).fit(X, y)
    print(f"{name}: accuracy {net.score(X, y):.2f}")
    DecisionBoundaryDisplay.from_estimator(
        net, X, response_method="predict_proba", plot_method="pcolormesh", grid_resolution=80, cmap="RdBu_r",
        vmin=0, vmax=1, alpha=0.8, class_of_interest=1, ax=ax,
    )  # fmt: skip
    ax.scatter(*X.T, c=y, cmap="RdBu_r", s=10, edgecolor="white", linewidth=0.4)
    ax.set(title=name, xticks=[], yticks=[])
plt.show()
