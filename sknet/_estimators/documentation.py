"""The address of the documentation, to which notebooks link each estimator and each parameter."""

from importlib.metadata import PackageNotFoundError, metadata


class DocumentationAddress:
    """The address of a page, under the one in the package's metadata; empty if the package is not installed.

    It is looked up where it is asked for, since reading a distribution's
    metadata takes longer than many a fit.
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
    """Makes notebooks link the estimator to this package's documentation, by the names that scikit-learn asks for."""

    _doc_link_module = "sknet"
    _doc_link_template = DocumentationAddress("api/generated/{estimator_module}.{estimator_name}.html")
