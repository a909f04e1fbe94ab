"""
Calibration curves
==================

If the network gives a class a probability of 0.8 in ten rows, eight of these rows should be of that class. sknet
corrects the probabilities by a temperature that it finds on held-out rows. Without early stopping, label smoothing and
temperature, a network that trains for long is far too confident. The default's curve follows the diagonal at both ends,
but is too steep between them. One temperature stretches or shrinks all raw outputs alike, so it cannot straighten every
curve.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier

X, y = make_classification(3000, 20, n_informative=6, flip_y=0.15, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=1000, random_state=0)
models = {
    "as it is by default": SigmoidMLPClassifier(random_state=0),
    "nothing held out": SigmoidMLPClassifier(early_stopping=False, random_state=0),
}
figure, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
for name, model in models.items():
    model.fit(X_train, y_train)
    print(f"{name}: log-loss {log_loss(y_test, model.predict_proba(X_test)):.3f}, temperature {model.temperature_:.2f}")
    CalibrationDisplay.from_estimator(model, X_test, y_test, n_bins=8, name=name, ax=ax)
plt.show()
