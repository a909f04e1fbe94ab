"""scikit-learn's API: its base classes with types, checked keywords, warnings at the user's line, and links to pages.

This is the only module that imports private names of scikit-learn.
"""

import sys
import warnings
from collections.abc import Callable
from contextvars import copy_context
from functools import wraps
from importlib.metadata import PackageNotFoundError, metadata
from inspect import Parameter, signature
from types import MethodType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import Interval as AllowedRange

from sknet._estimators.suggestions import check_keyword_names

# --- typed base classes ----------------------------------------------------------------------------------------------


T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., object])
"""A method that a decorator returns with the same parameters and result."""

if TYPE_CHECKING:  # for type checkers only, since scikit-learn has no types
    from sknet._typing import Array, Table, Target

    Tags: TypeAlias = Any

    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def get_metadata_routing(self) -> Any: ...
        def __sklearn_tags__(self) -> Tags: ...

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

else:
    from sklearn.base import (
        BaseEstimator,
        ClassifierMixin,
        ClassNamePrefixFeaturesOutMixin,
        RegressorMixin,
        TransformerMixin,
    )
    from sklearn.utils import Tags

    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks
    except ImportError:  # scikit-learn < 1.9 has no callbacks, so `set_callbacks` is absent

        class CallbackSupportMixin:
            """What estimators derive from where scikit-learn has no callbacks: it adds no method."""

        def with_callbacks(method: Method) -> Method:
            """Return the method unchanged."""
            return method


# --- unknown keywords ------------------------------------------------------------------------------------------------


def with_checked_keywords(method: Callable[..., T]) -> Callable[..., T]:
    """Decorate a method: errors for unknown or missing arguments name it, and those of `__init__` name the class."""
    expected = signature(method)
    n_required = sum(parameter.default is Parameter.empty for parameter in expected.parameters.values())
    suffix, it_takes = "", ""
    if method.__name__ != "__init__":
        suffix = f".{method.__name__}()"
        it_takes = f" It takes {', '.join([name for name in expected.parameters if name != 'self'])}."

    @wraps(method)
    def call(estimator: object, *args: object, **kwargs: object) -> T:
        if not kwargs and len(args) + 1 == n_required:  # such as predict(X), where a check would take 6% of the time
            return method(estimator, *args)
        name = type(estimator).__name__ + suffix
        check_keyword_names(name, kwargs, expected.parameters)
        try:
            expected.bind(estimator, *args, **kwargs)
        except TypeError as error:  # Python's message names the private class that defines the method
            raise TypeError(f"{name}: {error}.{it_takes}") from None
        return method(estimator, *args, **kwargs)

    call.__qualname__ = method.__name__  # scikit-learn's own wrapper of `transform` shows it in errors
    return call


def fit_context(method: Method) -> Method:
    """Decorate a method that trains: check keywords and parameters, and respect scikit-learn's configuration."""
    # with True, functions of scikit-learn that a fit calls, such as metrics, do not check their parameters
    checked: Callable[..., object] = _fit_context(prefer_skip_nested_validation=True)(method)

    @wraps(method)
    def in_copied_context(*args: object, **kwargs: object) -> object:
        # NumPy's errstate is a context variable. A Ctrl-C while it is entered or left may leave it set, but only in
        # this copy of the context.
        return copy_context().run(checked, *args, **kwargs)

    # this comes first, because Python's own error for an unknown keyword is less helpful
    return cast(Method, with_checked_keywords(in_copied_context))


class ConditionalMethod:
    """A method that only some estimators have; that of scikit-learn hides why the others have none.

    Parameters
    ----------
    method : callable
    check : callable
        Raises an AttributeError for an estimator that does not have the method.
    """

    def __init__(self, method: Callable[..., object], check: Callable[[Any], None]) -> None:
        self._method = method
        self._check = check

    def __get__(self, estimator: object, owner: type | None = None) -> Callable[..., object]:
        if estimator is None:
            return self._method
        self._check(estimator)
        return MethodType(self._method, estimator)


def available_if(check: Callable[[Any], None]) -> Callable[[Method], Method]:
    """Return a decorator of methods that an estimator has unless `check` raises an AttributeError for it."""
    return lambda method: cast(Any, ConditionalMethod(method, check))


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
    "AllowedRange", "BaseEstimator", "CallbackSupportMixin", "ClassNamePrefixFeaturesOutMixin", "ClassifierMixin",
    "DocumentationLinkMixin", "HasMethods", "InvalidParameterError", "Options", "RegressorMixin", "StrOptions", "Tags",
    "TransformerMixin", "available_if", "fit_context", "validate_parameter_constraints", "warn", "with_callbacks",
    "with_checked_keywords",
]  # fmt: skip
