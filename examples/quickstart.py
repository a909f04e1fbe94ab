"""
Quickstart: tune, fit, compare
==============================

The main job in three parts: tune a classifier, fit a regression, and learn from a raw table.

Run with ``python examples/quickstart.py``.
"""

from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

# A rate that falls along a cosine: training ends with its last epoch, after a hundred passes over the rows.
TRAINING = {"learning_rate": "cosine", "learning_rate_init": 0.01, "max_iter": 100, "random_state": 0}


def tune_a_classifier() -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    pipeline = make_pipeline(StandardScaler(), SigmoidMLPClassifier(**TRAINING))
    grid = {
        "sigmoidmlpclassifier__hidden_layer_sizes": [(20,), (50, 50)],
        "sigmoidmlpclassifier__alpha": [0.0001, 1.0],
    }
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3).fit(X_train, y_train)
    print("Breast cancer: a grid search over a pipeline")
    for name, value in search.best_params_.items():
        print(f"  best {name.split('__')[1]}: {value}")
    print(f"  test accuracy {search.best_estimator_.score(X_test, y_test):.3f}")
    print(f"  test log-loss {log_loss(y_test, search.predict_proba(X_test)):.3f}")


def fit_a_regression() -> None:
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model = SigmoidMLPRegressor(**TRAINING).fit(X_train, y_train)
    print("Diabetes: a regression in the units of the table")
    print(f"  test R2 {model.score(X_test, y_test):.3f}")
    print(f"  test mean absolute error {mean_absolute_error(y_test, model.predict(X_test)):.1f}")


def learn_from_a_raw_table() -> None:
    penguins = pd.read_csv(Path(__file__).parent / "data" / "penguins.csv")
    X, y = penguins[["island", "bill_length_mm", "flipper_length_mm", "body_mass_g", "sex"]], penguins["species"]
    scores = cross_val_score(SigmoidMLPClassifier(**TRAINING), X, y, cv=5)
    print("Penguins: text columns and missing values as they are")
    print(f"  missing values {X.isna().sum().sum()}, text columns {X.select_dtypes(exclude='number').columns.tolist()}")
    print(f"  accuracy in five folds {scores.mean():.3f} +- {scores.std():.3f}")


if __name__ == "__main__":
    tune_a_classifier()
    fit_a_regression()
    learn_from_a_raw_table()
