"""The address of the documentation, for links in notebooks to estimators and parameters."""

from importlib.metadata import PackageNotFoundError, metadata


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
