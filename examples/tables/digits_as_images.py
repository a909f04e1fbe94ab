"""
Digits as images
================

Each pixel is a column. The pictures show digits that the network got wrong, with its answer and the probability that it
gave.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier

digits = load_digits()
X, y = digits.images.reshape(len(digits.images), -1), digits.target
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = SigmoidMLPClassifier(random_state=0).fit(X_train, y_train)
probabilities = model.predict_proba(X_test)
predicted = model.predict(X_test)
wrong = np.flatnonzero(predicted != y_test)
print(f"accuracy {model.score(X_test, y_test):.3f}: {len(wrong)} of {len(y_test)} are wrong")

# %%

shown = wrong[np.argsort(-probabilities[wrong].max(axis=1))][:8]
figure, axes = plt.subplots(2, 4, figsize=(7, 4.2), layout="constrained")
for ax in axes.flat:
    ax.set_axis_off()
for ax, row in zip(axes.flat, shown, strict=False):
    ax.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    ax.set_title(f"{y_test[row]}, taken for {predicted[row]}\n({probabilities[row].max():.0%} sure)", fontsize=9)
plt.show()
