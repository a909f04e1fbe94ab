"""Constraints on parameters, and errors for unknown keywords and values, with the nearest known name.

This is the only module that imports private names of scikit-learn.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

import numpy as np
from sklearn.base import _fit_context
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from sknet._estimators.sklearn_types import Method
from sknet._network.losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from sknet._tables.read import suggest_fraction

# --- unknown keywords and values -------------------------------------------------------------------------------------

T = TypeVar("T")

NAMES_ELSEWHERE = {
    **dict.fromkeys(["eval_set", "validation_data", "validation_set"], "X_val and y_val"),
    **dict.fromkeys(["epochs", "n_epochs"], "max_iter"),
    **dict.fromkeys(["lr", "eta"], "learning_rate_init"),
}
"""Names of parameters in other packages, and their names here."""

VALUES_ELSEWHERE = {
    **dict.fromkeys(["mse", "l2", "squared_loss", "mean_squared_error"], "squared_error"),
    **dict.fromkeys(["mae", "l1", "mean_absolute_error"], "absolute_error"),
    **dict.fromkeys(["ce", "bce", "nll", "cross_entropy", "crossentropy", "logistic"], "log_loss"),
    "pinball": "quantile",
    "swish": "silu",
    "linear": "identity",
    "adamw": "adam",
}
"""Names of values in other packages, and their names here."""

MAX_NAMES_LISTED = 10
"""A message lists at most this many names."""


def check_keyword_names(function: str, keywords: Iterable[str], known: Iterable[str]) -> None:
    """Raise a TypeError for the first unknown keyword of `function`."""
    names = [name for name in known if name != "self"]
    for name in keywords:
        if name not in names:
            near = NAMES_ELSEWHERE.get(name) or next(iter(get_close_matches(name, names, n=1)), None)
            listed = ", ".join(names) if len(names) <= MAX_NAMES_LISTED else f"those of help({function})"
            remedy = f"do you mean {near}?" if near else f"known are {listed}."
            raise TypeError(f"{function} got an unexpected keyword argument {name!r}: {remedy}")


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


# --- constraints -----------------------------------------------------------------------------------------------------


Constraints: TypeAlias = dict[str, list[object]]

COUNT = Interval(Integral, 1, None, closed="left")
TWO_OR_MORE = Interval(Integral, 2, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
BELOW_ONE = Interval(Real, 0, 1, closed="left")
BETWEEN_0_AND_1 = Interval(Real, 0, 1, closed="neither")
FROM_0_TO_1 = Interval(Real, 0, 1, closed="both")
BETWEEN_1_AND_2 = Interval(Real, 1, 2, closed="neither")
INFINITY = Options(Real, {np.inf})  # infinity is not Integral
SPLITTER = HasMethods(["split", "get_n_splits"])
SCORER_NAMES = get_scorer_names()


class Names(StrOptions):
    """The constraint for a str that is one of several names. Messages list the names in a fixed order."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(set(names))
        self.names = tuple(names)

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, self.names))}}}"


def one_of(*names: str) -> Names:
    """Return the constraint for a str that is one of these names."""
    return Names(names)


AUTO = one_of("auto")
FIXED = "fixed"
"""Marks a parameter that must not change when training continues, since the encoding was learnt with it."""


def derive_constraints(cls: type[T]) -> type[T]:
    """Decorate a dataclass of parameters: set `_parameter_constraints`, for scikit-learn, and `_fixed_once_learnt`.

    The constraints follow the type in `Annotated`, or come from the type itself. The signature shows the types alone.
    Errors of `__init__` name the class.
    """
    annotations: dict[str, Any] = cls.__init__.__annotations__
    constraints: Constraints = {}
    fixed: list[str] = []
    for name, annotated in annotations.items():
        hint, *given = get_args(annotated) if get_origin(annotated) is Annotated else [annotated]
        annotations[name] = hint
        if FIXED in given:
            given.remove(FIXED)
            fixed.append(name)
        if given:
            constraints[name] = given
        elif get_origin(hint) is Literal:
            constraints[name] = [one_of(*get_args(hint))]
        elif hint is bool:
            constraints[name] = ["boolean"]
    cls._parameter_constraints, cls._fixed_once_learnt = constraints, fixed  # type: ignore[attr-defined]
    cls.__init__ = with_checked_keywords(cls.__init__)  # type: ignore[method-assign]
    return cls


LOSSES = {*CLASSIFICATION_LOSSES, *REGRESSION_LOSSES}
"""The names of losses, which users may pass as the first positional argument by mistake."""

SIZES = ("hidden_layer_sizes", "depth")
"""Parameters without an upper limit here, since layers are compared with the memory later."""

LARGEST_INTEGER = 2**63
"""Integers of this size raise an error. No size or count is that large, and some cannot become a float."""


def check_parameters(estimator: str, parameters: Mapping[str, object], constraints: Constraints) -> None:
    """Raise for invalid parameters as scikit-learn does, and for values that it would misread."""
    check_misread_values(estimator, parameters, constraints)
    try:
        validate_parameter_constraints(constraints, parameters, caller_name=estimator)
    except InvalidParameterError as error:
        wrong = next(name for name in parameters if str(error).startswith(f"The {name!r} parameter"))
        raise InvalidParameterError(f"{error}{_suggestion(parameters[wrong], constraints[wrong])}") from None


def _suggestion(value: object, allowed: Sequence[object]) -> str:
    """Return a hint at the probable meaning of an invalid value, "" if there is none."""
    if isinstance(value, str):
        return suggest_value(value, [name for names in allowed if isinstance(names, Names) for name in names.names])
    is_fraction = any(isinstance(limits, Interval) and limits.right == 1 for limits in allowed)
    return suggest_fraction(value) if is_fraction else ""


def check_misread_values(estimator: str, parameters: Mapping[str, object], constraints: Constraints) -> None:
    """Raise for values that scikit-learn's checks would misread; `estimator` is the name of its class."""
    sizes, rate = parameters.get("hidden_layer_sizes"), parameters.get("learning_rate")
    if isinstance(sizes, str) and sizes != "auto":
        what = f"the name of a loss: write loss={sizes!r}" if sizes in LOSSES else "text"
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {estimator} must be an int, one for each layer, as "
            f"(96, 32), or 'auto'. Got {sizes!r} instead, which is {what}."
        )
    if isinstance(rate, int | float | np.number) and not isinstance(rate, bool):
        raise InvalidParameterError(
            f"learning_rate={rate!r} is the name of a schedule, or a function: give the number as "
            f"learning_rate_init={rate!r}."
        )
    for name, value in parameters.items():
        allowed = constraints.get(name, [])  # empty for parameters of a subclass
        # scikit-learn's checks accept True and False as the integers 1 and 0
        may_be_number = any(isinstance(constraint, Interval) or constraint == "random_state" for constraint in allowed)
        if isinstance(value, bool | np.bool_) and may_be_number:
            raise InvalidParameterError(f"{name}={value!r} is a bool, and a number is expected: give a number.")
        if isinstance(value, set | frozenset):
            raise InvalidParameterError(f"{name}={value!r} is a set, which has no order: give a list.")
        if isinstance(value, np.ndarray) and value.ndim == 0:
            raise InvalidParameterError(f"{name}={value!r} is a 0-d array: give {name}={value.item()!r}.")
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int) and abs(number) >= LARGEST_INTEGER and name not in SIZES:
                raise InvalidParameterError(f"{name} holds an integer of more than 63 bits: give a smaller one.")


def fit_context(method: Method) -> Method:
    """Decorate a method that trains: check keywords and parameters, and respect scikit-learn's configuration."""
    # True: scikit-learn's functions called by a fit, such as metrics, skip the check of their parameters
    checked: Callable[..., object] = _fit_context(prefer_skip_nested_validation=True)(method)

    @wraps(method)
    def in_own_context(*args: object, **kwargs: object) -> object:
        # NumPy's errstate is a context variable. A Ctrl-C while it is entered or left may leave it set, but only in
        # this copy of the context.
        return copy_context().run(checked, *args, **kwargs)

    # outermost, so that it sees the keywords before Python does
    return cast(Method, with_checked_keywords(in_own_context))
