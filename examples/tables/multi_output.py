"""
Several targets at once
=======================

Several numbers, several labels that may be true together, several columns of classes: one network with an output for
each. What they need in common, it learns once.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_linnerud, make_multilabel_classification

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

exercises = load_linnerud(as_frame=True)
numbers = SigmoidMLPRegressor(16, max_iter=60, alpha=1.0, random_state=0).fit(exercises.data, exercises.target)
print("numbers:", exercises.target.columns.to_list(), numbers.predict(exercises.data)[0].round(1))

X, Y = make_multilabel_classification(600, 12, n_classes=4, random_state=0)
labels = SigmoidMLPClassifier(32, max_iter=40, random_state=0).fit(X[:450], Y[:450])
print("labels, each with a probability of its own:", labels.predict_proba(X[450:451]).round(2))

columns = np.array([["low", "red"], ["high", "red"], ["low", "blue"]])[np.arange(600) % 3]
X[:, 0] += 5 * (columns[:, 0] == "high")
X[:, 1] += 5 * (columns[:, 1] == "red")
classes = SigmoidMLPClassifier(32, max_iter=40, random_state=0).fit(X, columns)
print(
    "columns of classes:", [list(one) for one in classes.classes_], "right in all columns:", classes.score(X, columns)
)

# %%

figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
probabilities = labels.predict_proba(X[450:])
for label in range(4):
    ax.hist(probabilities[:, label], bins=20, range=(0, 1), histtype="step", lw=2, label=f"label {label}")
ax.set(xlabel="probability", ylabel="rows", title="Labels that may be true together")
ax.legend(frameon=False, ncols=4, loc="upper center", fontsize="small")
plt.show()
