"""
The training history
====================

Every fit keeps a history with one row per epoch and member. You choose the score of an epoch on the held-out rows: the
loss, a scorer of scikit-learn, or a function of your own.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss, make_scorer
from sklearn.model_selection import train_test_split

from sknet import SigmoidMLPClassifier, TrainingHistoryDisplay

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = SigmoidMLPClassifier(32, early_stopping=True, random_state=0).fit(X_train, y_train)
print(model.history_.drop(columns="seconds").iloc[::16].round(4).to_string())

# %%

TrainingHistoryDisplay.from_estimator(model, log_scale=True)
plt.show()

# %%
# Another score may choose another epoch.

brier = make_scorer(brier_score_loss, greater_is_better=False, response_method="predict_proba")
for name, scoring in {"loss": "loss", "roc_auc": "roc_auc", "a function": brier}.items():
    net = SigmoidMLPClassifier(32, early_stopping=True, scoring=scoring, max_iter=60, random_state=0)
    net.fit(X_train, y_train)
    print(f"scoring={name}: best epoch {net.best_epoch_} of {net.n_iter_}, accuracy {net.score(X_test, y_test):.3f}")
