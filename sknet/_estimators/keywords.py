"""Errors for unknown keywords: they name the class or method that the user called, and the nearest known keyword."""

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
"""What other packages call a parameter, and its name here."""

MAX_NAMES_LISTED = 10
"""A message lists at most this many names."""


def refuse_unknown(function: str, keywords: Iterable[str], known: Iterable[str]) -> None:
    """Raise a TypeError for the first keyword that is not known; `function` is what it was passed to."""
    names = [name for name in known if name != "self"]
    for name in keywords:
        if name not in names:
            near = NAMES_ELSEWHERE.get(name) or next(iter(get_close_matches(name, names, n=1)), None)
            listed = ", ".join(names) if len(names) <= MAX_NAMES_LISTED else f"those of help({function})"
            remedy = f"do you mean {near}?" if near else f"known are {listed}."
            raise TypeError(f"{function} got an unexpected keyword argument {name!r}: {remedy}")


def name_class_in_errors(cls: type[T]) -> type[T]:
    """Decorate a class: errors of its `__init__` name the class that is made, which may be derived from it."""
    init = cls.__init__
    known = signature(init).parameters

    @wraps(init)
    def __init__(self: T, *args: object, **kwargs: object) -> None:
        refuse_unknown(type(self).__name__, kwargs, known)
        try:
            init(self, *args, **kwargs)
        except TypeError as error:  # Python's own message names the private class that has this `__init__`
            raise TypeError(str(error).replace(init.__qualname__, f"{type(self).__name__}.__init__")) from None

    cls.__init__ = __init__  # type: ignore[method-assign, assignment]
    return cls


def refuse_unknown_keywords(method: Callable[..., T]) -> Callable[..., T]:
    """Make a method refuse an unknown keyword and name the nearest known one."""
    known = signature(method).parameters

    @wraps(method)
    def call(estimator: object, *args: object, **kwargs: object) -> T:
        refuse_unknown(f"{type(estimator).__name__}.{method.__name__}()", kwargs, known)
        return method(estimator, *args, **kwargs)

    return call
