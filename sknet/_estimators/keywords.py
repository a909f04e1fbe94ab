"""Errors for unknown keywords and values, with the name of the public method and the nearest known name."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from inspect import signature
from typing import TypeVar

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


def refuse_unknown(function: str, keywords: Iterable[str], known: Iterable[str]) -> None:
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


def name_class_in_errors(cls: type[T]) -> type[T]:
    """Decorate a class so that errors of its `__init__` name the class of the instance, such as a subclass."""
    init = cls.__init__
    known = signature(init).parameters

    @wraps(init)
    def __init__(self: T, *args: object, **kwargs: object) -> None:
        refuse_unknown(type(self).__name__, kwargs, known)
        try:
            init(self, *args, **kwargs)
        except TypeError as error:  # Python's message names the private class that defines `__init__`
            raise TypeError(str(error).replace(init.__qualname__, f"{type(self).__name__}.__init__")) from None

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls


def refuse_unknown_keywords(method: Callable[..., T]) -> Callable[..., T]:
    """Decorate a method so that errors for unknown or missing arguments have its public name."""
    expected = signature(method)

    @wraps(method)
    def call(estimator: object, *args: object, **kwargs: object) -> T:
        name = f"{type(estimator).__name__}.{method.__name__}()"
        refuse_unknown(name, kwargs, expected.parameters)
        try:
            expected.bind(estimator, *args, **kwargs)
        except TypeError as error:  # Python's message names the private class that defines the method
            raise TypeError(f"{name}: {error}.") from None
        return method(estimator, *args, **kwargs)

    call.__qualname__ = method.__name__  # for errors of scikit-learn's own wrapper of `transform`
    return call
