"""
Prediction sets
===============

Where classes overlap, a single label claims more than the network knows. ``predict_set`` returns one class if the
network is sure, and several if it is not. With ``coverage=0.9``, expect the sets of nine in ten new rows or more to
contain their class, for rare classes as well.
"""

import matplotlib.pyplot as plt
import numpy as np

from sknet import SigmoidMLPClassifier

CENTRES = np.array([[-1.2, -0.5], [1.2, -0.5], [0.0, 0.9]])
COLOURS = np.array([[20, 96, 107], [194, 87, 26], [110, 80, 160]]) / 255.0


def draw(n, rng):
    y = rng.choice(3, size=n, p=[0.5, 0.4, 0.1])
    return CENTRES[y] + 0.8 * rng.normal(size=(n, 2)), y


X, y = draw(4000, np.random.default_rng(0))
X_new, y_new = draw(20_000, np.random.default_rng(1))
net = SigmoidMLPClassifier(32, max_iter=60, random_state=0).fit(X, y)

right = [np.mean(net.predict(X_new)[y_new == k] == k) for k in net.classes_]
print("predicted right, of each class:", *(f"{share:.0%}" for share in right))
for coverage in (0.8, 0.9, 0.99):
    sets = net.predict_set(X_new, coverage)
    shares = [sets[y_new == k, k].mean() for k in net.classes_]
    print(
        f"coverage={coverage}:",
        *(f"{share:.0%}" for share in shares),
        f"in {sets.sum(axis=1).mean():.2f} classes a row",
    )

# %%
# Sets grow with ``coverage``. Colours show the classes in the set at each place, mixed and pale for two classes, white
# for all three.

x, z = np.meshgrid(np.linspace(-4, 4, 300), np.linspace(-3.2, 3.6, 300))
plane = np.column_stack([x.ravel(), z.ravel()])
figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharey=True, layout="constrained")
for ax, coverage in zip(axes, (0.8, 0.9, 0.99), strict=True):
    sets = net.predict_set(plane, coverage).astype(float)
    size = sets.sum(axis=1, keepdims=True)
    mixed = 1.0 - (1.0 - sets @ COLOURS / size) * np.array([0.0, 0.6, 0.3, 0.0])[size.astype(int)]
    ax.imshow(mixed.reshape(*x.shape, 3), origin="lower", extent=(-4, 4, -3.2, 3.6), aspect="auto")
    for k in net.classes_:
        shown = X[:600][y[:600] == k]
        ax.plot(*shown.T, ".", ms=3, color=COLOURS[k], label=f"class {k}")
    ax.set(title=f"coverage={coverage}: {net.predict_set(X_new, coverage).sum(axis=1).mean():.2f} classes a row")
    ax.set(xlim=(-4, 4), ylim=(-3.2, 3.6))
axes[0].legend(loc="upper left", fontsize=8)
plt.show()
