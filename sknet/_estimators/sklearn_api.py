"""scikit-learn's API: its base classes with types, checked keywords, warnings at the user's line, and links to pages.

This is the only module that imports private names of scikit-learn.
"""

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from difflib import get_close_matches
from functools import wraps
from importlib.metadata import PackageNotFoundError, metadata
from inspect import signature
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

# --- typed base classes ----------------------------------------------------------------------------------------------


T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., object])
"""A method that a decorator returns with the same parameters and result."""

if TYPE_CHECKING:  # only types: scikit-learn has none
    from sknet._typing import Array, Table, Target

    Tags: TypeAlias = Any
    BaseCrossValidator: TypeAlias = Any
    BaseShuffleSplit: TypeAlias = Any

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def get_metadata_routing(self) -> Any: ...
        def __sklearn_tags__(self) -> Tags: ...
        def __sklearn_clone__(self) -> Self: ...

    class ClassifierMixin: ...

    class RegressorMixin: ...

    class TransformerMixin:
        def fit_transform(self, X: Table, y: Target = None, **fit_params: Any) -> Any: ...
        def set_output(self, *, transform: str | None = None) -> Self: ...

    class ClassNamePrefixFeaturesOutMixin:
        def get_feature_names_out(self, input_features: Any = None) -> Array: ...

    class CallbackSupportMixin:
        def set_callbacks(self, *callbacks: Any) -> Self: ...
        def _init_callback_context(self, *, max_subtasks: int) -> Any: ...

    def with_callbacks(method: Method) -> Method: ...

    def available_if(check: Callable[..., bool]) -> Callable[[Method], Method]: ...

else:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
    from sklearn.utils import Tags
    from sklearn.utils.metaestimators import available_if

    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # scikit-learn < 1.9 has no callbacks, so `set_callbacks` is absent

        class CallbackSupportMixin:
            """An empty replacement."""

        def with_callbacks(method: Method) -> Method:
            """Return the method unchanged."""
            return method


# --- unknown keywords and values -------------------------------------------------------------------------------------

PARAMETERS_ELSEWHERE = {
    **dict.fromkeys(["eval_set", "validation_data", "validation_set"], "X_val and y_val"),
    **dict.fromkeys(["epochs", "n_epochs", "iterations", "num_boost_round"], "max_iter"),
    **dict.fromkeys(["lr", "eta"], "learning_rate_init"),
    **dict.fromkeys(["cat_features", "categorical_feature", "categorical_columns"], "categorical_features"),
    **dict.fromkeys(["num_leaves", "max_leaves", "max_depth", "n_hidden", "hidden_units"], "hidden_layer_sizes"),
    **dict.fromkeys(["early_stopping_rounds", "patience"], "n_iter_no_change"),
    **dict.fromkeys(["reg_lambda", "lambda_l2", "l2_leaf_reg", "l2_regularization"], "alpha"),
    **dict.fromkeys(["seed", "random_seed"], "random_state"),
    "n_estimators": "max_iter, the number of epochs, or n_members, the number of networks",
    "n_jobs": "the environment variable OMP_NUM_THREADS, or n_jobs of a search",
    "callbacks": "set_callbacks(...)",
    **dict.fromkeys(["max_time", "time_limit"], "set_callbacks(TimeLimit(seconds))"),
    "validation_split": "validation_fraction",
    "dropout_rate": "dropout",
    "text_columns": "text_features",
    "n_layers": "depth",
    "monotone_constraints": "monotonic_cst",
    "interaction_constraints": "interaction_cst",
    "objective": "loss",
    "optimizer": "solver",
    "max_bin": "n_bins",
}
"""Names of parameters in other packages, and what does the same here, for hints in messages."""

VALUES_ELSEWHERE = {
    **dict.fromkeys(["mse", "l2", "squared_loss", "mean_squared_error"], "squared_error"),
    **dict.fromkeys(["mae", "l1", "mean_absolute_error"], "absolute_error"),
    **dict.fromkeys(["ce", "bce", "nll", "cross_entropy", "crossentropy", "logistic"], "log_loss"),
    **dict.fromkeys(["binary_crossentropy", "categorical_crossentropy", "binary_logloss", "multi_logloss"], "log_loss"),
    "pinball": "quantile",
    "swish": "silu",
    "linear": "identity",
    "adamw": "adam",
}
"""Names of values in other packages, and their names here, for hints in messages."""

MIN_SIMILARITY = 0.76
"""The least similarity, from 0 to 1, of a name to a known one that is suggested. "n_jobs" and "n_bins" have 0.67."""

MAX_NAMES_LISTED = 10
"""A message lists at most this many names."""


def check_keyword_names(function: str, keywords: Iterable[str], known: Iterable[str]) -> None:
    """Raise a TypeError for the first unknown keyword of `function`."""
    names = [name for name in known if name != "self"]
    for name in keywords:
        if name not in names:
            remedy = suggest_name(name, names, function)
            raise TypeError(f"{function} got an unexpected keyword argument {name!r}: {remedy}")


def suggest_name(name: str, known: Sequence[str], function: str) -> str:
    """Return a question about the known name that is probably meant, or else a list of the names of `function`."""
    near = PARAMETERS_ELSEWHERE.get(name) or next(
        iter(get_close_matches(name, known, n=1, cutoff=MIN_SIMILARITY)), None
    )
    if near and near.isidentifier() and near not in known:  # an argument of `fit` that the estimator itself takes
        near += f", a parameter of {function.split('.')[0]}"
    listed = ", ".join(known) if len(known) <= MAX_NAMES_LISTED else f"those of help({function})"
    return f"did you mean {near}?" if near else f"known are {listed}."


def suggest_value(value: str, known: Iterable[str]) -> str:
    """Return a hint at the known value that a str probably means, for a message; "" if there is none."""
    by_words = {_sorted_words(name): name for name in known}
    meant = VALUES_ELSEWHERE.get(value.lower())
    if meant not in by_words.values():
        near = get_close_matches(_sorted_words(value), by_words, n=1)
        meant = by_words[near[0]] if near else None
    return f" Did you mean {meant!r}?" if meant else ""


def _sorted_words(name: str) -> str:
    """Return a name with its words sorted, so that "flat_cosine" equals "cosine_flat"."""
    return "_".join(sorted(re.split(r"[\W_]+", name.lower())))


def with_checked_keywords(method: Callable[..., T]) -> Callable[..., T]:
    """Decorate a method so that errors for unknown or missing arguments name it, or its class if it is `__init__`."""
    expected = signature(method)
    suffix = "" if method.__name__ == "__init__" else f".{method.__name__}()"

    @wraps(method)
    def call(estimator: object, *args: object, **kwargs: object) -> T:
        name = type(estimator).__name__ + suffix
        check_keyword_names(name, kwargs, expected.parameters)
        try:
            expected.bind(estimator, *args, **kwargs)
        except TypeError as error:  # Python's message names the private class that defines the method
            raise TypeError(f"{name}: {error}.") from None
        return method(estimator, *args, **kwargs)

    call.__qualname__ = method.__name__  # for errors of scikit-learn's own wrapper of `transform`
    return call


def fit_context(method: Method) -> Method:
    """Decorate a method that trains: check keywords and parameters, and respect scikit-learn's configuration."""
    # True: scikit-learn's functions called by a fit, such as metrics, skip the check of their parameters
    checked: Callable[..., object] = _fit_context(prefer_skip_nested_validation=True)(method)

    @wraps(method)
    def in_own_context(*args: object, **kwargs: object) -> object:
        # NumPy's errstate is a context variable. A Ctrl-C while it is entered or left may leave it set, but only in
        # this copy of the context.
        return copy_context().run(checked, *args, **kwargs)

    # outermost, because Python itself would raise for an unknown keyword, with a message that is less helpful
    return cast(Method, with_checked_keywords(in_own_context))


# --- warnings at the user's line -------------------------------------------------------------------------------------

INTERNAL_PACKAGES = {"sknet", "sklearn"}
"""Packages whose lines are not the user's."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the user's line: the first stack frame that is neither in this package nor in scikit-learn."""
    frame = sys._getframe(1)
    level = 2
    while frame.f_globals.get("__name__", "").split(".")[0] in INTERNAL_PACKAGES and frame.f_back is not None:
        frame = frame.f_back
        level = level + 1
    warnings.warn(message, category, stacklevel=level)


# --- links to the documentation --------------------------------------------------------------------------------------


class DocumentationLinkMixin:
    """Links estimators to this package's documentation in notebooks, by attributes that scikit-learn reads."""

    _doc_link_module = "sknet"

    @property
    def _doc_link_template(self) -> str:
        """The address of the estimator's page, from the package's metadata; empty if the package is not installed."""
        try:
            urls = metadata("sknet-mlp").get_all("Project-URL") or []
        except PackageNotFoundError:
            return ""
        named = dict(url.split(", ", 1) for url in urls)  # each is "name, address"
        page = "api/generated/{estimator_module}.{estimator_name}.html"
        return named["Documentation"] + page if "Documentation" in named else ""


__all__ = [
    "BaseCrossValidator", "BaseEstimator", "BaseShuffleSplit", "CallbackSupportMixin",
    "ClassNamePrefixFeaturesOutMixin", "ClassifierMixin", "DocumentationLinkMixin", "HasMethods", "Interval",
    "InvalidParameterError", "Options", "RegressorMixin", "StrOptions", "Tags", "TransformerMixin", "available_if",
    "check_keyword_names", "fit_context", "suggest_value", "validate_parameter_constraints", "warn", "with_callbacks",
    "with_checked_keywords",
]  # fmt: skip
