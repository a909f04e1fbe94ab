"""What each parameter may be. The one place for scikit-learn's private names."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, Options, StrOptions

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.initializers import INITIALIZERS
from sknet._network.losses import Loss

Constraints = dict[str, list[Any]]

SCHEDULES = ("constant", "invscaling", "adaptive", "cosine", "flat_cosine", "one_cycle", "coslog4")

_rate = Interval(Real, 0, 1, closed="left")
_not_negative = Interval(Real, 0, None, closed="left")
_positive = Interval(Real, 0, None, closed="neither")
_count = Interval(Integral, 1, None, closed="left")

COMMON: Constraints = {
    "hidden_layer_sizes": ["array-like", _count, str],  # a string is answered with a remedy of its own
    "activation": [StrOptions(set(ACTIVATIONS)), Activation, "array-like"],
    "depth": [_count],
    "solver": [StrOptions({"adam", "sgd", "rmsprop", "lbfgs"})],
    "alpha": [_not_negative],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "weight_decay": [_not_negative, StrOptions({"auto"})],
    "dropout": [_rate, "array-like"],
    "max_norm": [_positive, None],
    "clip_norm": [_positive, StrOptions({"auto"}), None],
    "batch_size": [StrOptions({"auto", "proportional"}), _count],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "learning_rate_init": [_positive],
    "power_t": [_not_negative],
    "max_iter": [_count],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_not_negative],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither"), HasMethods(["split", "get_n_splits"])],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable],
    "averaging": [_rate, StrOptions({"auto"})],
    "beta_1": [_rate],
    "beta_2": [_rate],
    "epsilon": [_positive],
    "n_iter_no_change": [_count, Options(Real, {np.inf})],
    "max_fun": [_count],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "input_scaling": [StrOptions({"robust", "standard"}), None],
    "init": [StrOptions({"auto", *INITIALIZERS}), callable, tuple],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
}

CLASSIFIER: Constraints = COMMON | {
    "dropout": [_rate, StrOptions({"auto"}), "array-like"],
    "loss": [StrOptions({"log_loss", "squared_error"}), Loss],
    "label_smoothing": [_rate, StrOptions({"auto"})],
    "temperature_scaling": ["boolean", StrOptions({"auto"})],
    "class_weight": [dict, list, StrOptions({"balanced"}), None],
}

REGRESSOR: Constraints = COMMON | {
    "loss": [
        StrOptions({"squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma"}),
        Loss,
    ],
    "huber_delta": [_positive],
    "quantile": [Interval(Real, 0, 1, closed="neither"), "array-like"],
    "target_scaling": [StrOptions({"standard"}), None],
}

fit_context: Callable[..., Any] = _fit_context(prefer_skip_nested_validation=True)
"""Decorates the methods that train: parameters are validated, and scikit-learn's configuration is respected."""

__all__ = ["CLASSIFIER", "REGRESSOR", "SCHEDULES", "Constraints", "InvalidParameterError", "fit_context"]
