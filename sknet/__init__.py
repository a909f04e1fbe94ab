"""Neural networks for tables: hand-written NumPy backpropagation behind scikit-learn's API."""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from sknet._display.contributions import ExplanationDisplay, ShapeFunctionDisplay
from sknet._display.history_and_network import NetworkDisplay, TrainingHistoryDisplay
from sknet._estimators.callbacks import Checkpoint, TimeLimit
from sknet._estimators.classifier import SigmoidMLPClassifier
from sknet._estimators.regressor import SigmoidMLPRegressor
from sknet._estimators.saving import load, save
from sknet._model.explain import Explanation
from sknet._network.activations import Activation
from sknet._network.check import check_gradient
from sknet._network.losses import Interval, Loss
from sknet._storage.files import ModelFileError
from sknet._training.optimizers import Optimizer

if TYPE_CHECKING:
    from sknet import dask as dask
    from sknet import export as export
    from sknet import stream as stream

__version__ = "0.1.0.dev0"

__all__ = [
    "Activation",
    "Checkpoint",
    "Explanation",
    "ExplanationDisplay",
    "Interval",
    "Loss",
    "ModelFileError",
    "NetworkDisplay",
    "Optimizer",
    "ShapeFunctionDisplay",
    "SigmoidMLPClassifier",
    "SigmoidMLPRegressor",
    "TimeLimit",
    "TrainingHistoryDisplay",
    "check_gradient",
    "load",
    "save",
]

# pickles and messages then name no private modules, but the inspect module finds the source of private names only
for _name in __all__:
    globals()[_name].__module__ = "sknet"

_LAZY_SUBMODULES = ("dask", "export", "stream")
"""Modules that `import sknet` does not load, because they import packages that most users do not need."""

_SKLEARN_CLASSES = ("MLPClassifier", "MLPRegressor")
"""Classes of scikit-learn that have another name here."""


def __getattr__(name: str) -> ModuleType:
    """Load a module when it is first used, as in `sknet.export.to_onnx`."""
    if name in _LAZY_SUBMODULES:
        return import_module(f"sknet.{name}")
    if name in _SKLEARN_CLASSES:  # `from sknet import …` would replace the message of an AttributeError
        raise ImportError(f"sknet has no {name}: its class is Sigmoid{name}. Import that one.")
    raise AttributeError(f"module 'sknet' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List all public names, including modules that are not loaded yet, for completion in an editor."""
    return sorted([*__all__, *_LAZY_SUBMODULES])
