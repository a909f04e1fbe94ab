"""Neural networks for tables: hand-written NumPy backpropagation behind scikit-learn's API."""

from sknet._estimators.checkpoint import Checkpoint
from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._network.activations import Activation
from sknet._network.gradients import check_gradient
from sknet._network.losses import Loss
from sknet._outlets.display import TrainingHistoryDisplay

__all__ = [
    "Activation",
    "Checkpoint",
    "Loss",
    "SigmoidMLPClassifier",
    "SigmoidMLPRegressor",
    "TrainingHistoryDisplay",
    "check_gradient",
]
