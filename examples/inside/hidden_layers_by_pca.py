"""
Hidden layers by PCA
====================

Each hidden layer moves the classes of digits further apart. ``activations`` returns the output of every layer, and the
pictures show its first two principal components.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from sknet import SigmoidMLPClassifier

X, y = load_digits(n_class=6, return_X_y=True)
net = SigmoidMLPClassifier((32, 16), max_iter=40, random_state=0).fit(X[:700], y[:700])
figure, axes = plt.subplots(1, 3, figsize=(11, 3.7), layout="constrained")
names = ["pixels", "first hidden layer", "second hidden layer"]
for ax, output, name in zip(axes, net.activations(X[700:]), names, strict=False):
    points = PCA(2).fit_transform(output)
    print(f"{name}: classes apart by {silhouette_score(points, y[700:]):.2f} (silhouette)")
    drawn = ax.scatter(*points.T, c=y[700:], cmap="tab10", s=9, vmax=10)
    ax.set(title=name, xticks=[], yticks=[])
axes[-1].legend(*drawn.legend_elements(num=range(6)), title="digit", fontsize="small", loc="center left",
                bbox_to_anchor=(1, 0.5), frameon=False)  # fmt: skip
plt.show()
