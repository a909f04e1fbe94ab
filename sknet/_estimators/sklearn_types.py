"""scikit-learn's base classes with types, which scikit-learn lacks.

Without them, a type checker would not know the inherited methods, and could not check users' code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

Method = TypeVar("Method", bound=Callable[..., object])
"""A method that a decorator returns with the same parameters and result."""

if TYPE_CHECKING:
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


__all__ = [
    "BaseCrossValidator", "BaseEstimator", "BaseShuffleSplit", "CallbackSupportMixin",
    "ClassNamePrefixFeaturesOutMixin", "ClassifierMixin", "Method", "RegressorMixin", "Tags", "TransformerMixin",
    "available_if", "with_callbacks",
]  # fmt: skip
