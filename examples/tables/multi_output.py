"""
Several targets at once
=======================

A single network can predict several numbers, several labels that may be true together, or several columns of classes.
It learns only once what these targets share. If a target is missing in a row, the loss leaves it out.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_linnerud, make_multilabel_classification

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

exercises = load_linnerud(as_frame=True)
numbers = SigmoidMLPRegressor(16, max_iter=60, alpha=1.0, random_state=0).fit(exercises.data, exercises.target)
print("numbers:", exercises.target.columns.to_list(), numbers.predict(exercises.data)[0].round(1))

some = exercises.target.mask(np.arange(60).reshape(20, 3) % 7 == 0)  # a seventh was not measured
gaps = SigmoidMLPRegressor(16, max_iter=60, alpha=1.0, random_state=0).fit(exercises.data, some)
print("numbers, learnt with gaps:", gaps.predict(exercises.data)[0].round(1))

X, Y = make_multilabel_classification(600, 12, n_classes=4, random_state=0)
labels = SigmoidMLPClassifier(32, max_iter=40, random_state=0).fit(X[:450], Y[:450])
print("labels, each with a probability of its own:", labels.predict_proba(X[450:451]).round(2))

columns = np.array([["low", "red"], ["high", "red"], ["low", "blue"]])[np.arange(600) % 3]
X[:, 0] += 5 * (columns[:, 0] == "high")
X[:, 1] += 5 * (columns[:, 1] == "red")
classes = SigmoidMLPClassifier(32, max_iter=40, random_state=0).fit(X, columns)
print(
    "columns of classes:",
    [one.tolist() for one in classes.classes_],
    "right in all columns:",
    classes.score(X, columns),
)

# %%
# The probability of each label for rows that the network has not seen. Dots are the true labels.

figure, ax = plt.subplots(figsize=(8, 2.6), layout="constrained")
rows = 40
image = ax.imshow(labels.predict_proba(X[450 : 450 + rows]).T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
row, label = np.nonzero(Y[450 : 450 + rows])
ax.plot(row, label, "o", color="#c2571a", ms=5, mec="white")
ax.set(xlabel="row", yticks=range(4), yticklabels=[f"label {i}" for i in range(4)])
figure.colorbar(image, label="probability", pad=0.01)
plt.show()
