"""scikit-learn's base classes with types, which scikit-learn lacks, and the links to the documentation in notebooks.

Without the types, a type checker would not know the inherited methods, and could not check users' code.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, metadata
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

# --- typed base classes ----------------------------------------------------------------------------------------------


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


# --- links to the documentation --------------------------------------------------------------------------------------


class DocumentationAddress:
    """The address of a page of the documentation; empty if the package is not installed.

    The package's metadata has the address of the documentation. It is read on
    demand, since that takes longer than a short fit.
    """

    def __init__(self, page: str) -> None:
        self._page = page

    def __get__(self, estimator: object, owner: type) -> str:
        try:
            urls = metadata("sknet-mlp").get_all("Project-URL") or []
        except PackageNotFoundError:
            return ""
        named = dict(url.split(", ", 1) for url in urls)  # each is "name, address"
        return named["Documentation"] + self._page if "Documentation" in named else ""


class DocumentationLinkMixin:
    """Links estimators to this package's documentation in notebooks, by attributes that scikit-learn reads."""

    _doc_link_module = "sknet"
    _doc_link_template = DocumentationAddress("api/generated/{estimator_module}.{estimator_name}.html")


__all__ = [
    "BaseCrossValidator", "BaseEstimator", "BaseShuffleSplit", "CallbackSupportMixin",
    "ClassNamePrefixFeaturesOutMixin", "ClassifierMixin", "DocumentationAddress", "DocumentationLinkMixin",
    "Method", "RegressorMixin", "Tags", "TransformerMixin", "available_if", "with_callbacks",
]  # fmt: skip
