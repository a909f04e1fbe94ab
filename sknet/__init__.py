"""Neural networks for tables: hand-written NumPy backpropagation behind scikit-learn's API."""

from sknet._estimators.checkpoint import Checkpoint
from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.regressor import SigmoidMLPRegressor

__all__ = ["Checkpoint", "SigmoidMLPClassifier", "SigmoidMLPRegressor"]
