"""The values that each parameter may have, by the registries. Only here are private names of scikit-learn imported."""

from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from numbers import Integral, Real
from typing import TypeAlias

import numpy as np
from sklearn.base import _fit_context
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import HasMethods, Interval, InvalidParameterError, Options, StrOptions

from sknet._estimators.keywords import refuse_unknown_keywords
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.initializers import CENTRED, INITIALIZERS
from sknet._network.losses import CLASSIFICATION_LOSSES, Loss
from sknet._network.regression import REGRESSION_LOSSES
from sknet._tables.encoding import SCALINGS
from sknet._training.optimizers import OPTIMIZERS, Optimizer
from sknet._training.schedules import SCHEDULES

Constraints: TypeAlias = dict[str, list[object]]

_rate = Interval(Real, 0, 1, closed="left")
_not_negative = Interval(Real, 0, None, closed="left")
_positive = Interval(Real, 0, None, closed="neither")
_count = Interval(Integral, 1, None, closed="left")
_auto = StrOptions({"auto"})

COMMON: Constraints = {
    "hidden_layer_sizes": ["array-like", _count, _auto],
    "activation": [StrOptions(set(ACTIVATIONS)), Activation, "array-like"],
    "depth": [_count],
    "n_members": [_count, _auto],
    "learning_rate_init": [_positive],
    "max_iter": [_count],
    "batch_size": [StrOptions({"auto", "proportional"}), _count],
    "solver": [StrOptions({*OPTIMIZERS, "lbfgs"}), Optimizer],
    "learning_rate": [StrOptions(set(SCHEDULES)), callable],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "early_stopping": ["boolean", StrOptions({"auto", "folds"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither"), HasMethods(["split", "get_n_splits"]), _auto],
    "scoring": [StrOptions({"loss", *get_scorer_names()}), callable],
    "n_iter_no_change": [_count, Options(Real, {np.inf}), _auto],  # infinity is no Integral
    "tol": [_not_negative, _auto],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
    "text_features": ["array-like", StrOptions({"auto"}), None],
    "max_categories": [_count, None],
    "category_encoding": [StrOptions({"one_hot", "target", "both", "auto"})],
    "text_components": [_count],
    "numeric_encoding": [StrOptions({"raw", "piecewise_linear", "auto"})],
    "n_bins": [Interval(Integral, 2, None, closed="left"), _auto],
    "input_scaling": [StrOptions({name for name in SCALINGS if name is not None}), None],
    "monotonic_cst": ["array-like", dict, None],
    "alpha": [_not_negative],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "weight_decay": [_not_negative, _auto],
    "dropout": [_rate, _auto, "array-like"],
    "max_norm": [_positive, None],
    "clip_norm": [_positive, _auto, None],
    "averaging": [_rate, _auto],
    "init": [StrOptions({*CENTRED, *INITIALIZERS}), callable, tuple],
    "warm_start": ["boolean"],
    "shuffle": ["boolean"],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "beta_1": [_rate],
    "beta_2": [_rate],
    "epsilon": [_positive],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "power_t": [_not_negative],
    "max_fun": [_count],
}

CLASSIFIER: Constraints = COMMON | {
    "loss": [StrOptions(set(CLASSIFICATION_LOSSES)), Loss],
    "class_weight": [dict, list, StrOptions({"balanced"}), None],
    "label_smoothing": [_rate, _auto],
    "temperature_scaling": ["boolean", _auto],
}

REGRESSOR: Constraints = COMMON | {
    "loss": [StrOptions(set(REGRESSION_LOSSES)), Loss],
    "quantile": [Interval(Real, 0, 1, closed="neither"), _auto, "array-like"],
    "huber_delta": [_positive, _auto],
    "tweedie_power": [Interval(Real, 1, 2, closed="neither"), _auto],
    "target_scaling": [StrOptions({"standard"}), None],
}

LOSSES = {*CLASSIFICATION_LOSSES, *REGRESSION_LOSSES}
"""The names of losses, which may be taken for the first positional argument."""

SIZES = ("hidden_layer_sizes", "depth")
"""Parameters that may be of any size here: the layers they ask for are compared with the free memory, later."""

LARGEST_INTEGER = 2**63
"""No size or count is an integer as large as this, and the largest of them have no float."""

MAY_BE_NUMBERS = {
    name
    for name, allowed in (CLASSIFIER | REGRESSOR).items()
    if any(isinstance(constraint, Interval) or constraint == "random_state" for constraint in allowed)
}
"""Parameters that may be numbers: scikit-learn's checks take True and False for the integers 1 and 0."""


def fit_context(method: Callable[..., object]) -> Callable[..., object]:
    """Decorate a method that trains: keywords and parameters are checked, scikit-learn's configuration is respected."""
    # True: what a fit calls of scikit-learn, a scorer's metric perhaps, does not check its parameters each time
    checked: Callable[..., object] = _fit_context(prefer_skip_nested_validation=True)(method)

    @wraps(method)
    def in_own_context(*args: object, **kwargs: object) -> object:
        # NumPy's errstate is a context variable, which a Ctrl-C may leave set as it is entered or left: in this copy
        # of the context alone
        return copy_context().run(checked, *args, **kwargs)

    # outermost, so that it sees the keywords before Python does
    return refuse_unknown_keywords(in_own_context)


__all__ = [
    "CLASSIFIER",
    "LARGEST_INTEGER",
    "LOSSES",
    "MAY_BE_NUMBERS",
    "REGRESSOR",
    "SIZES",
    "Constraints",
    "InvalidParameterError",
    "fit_context",
]
