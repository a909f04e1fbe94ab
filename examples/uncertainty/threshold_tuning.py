"""
Rare classes: the threshold
===========================

A missed fraud costs 20, a false alarm 1. The network predicts the probability of a fraud. You can tune the probability
at which an alarm is raised, without training again.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import confusion_matrix, make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from sknet import SigmoidMLPClassifier

X, y = make_classification(3000, 8, n_informative=5, weights=[0.95], class_sep=0.8, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def gain(y, predicted):
    (_, false_alarms), (missed, _) = confusion_matrix(y, predicted)
    return -(20 * missed + false_alarms) / len(y)


net = SigmoidMLPClassifier(32, max_iter=40, random_state=0).fit(X_train, y_train)
tuned = TunedThresholdClassifierCV(
    SigmoidMLPClassifier(32, max_iter=40, random_state=0), scoring=make_scorer(gain), cv=3, store_cv_results=True
).fit(X_train, y_train)
print(f"at 0.50: cost per row {-gain(y_test, net.predict(X_test)):.3f}")
print(f"at {tuned.best_threshold_:.2f}: cost per row {-gain(y_test, tuned.predict(X_test)):.3f}")

# %%
# Because the probabilities are calibrated, the best threshold is close to 1 / (1 + 20), which theory gives for these
# costs.

probability = net.predict_proba(X_test)[:, 1]
thresholds = np.linspace(0.005, 0.95, 100)
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
ax.plot(thresholds, [-gain(y_test, probability > threshold) for threshold in thresholds], color="#14606b")
ax.axvline(tuned.best_threshold_, color="#c2571a", ls="--", label=f"tuned: {tuned.best_threshold_:.2f}")
ax.axvline(1 / 21, color="0.4", ls=":", label="theory: 1/21")
ax.set(xlabel="threshold", ylabel="cost per row (test)", ylim=(0, None))
ax.legend(frameon=False)
plt.show()
