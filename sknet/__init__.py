"""Neural networks for tables: hand-written NumPy backpropagation behind scikit-learn's API."""

from sknet._estimators.callbacks import Checkpoint
from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.saving import load, save
from sknet._export.display import TrainingHistoryDisplay
from sknet._export.network_display import NetworkDisplay
from sknet._network.activations import Activation
from sknet._network.gradient_check import check_gradient
from sknet._network.losses import Interval, Loss
from sknet._storage.files import ModelFileError
from sknet._training.optimizers import Optimizer

__all__ = [
    "Activation",
    "Checkpoint",
    "Interval",
    "Loss",
    "ModelFileError",
    "NetworkDisplay",
    "Optimizer",
    "SigmoidMLPClassifier",
    "SigmoidMLPRegressor",
    "TrainingHistoryDisplay",
    "check_gradient",
    "load",
    "save",
]

for _name in __all__:  # pickles and messages name what is public, and no private module
    globals()[_name].__module__ = "sknet"
