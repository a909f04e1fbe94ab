"""
Learning curves
===============

The same network learns from more and more rows. If the curves of training and test meet, more rows of the same kind
usually help little. If they are far apart, more rows may help a lot.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import LearningCurveDisplay

from sknet import SigmoidMLPClassifier

X, y = load_digits(return_X_y=True)
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
display = LearningCurveDisplay.from_estimator(
    SigmoidMLPClassifier(64, max_iter=40, random_state=0), X, y, train_sizes=[0.1, 0.25, 0.5, 1.0], cv=3,
    scoring="accuracy", score_name="accuracy", std_display_style="errorbar", ax=ax, shuffle=True, random_state=0,
)  # fmt: skip
for n_rows, scores in zip(display.train_sizes, display.test_scores, strict=True):
    print(f"{n_rows:4} rows: accuracy {scores.mean():.3f}")
ax.set_title("Digits")
plt.show()
