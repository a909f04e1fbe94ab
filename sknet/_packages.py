"""Optional packages: the error where one is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def require_package(what: str, package: str, *, extra: str) -> Iterator[None]:
    """Name the extra to install where a package that something needs is not there."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package {package} ({error}): install it with pip install 'sknet-mlp[{extra}]'."
        ) from error
